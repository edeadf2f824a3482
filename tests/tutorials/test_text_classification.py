"""Reviews as text: a vocabulary that is adapted, datasets of strings, and attention made of plain layers."""

from __future__ import annotations

import numpy as np

import recurra as keras
from recurra import backend as K
from recurra.data import AUTOTUNE, Dataset
from recurra.layers import (
    LSTM,
    Activation,
    Bidirectional,
    Dense,
    Embedding,
    Flatten,
    Input,
    Lambda,
    Permute,
    RepeatVector,
    multiply,
)
from recurra.models import Model, Sequential
from recurra.preprocessing import TextVectorization


def reviews(n, rng):
    adjectives = {1: ["good", "great", "fine"], 0: ["bad", "dull", "poor"]}
    labels = rng.integers(0, 2, n)
    texts = []
    for label in labels:
        words = rng.choice(["film", "actor", "plot", "music"], rng.integers(1, 6)).tolist()
        texts.append(" ".join(["The", *words, "was", rng.choice(adjectives[int(label)]) + "!"]))
    return texts, labels


def test_text_classification(rng):
    keras.utils.set_random_seed(81)
    train_dataset = Dataset.from_tensor_slices(reviews(160, rng))
    test_dataset = Dataset.from_tensor_slices(reviews(60, rng))
    for example, label in train_dataset.take(1):
        assert example.startswith("The ") and label in (0, 1)
    train_dataset = train_dataset.shuffle(1000).batch(16).prefetch(AUTOTUNE)
    test_dataset = test_dataset.batch(16).prefetch(AUTOTUNE)

    encoder = TextVectorization(max_tokens=1000)
    encoder.adapt(train_dataset.map(lambda text, label: text))
    vocab = encoder.get_vocabulary()
    assert vocab[:2] == ["", "[UNK]"] and set(vocab[2:4]) == {"the", "was"}
    encoded = encoder(np.array(["The plot was good!"]))
    assert " ".join(vocab[i] for i in encoded[0]) == "the plot was good"

    model = Sequential(
        [
            Embedding(input_dim=len(vocab), output_dim=8, mask_zero=True),
            Bidirectional(LSTM(8)),
            Dense(8, activation="relu"),
            Dense(1),
        ]
    )
    model.compile(
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Adam(0.02),
        metrics=["accuracy"],
    )
    # texts become ids before the model: batches are as long as their longest text
    train_ids = train_dataset.map(lambda texts, labels: (encoder(texts), labels))
    test_ids = test_dataset.map(lambda texts, labels: (encoder(texts), labels))
    history = model.fit(train_ids, epochs=6, validation_data=test_ids, validation_steps=3, verbose=0)
    assert history.history["val_accuracy"][-1] > 0.95
    _, test_acc = model.evaluate(test_ids, verbose=0)
    assert test_acc > 0.95
    said = model.predict(encoder(np.array(["the music was great", "the music was dull"])), verbose=0)
    assert said[0, 0] > 0 > said[1, 0]

    # padding changes nothing, since the layers mind the mask
    alone = model.predict(encoder(np.array(["the plot was fine"])), verbose=0)
    beside = model.predict(encoder(np.array(["the plot was fine", "the " * 40])), verbose=0)
    np.testing.assert_allclose(beside[:1], alone, rtol=1e-4, atol=1e-5)


def test_attention_of_plain_layers(rng):
    keras.utils.set_random_seed(82)
    ids = rng.integers(1, 20, (160, 7))
    y = (ids == 5).any(axis=1).astype("float32")
    inputs = Input(shape=(7,))
    activations = Bidirectional(LSTM(6, return_sequences=True))(Embedding(20, 8)(inputs))
    attention = Dense(1, activation="tanh")(activations)
    attention = Flatten()(attention)
    attention = weights = Activation("softmax")(attention)
    attention = RepeatVector(12)(attention)
    attention = Permute([2, 1])(attention)
    sent = multiply([activations, attention])
    sent = Lambda(lambda x: K.sum(x, axis=1), output_shape=(12,))(sent)
    model = Model(inputs, Dense(1, activation="sigmoid")(sent))
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["acc"])
    history = model.fit(ids, y, batch_size=16, epochs=10, verbose=0)
    assert history.history["acc"][-1] > 0.9
    np.testing.assert_allclose(Model(inputs, weights).predict(ids, verbose=0).sum(axis=1), 1, rtol=1e-5)
