"""ConvLSTM layers beyond Keras's numbers: an LSTM in small, states, files, errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers, models
from recurra.saving import load_model

X = np.random.RandomState(0).standard_normal((3, 4, 6, 2)).astype("float32")


def test_an_lstm_where_there_is_one_place() -> None:
    one = np.random.RandomState(1).standard_normal((3, 5, 1, 4)).astype("float32")
    made, plain = layers.ConvLSTM1D(3, 1, return_sequences=True), layers.LSTM(3, return_sequences=True)
    made(one)
    plain(one[:, :, 0])
    plain.set_weights([w[0] if w.ndim == 3 else w for w in made.get_weights()])
    np.testing.assert_allclose(made(one)[:, :, 0], plain(one[:, :, 0]), rtol=1e-5, atol=1e-6)


def test_weights_and_first_values() -> None:
    made = layers.ConvLSTM2D(3, (2, 3))
    made.build((None, None, 5, 6, 2))
    assert [w.shape for w in made.weights] == [(2, 3, 2, 12), (2, 3, 3, 12), (12,)]
    np.testing.assert_array_equal(made.weights[2].value, [0] * 3 + [1] * 3 + [0] * 6)
    assert [w.name for w in made.weights] == ["kernel", "recurrent_kernel", "bias"]


def test_states_carry_on() -> None:
    made = layers.ConvLSTM1D(3, 3, padding="same", return_sequences=True, return_state=True)
    whole, h, c = made(X)
    first, *states = made(X[:, :2])
    second, h2, c2 = made(X[:, 2:], initial_state=states)
    np.testing.assert_array_equal(np.concatenate([first, second], 1), whole)
    np.testing.assert_array_equal(h, h2)
    np.testing.assert_array_equal(c, c2)
    stateful = layers.ConvLSTM1D(3, 3, padding="same", return_sequences=True, stateful=True)
    stateful(X[:, :2])
    stateful.set_weights(made.get_weights())
    stateful.reset_state()
    np.testing.assert_array_equal(np.concatenate([stateful(X[:, :2]), stateful(X[:, 2:])], 1), whole)


def test_a_step_of_the_cell() -> None:
    made = layers.ConvLSTM1D(3, 2, return_sequences=True)
    whole = made(X)
    states = made.cell.get_initial_state(3)
    for t in range(4):
        y, states = made.cell(X[:, t], states)
        np.testing.assert_allclose(y, whole[:, t], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("format", ["a.keras", "a.h5"])
def test_in_a_model_and_its_file(tmp_path: Path, format: str) -> None:
    frames = np.random.RandomState(2).standard_normal((2, 3, 5, 4, 1)).astype("float32")
    model = models.Sequential(
        [
            layers.Input((None, 5, 4, 1)),
            layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True),
            layers.BatchNormalization(),
            layers.ConvLSTM2D(2, (2, 1), dropout=0.1),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    assert model.layers[0].output.shape == (None, None, 5, 4, 3)
    model.compile("adam", "mse")
    losses = model.fit(frames, np.ones((2, 1)), epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / format)
    again = load_model(tmp_path / format)
    np.testing.assert_array_equal(again.predict(frames, verbose=0), model.predict(frames, verbose=0))


def test_dropout_in_training_alone() -> None:
    for options in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}):
        made = layers.ConvLSTM1D(3, 2, **options)
        np.testing.assert_array_equal(made(X), made(X))
        assert not np.array_equal(made(X, training=True), made(X, training=True))


def test_no_rows() -> None:
    assert layers.ConvLSTM1D(3, 2)(X[:0]).shape == (0, 5, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.ConvLSTM1D(0, 2), "filters must be a positive integer"),
        (lambda: layers.ConvLSTM1D(3, 2, padding="causal"), "padding must be one of 'valid', 'same'"),
        (lambda: layers.ConvLSTM1D(3, 2, strides=2, dilation_rate=2), "cannot both be above 1"),
        (lambda: layers.ConvLSTM1D(3, 2)(X[0]), "inputs must have 4 axes, got shape (4, 6, 2)"),
        (lambda: layers.ConvLSTM1D(3, 2)(layers.Input((4, None, 2))), "the spatial sizes must be known"),
        (lambda: layers.ConvLSTM1D(3, 7)(X), "covers 7 steps does not fit into an axis of 6"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
