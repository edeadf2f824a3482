"""A Sequential model that learns its input's shape from a batch takes batches of other lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from recurra.data import Dataset
from recurra.layers import LSTM, Dense, Embedding, Flatten, Input, Layer
from recurra.models import Model, Sequential, load_model


def batches() -> Iterator[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    for T in (7, 5, 9):
        yield rng.integers(0, 11, (4, T)), rng.integers(0, 2, (4, T))


def test_batches_of_different_lengths(tmp_path: Any) -> None:
    model = Sequential([Embedding(11, 3), LSTM(5, return_sequences=True), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    data = Dataset.from_generator(batches)
    losses = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert model.output_shape == (None, None, 1)
    assert [step.shape for step in (model.predict(x, verbose=0) for x, _ in data)] == [(4, 7, 1), (4, 5, 1), (4, 9, 1)]
    model.save(tmp_path / "m.keras")
    ids = np.array([[3, 1, 4]])
    np.testing.assert_array_equal(load_model(tmp_path / "m.keras").predict(ids), model.predict(ids))
    inner = Model(model.inputs, model.layers[1].output)
    assert inner(ids).shape == (1, 3, 5)


def test_features_stay_as_they_were() -> None:
    model = Sequential([LSTM(5), Dense(2)])
    assert model(np.zeros((2, 4, 3))).shape == (2, 2)
    assert model(np.zeros((2, 6, 3))).shape == (2, 2)
    assert model.input_shape == (None, None, 3)
    with pytest.raises(ValueError, match=r"\(any, any, 3\), got \(2, 4, 2\)"):
        model(np.zeros((2, 4, 2)))


class PerStep(Layer):
    """Weights for each step, as attention layers of tutorials have them."""

    def build(self, input_shape: Any) -> None:
        self.b = self.add_weight(shape=(input_shape[1], 1), initializer="ones", name="b")

    def call(self, inputs: Any) -> Any:
        return inputs + self.b


@pytest.mark.parametrize("middle", [Flatten, PerStep])
def test_a_length_that_a_layer_needs_is_kept(middle: Any) -> None:
    model = Sequential([LSTM(5, return_sequences=True), middle(), Dense(2)])
    out = model(np.ones((2, 4, 3)))
    assert model.input_shape == (None, 4, 3)
    assert [len(layer._inbound_nodes) for layer in model.layers] == [1, 1, 1]
    np.testing.assert_array_equal(Model(model.inputs, model.outputs[0])(np.ones((2, 4, 3))), out)
    with pytest.raises(ValueError, match=r"must have shape \(any, 4, 3\), got \(2, 6, 3\)"):
        model(np.ones((2, 6, 3)))


def test_a_length_that_was_said_is_kept() -> None:
    model = Sequential([Input((4, 3)), LSTM(5)])
    with pytest.raises(ValueError, match=r"must have shape \(any, 4, 3\)"):
        model(np.zeros((2, 6, 3)))
