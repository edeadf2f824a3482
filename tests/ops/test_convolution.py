"""Convolutions: against sums written out, gradients against differences, empty axes, symbols, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import gradcheck, layers, ops
from recurra.ops.convolution import transposed_size
from tests.support.tolerances import assert_close


def slow_conv(x: Any, w: Any, strides: int, before: int, after: int, dilation: int) -> Any:
    """One axis, from the equation."""
    x = np.pad(x, ((0, 0), (before, after), (0, 0)))
    covered = (len(w) - 1) * dilation + 1
    starts = range(0, x.shape[1] - covered + 1, strides)
    return np.stack([sum(x[:, s + k * dilation] @ w[k] for k in range(len(w))) for s in starts], axis=1)


@pytest.mark.parametrize(
    ("options", "around"),
    [
        ({}, (0, 0)),
        ({"strides": 3}, (0, 0)),
        ({"padding": "same"}, (1, 2)),
        ({"padding": "SAME", "strides": 2}, (1, 2)),
        ({"padding": "causal"}, (3, 0)),
        ({"padding": "causal", "dilation_rate": 2}, (6, 0)),
        ({"dilation_rate": 3}, (0, 0)),
    ],
    ids=str,
)
def test_one_axis(rng: np.random.Generator, dtype: np.dtype, options: dict[str, Any], around: Any) -> None:
    x, w, b = (rng.normal(size=shape).astype(dtype) for shape in ((3, 11, 2), (4, 2, 5), (5,)))
    wanted = slow_conv(x, w, options.get("strides", 1), *around, options.get("dilation_rate", 1)) + b
    assert_close(ops.conv(x, w, bias=b, **options), wanted, "product")
    turned = ops.conv(np.swapaxes(x, 1, 2), w, bias=b, data_format="channels_first", **options)
    assert_close(np.swapaxes(turned, 1, 2), wanted, "product")


def test_groups_are_convolutions_of_their_own(rng: np.random.Generator) -> None:
    x, w = rng.normal(size=(2, 6, 5, 6)), rng.normal(size=(2, 3, 2, 9))
    parts = [ops.conv(x[..., 2 * g : 2 * g + 2], w[..., 3 * g : 3 * g + 3]) for g in range(3)]
    np.testing.assert_allclose(ops.conv(x, w), np.concatenate(parts, -1), rtol=1e-12)
    # as many groups as channels: the depthwise kind, its kernel in another order
    deep = rng.normal(size=(2, 3, 6, 2))
    flat = ops.conv(x, deep.reshape(2, 3, 1, 12), strides=2, padding="same")
    np.testing.assert_allclose(ops.depthwise_conv(x, deep, 2, "same"), flat, rtol=1e-12, atol=1e-12)


def test_gradients(rng: np.random.Generator) -> None:
    x, w, b = rng.normal(size=(2, 7, 4)), rng.normal(size=(3, 2, 6)), rng.normal(size=6)
    gradcheck(lambda x, w, b: ops.conv(x, w, 2, "same", bias=b), [x, w, b])
    gradcheck(lambda x, w, b: ops.conv(x, w, 1, "causal", dilation_rate=2, bias=b), [x, w, b])
    first = {"data_format": "channels_first"}
    gradcheck(lambda x, w, b: ops.conv(x, w, bias=b, **first), [np.swapaxes(x, 1, 2).copy(), w, b])
    back = rng.normal(size=(3, 6, 4))
    gradcheck(lambda x, w, b: ops.conv_transpose(x, w, 2, "same", 1, bias=b), [x, back, b])
    gradcheck(lambda x, w, b: ops.conv_transpose(x, w, 5, bias=b), [x, back, b])
    deep, point = rng.normal(size=(3, 4, 2)), rng.normal(size=(1, 8, 5))
    gradcheck(lambda x, d, p: ops.separable_conv(x, d, p, 2, "same"), [x, deep, point])


def test_the_transposed_convolution_is_the_gradient(rng: np.random.Generator) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> for the same kernel, its last two axes being (C, F) and (F, C)."""
    x, w = rng.normal(size=(2, 9, 3)), rng.normal(size=(4, 3, 5))
    y = rng.normal(size=(2, 6, 5))
    np.testing.assert_allclose(np.sum(ops.conv(x, w) * y), np.sum(x * ops.conv_transpose(y, w)), rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((5, 3, 2, "valid", None), 11), ((5, 3, 4, "valid", None), 20), ((5, 3, 2, "valid", 1), 12),
        ((5, 3, 2, "same", None), 10), ((5, 4, 2, "same", 1), 9), ((5, 3, 1, "same", None, 2), 5),
        ((None, 3, 2, "same", None), None), ((0, 3, 2, "valid", None), 0),
    ],
)  # fmt: skip
def test_transposed_sizes(arguments: Any, wanted: Any) -> None:
    assert transposed_size(*arguments)[0] == wanted


def test_empty_axes() -> None:
    w = np.ones((3, 4, 5), "float32")
    assert ops.conv(np.ones((0, 7, 4), "float32"), w).shape == (0, 5, 5)
    assert ops.conv(np.ones((2, 0, 4), "float32"), w, padding="same").shape == (2, 0, 5)
    no_channels = ops.conv(np.ones((2, 7, 0), "float32"), np.ones((3, 0, 5), "float32"), bias=np.arange(5.0))
    np.testing.assert_array_equal(no_channels, np.broadcast_to(np.arange(5.0), (2, 5, 5)))
    assert ops.conv_transpose(np.ones((2, 0, 5), "float32"), w, 2, "same").shape == (2, 0, 4)
    assert ops.depthwise_conv(np.ones((0, 7, 4), "float32"), np.ones((3, 4, 1), "float32")).shape == (0, 5, 4)
    with_gradient = layers.Conv1D(5, 3, dtype="float64")
    with_gradient(np.ones((1, 7, 4)))
    gradcheck(with_gradient, [np.ones((0, 7, 4))], variables=with_gradient.trainable_variables)


def test_symbols() -> None:
    x = layers.Input((None, 4))
    assert ops.conv(x, np.ones((3, 4, 5), "float32")).shape == (None, None, 5)
    assert ops.conv(layers.Input((9, 4)), np.ones((3, 4, 5), "float32"), 2).shape == (None, 4, 5)
    assert ops.max_pool(x, 2).shape == (None, None, 4)
    assert ops.conv_transpose(layers.Input((9, 4)), np.ones((3, 5, 4), "float32"), 2).shape == (None, 19, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, w: ops.conv(x, w[..., :0, :]), r"kernel must have shape \(\*K, C / groups, F\)"),
        (lambda x, w: ops.conv(x, w[:, :3]), r"kernel must have shape \(\*K, C / groups, F\)"),
        (lambda x, w: ops.conv(x[0], w), "kernel must have as many axes as x"),
        (lambda x, w: ops.conv(x, w, padding="full"), "padding must be one of valid, same, causal, got 'full'"),
        (lambda x, w: ops.conv(x[:, None], w[None], padding="causal"), "must be one of valid, same, got"),
        (lambda x, w: ops.conv(x, w, data_format="last"), "data_format must be 'channels_last'"),
        (lambda x, w: ops.conv(x[:, :2], w), "a kernel that covers 3 steps does not fit into an axis of 2"),
        (lambda x, w: ops.conv(x, w, strides=(1, 2)), "strides must be a positive integer or 1 of them"),
        (lambda x, w: ops.depthwise_conv(x, w[:, :3]), r"kernel must have shape \(\*K, C, M\) with C = 4"),
        (lambda x, w: ops.conv_transpose(x, w), r"kernel must have shape \(\*K, F, C\)"),
        (lambda x, w: ops.conv_transpose(x, np.swapaxes(w, 1, 2), padding="causal"), "'valid' or 'same', got 'causal'"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 7, 4), "float32"), np.ones((3, 4, 5), "float32"))
