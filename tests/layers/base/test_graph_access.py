"""What a layer tells about its place in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.layers import LSTM, Concatenate, Dense, Embedding, Input, Layer
from recurra.models import Model, Sequential


def test_shapes_of_keras_2() -> None:
    model = Sequential([Embedding(9, 4, input_length=5), LSTM(3, return_sequences=True), Dense(2)])
    assert [layer.output_shape for layer in model.layers] == [(None, 5, 4), (None, 5, 3), (None, 5, 2)]
    assert [layer.input_shape for layer in model.layers] == [(None, 5), (None, 5, 4), (None, 5, 3)]
    a, b = Input((3,)), Input((4,))
    joined = Concatenate()
    assert Model([a, b], joined([a, b])).output_shape == (None, 7)
    assert joined.input_shape == [(None, 3), (None, 4)]


def test_a_layer_outside_of_a_graph_has_none() -> None:
    layer = Dense(2)
    layer(np.ones((1, 3)))
    with pytest.raises(AttributeError, match="called exactly once on symbolic tensors"):
        layer.output_shape  # noqa: B018
    assert not hasattr(layer, "input_shape")


class Own(Layer):
    def __init__(self, output_shape: Any) -> None:
        super().__init__()
        self.output_shape = output_shape

    def call(self, x: Any) -> Any:
        return x


def test_a_layer_may_have_such_an_attribute_of_its_own() -> None:
    layer = Own((7,))
    layer(Input((3,)))
    assert layer.output_shape == (7,) and layer.input_shape == (None, 3)
