"""Convolutions with weights of their own at each place: equations, shapes, files, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Sequential

X = np.random.RandomState(2).standard_normal((3, 11, 4)).astype("float32")


def random_weights(layer: Any) -> list[Any]:
    rng = np.random.RandomState(5)
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.get_weights()])
    return list(layer.get_weights())


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (2, 3), (1, 2), (11, 1)])
def test_each_place_has_its_weights(size: int, stride: int) -> None:
    layer = layers.LocallyConnected1D(5, size, strides=stride, activation="tanh")
    layer.build(X.shape)
    kernel, bias = random_weights(layer)
    length = (11 - size) // stride + 1
    assert kernel.shape == (length, size * 4, 5) and bias.shape == (length, 5)
    y = layer(X)
    assert y.shape == layer.compute_output_shape(X.shape) == (3, length, 5)
    for place in range(length):
        window = X[:, place * stride : place * stride + size].reshape(3, -1)
        np.testing.assert_allclose(y[:, place], np.tanh(window @ kernel[place] + bias[place]), rtol=1e-4, atol=1e-5)


def test_channels_first_takes_a_window_channel_by_channel() -> None:
    layer = layers.LocallyConnected1D(5, 3, data_format="channels_first")
    first = np.ascontiguousarray(X.swapaxes(1, 2))
    assert layer(first).shape == layer.compute_output_shape(first.shape) == (3, 5, 9)
    kernel, bias = random_weights(layer)
    for place in range(9):
        expected = first[:, :, place : place + 3].reshape(3, -1) @ kernel[place] + bias[place]
        np.testing.assert_allclose(layer(first)[:, :, place], expected, rtol=1e-4, atol=1e-5)


def test_in_front_of_a_recurrent_layer() -> None:
    model = Sequential([layers.Input((11, 4)), layers.LocallyConnected1D(6, (3,)), layers.LSTM(2), layers.Dense(1)])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, np.ones(3), verbose=0)
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layers.LocallyConnected1D(2, 3, padding="same"), "padding must be .* put a ZeroPadding1D in front"),
        (lambda: layers.LocallyConnected1D(2, 3, implementation=2), "implementation must be 1"),
        (lambda: layers.LocallyConnected1D(2, (3, 3)), "kernel_size must be a positive integer"),
        (lambda: layers.LocallyConnected1D(2, 3)(layers.Input((None, 4))), "steps and channels must be known"),
        (lambda: layers.LocallyConnected1D(2, 12)(X), "covers 12 steps does not fit into an axis of 11"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
