"""Bidirectional nets, and what the guides to recurrent layers, masks, several inputs and word vectors show."""

from __future__ import annotations

import numpy as np
import pytest

import recurra as keras
from recurra import layers
from recurra.utils import pad_sequences


def cumulative_sequences(n, timesteps, rng):
    """Has the sum of the numbers so far passed a quarter of the number of steps?"""
    x = rng.random((n, timesteps))
    return x[..., None], (np.cumsum(x, axis=1) > timesteps / 4).astype("float32")[..., None]


@pytest.mark.parametrize("mode", ["sum", "mul", "ave", "concat"])
def test_merge_modes(mode, rng):
    keras.utils.set_random_seed(71)
    x, y = cumulative_sequences(160, 8, rng)
    model = keras.Sequential()
    model.add(layers.Bidirectional(layers.LSTM(12, return_sequences=True), input_shape=(8, 1), merge_mode=mode))
    model.add(layers.TimeDistributed(layers.Dense(1, activation="sigmoid")))
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.03), metrics=["acc"])
    assert model.layers[0].output_shape == (None, 8, 24 if mode == "concat" else 12)
    history = model.fit(x, y, epochs=8, batch_size=16, verbose=0)
    assert history.history["acc"][-1] > 0.85


def test_a_backward_layer_of_another_kind():
    layer = layers.Bidirectional(
        layers.LSTM(4, return_sequences=True),
        backward_layer=layers.GRU(3, activation="relu", return_sequences=True, go_backwards=True),
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    y = layer(x)
    assert y.shape == (2, 5, 7)
    np.testing.assert_allclose(y[..., 4:], np.asarray(layer.backward_layer(x))[:, ::-1], rtol=1e-5, atol=1e-6)


def test_a_functional_classifier(rng):
    keras.utils.set_random_seed(72)
    ids = rng.integers(1, 30, (120, 9))
    y = (ids == 7).any(axis=1) | (ids == 8).any(axis=1)
    inputs = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(30, 8)(inputs)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(8))(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(ids, y, batch_size=16, epochs=10, validation_data=(ids, y), verbose=0)
    assert history.history["val_accuracy"][-1] > 0.9


def test_states_of_a_layer(rng):
    paragraph = [rng.random((20, 10, 5)).astype("float32") for _ in range(3)]
    lstm_layer = layers.LSTM(6, stateful=True)
    for part in paragraph:
        output = lstm_layer(part)
    existing_state = lstm_layer.states
    np.testing.assert_allclose(output, layers_run(lstm_layer, np.concatenate(paragraph, axis=1)), rtol=1e-4, atol=1e-5)
    new_lstm_layer = layers.LSTM(6)
    new_lstm_layer(paragraph[0], initial_state=existing_state)
    lstm_layer.reset_states()
    np.testing.assert_array_equal(np.asarray(lstm_layer.states[0]), 0)


def layers_run(layer, x):
    plain = layers.LSTM(layer.units)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    return plain(x)


def test_masks_are_handed_on():
    raw = [[711, 632, 71], [73, 8, 321, 55, 927], [83, 91, 1, 645, 125, 927]]
    padded = pad_sequences(raw, padding="post")
    assert padded.shape == (3, 6) and padded[0].tolist() == [711, 632, 71, 0, 0, 0]
    embedding = layers.Embedding(input_dim=1000, output_dim=4, mask_zero=True)
    masked_output = embedding(padded)
    np.testing.assert_array_equal(masked_output._keras_mask, padded != 0)
    lstm = layers.LSTM(3)
    out = lstm(masked_output)
    np.testing.assert_array_equal(out, lstm(masked_output, mask=embedding.compute_mask(padded)))
    np.testing.assert_allclose(out[:1], lstm(embedding(np.array(raw[:1]))), rtol=1e-5, atol=1e-6)
    masking = layers.Masking()
    np.testing.assert_array_equal(
        masking(np.repeat(padded[..., None], 4, axis=-1).astype("float32"))._keras_mask, padded != 0
    )


def test_several_inputs_and_outputs(rng):
    keras.utils.set_random_seed(73)
    title, body, tags = (
        keras.Input((None,), name="title"),
        keras.Input((None,), name="body"),
        keras.Input((3,), name="tags"),
    )
    title_features = layers.LSTM(8)(layers.Embedding(12, 6)(title))
    body_features = layers.LSTM(8)(layers.Embedding(12, 6)(body))
    x = layers.concatenate([title_features, body_features, tags])
    model = keras.Model(
        inputs=[title, body, tags],
        outputs=[layers.Dense(1, name="priority")(x), layers.Dense(4, name="department")(x)],
    )
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.02),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    inputs = {
        "title": rng.integers(0, 12, (64, 4)),
        "body": rng.integers(0, 12, (64, 7)),
        "tags": rng.integers(0, 2, (64, 3)).astype("float32"),
    }
    department = inputs["title"][:, -1] // 3
    targets = {"priority": inputs["tags"][:, :1], "department": np.eye(4)[department]}
    history = model.fit(inputs, targets, epochs=12, batch_size=16, verbose=0).history
    assert set(history) == {"loss", "priority_loss", "department_loss"}
    for i in (0, 11):
        assert history["loss"][i] == pytest.approx(
            history["priority_loss"][i] + 0.2 * history["department_loss"][i], rel=1e-4
        )
    assert history["priority_loss"][-1] < 0.3 and history["department_loss"][-1] < 0.8 * history["department_loss"][0]
    priority, departments = model.predict(inputs, verbose=0)
    assert priority.shape == (64, 1) and departments.shape == (64, 4)


@pytest.mark.parametrize("way", ["weights", "initializer", "set_weights"])
def test_word_vectors_that_stay(way, rng):
    matrix = rng.random((20, 4)).astype("float32")
    if way == "weights":
        embedding = layers.Embedding(20, 4, weights=[matrix], input_length=5, trainable=False)
    elif way == "initializer":
        embedding = layers.Embedding(
            20, 4, embeddings_initializer=keras.initializers.Constant(matrix), input_length=5, trainable=False
        )
    else:
        embedding = layers.Embedding(20, 4, input_length=5)
    model = keras.Sequential([embedding, layers.GRU(3), layers.Dense(1, activation="sigmoid")])
    if way == "set_weights":
        model.layers[0].set_weights([matrix])
        model.layers[0].trainable = False
    model.compile("adam", "binary_crossentropy", metrics=["acc"])
    before = model.layers[1].get_weights()[0].copy()
    model.fit(rng.integers(0, 20, (16, 5)), rng.integers(0, 2, 16), verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], matrix)
    assert not np.array_equal(model.layers[1].get_weights()[0], before)
    assert len(model.trainable_weights) == 5 and len(model.non_trainable_weights) == 1


def test_batches_from_generators(rng):
    def batches():
        while True:
            x = rng.random((8, 5, 3))
            yield x, x[:, -1, :1]

    model = keras.Sequential([layers.GRU(8, input_shape=(None, 3)), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mae")
    history = model.fit(
        batches(), steps_per_epoch=10, epochs=4, validation_data=batches(), validation_steps=2, verbose=0
    )
    assert len(history.history["val_loss"]) == 4
    assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]
