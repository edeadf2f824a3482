"""A tag for each word: Embedding(mask_zero), a bidirectional LSTM and TimeDistributed(Dense)."""

from __future__ import annotations

import numpy as np

import recurra as keras
from recurra.layers import LSTM, Bidirectional, Dense, Embedding, InputLayer, TimeDistributed
from recurra.models import Sequential
from recurra.preprocessing.sequence import pad_sequences
from recurra.utils import to_categorical

DETERMINERS, ADJECTIVES = ["the", "a"], ["red", "old", "big"]
NOUNS, VERBS = ["dog", "cat", "saw", "duck"], ["saw", "ran"]


def sentences(n, rng):
    """A word such as `saw` is a noun or a verb depending on what stands around it."""
    for _ in range(n):
        sentence = []
        for _ in range(rng.integers(1, 3)):
            sentence.append((rng.choice(DETERMINERS), "DET"))
            sentence += [(rng.choice(ADJECTIVES), "ADJ") for _ in range(rng.integers(0, 3))]
            sentence += [(rng.choice(NOUNS), "NOUN"), (rng.choice(VERBS), "VERB")]
        yield sentence


def test_part_of_speech_tags():
    keras.utils.set_random_seed(4)
    tagged = list(sentences(160, np.random.default_rng(4)))
    words = sorted({word for sentence in tagged for word, _ in sentence})
    tags = sorted({tag for sentence in tagged for _, tag in sentence})
    word2index = {word: i + 1 for i, word in enumerate(words)}
    tag2index = {tag: i + 1 for i, tag in enumerate(tags)} | {"-PAD-": 0}
    X = pad_sequences([[word2index[w] for w, _ in s] for s in tagged], padding="post")
    Y = pad_sequences([[tag2index[t] for _, t in s] for s in tagged], padding="post")
    lengths = (X != 0).sum(axis=1)
    assert lengths.min() < X.shape[1] == lengths.max()

    model = Sequential()
    model.add(InputLayer(input_shape=(X.shape[1],)))
    model.add(Embedding(len(word2index) + 1, 8, mask_zero=True))
    model.add(Bidirectional(LSTM(12, return_sequences=True)))
    model.add(TimeDistributed(Dense(len(tag2index), activation="softmax")))
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.02), metrics=["accuracy"])
    assert model.output_shape == (None, X.shape[1], len(tag2index))

    labels = to_categorical(Y, num_classes=len(tag2index))
    history = model.fit(X, labels, batch_size=32, epochs=10, validation_split=0.2, verbose=0)
    assert history.history["val_accuracy"][-1] > 0.95
    assert history.history["loss"][-1] < 0.3

    probabilities = model.predict(X, verbose=0)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    valid = X != 0
    assert np.mean(probabilities.argmax(-1)[valid] == Y[valid]) > 0.95

    # padding counts neither in the loss nor in the accuracy
    loss, accuracy = model.evaluate(X, labels, verbose=0)
    picked = np.take_along_axis(probabilities, Y[..., None], -1)[..., 0][valid]
    np.testing.assert_allclose(loss, -np.log(picked).mean(), rtol=1e-3)
    np.testing.assert_allclose(accuracy, np.mean(probabilities.argmax(-1)[valid] == Y[valid]), rtol=1e-5)
