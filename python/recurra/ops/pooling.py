"""Pooling: the largest number or the mean of each sliding window (windows.py), one tap of the window after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, record, thread_state
from recurra.ops.common import floats_of
from recurra.ops.convolution import first_of
from recurra.ops.shaping import moveaxis
from recurra.ops.windows import Windows, inside, padded, per_axis, place, taps, zeros_around
from recurra.typing import ArrayLike


def _windows(x: Array, pool_size: Any, strides: Any, padding: str) -> Windows:
    rank = x.ndim - 2
    padding = str(padding).lower()
    if rank < 1:
        raise ValueError(f"x must have at least 3 axes (B, *S, C), got shape {x.shape}")
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}")
    sizes = per_axis(pool_size, rank, "pool_size")
    steps = sizes if strides is None else per_axis(strides, rank, "strides")
    return place(x.shape, sizes, steps, padding, (1,) * rank, "pool")


def max_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The largest number of each window, channel by channel. The first of equal ones gets the gradient.

    inputs : (B, *S, C), or (B, C, *S) with data_format "channels_first"
    pool_size, strides : a number, or one for each spatial axis; strides None: pool_size
    padding : "valid" or "same"
    """
    if first_of(data_format):
        return moveaxis(max_pool(moveaxis(inputs, 1, -1), pool_size, strides, padding), -1, 1)
    x = floats_of(inputs)
    windows = _windows(x, pool_size, strides, padding)
    whole = padded(x, windows, -np.inf)
    y = None
    for _, part in taps(whole, windows):
        y = part.copy() if y is None else np.maximum(y, part, out=y)
    if thread_state.tape is None:
        return y
    shape = x.shape

    def backward(d: Array) -> tuple[Array]:
        dx = zeros_around(shape, windows, d.dtype)
        free = np.ones(d.shape, bool)
        for (_, into), (_, part) in zip(taps(dx, windows), taps(whole, windows), strict=True):
            here = free & ((part == y) | np.isnan(part))
            into += np.where(here, d, 0)
            free &= ~here
        return (inside(dx, windows),)

    return record(y, (inputs,), backward)


def average_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The mean of each window, channel by channel; steps outside of the input do not count.

    The arguments are those of :func:`max_pool`.
    """
    if first_of(data_format):
        return moveaxis(average_pool(moveaxis(inputs, 1, -1), pool_size, strides, padding), -1, 1)
    x = floats_of(inputs)
    windows = _windows(x, pool_size, strides, padding)
    counts = _counts(x, windows)
    y = _sum(padded(x, windows), windows) / counts
    shape = x.shape

    def backward(d: Array) -> tuple[Array]:
        dx = zeros_around(shape, windows, d.dtype)
        d = d / counts
        for _, into in taps(dx, windows):
            into += d
        return (inside(dx, windows),)

    return record(y, (inputs,), backward)


def _sum(whole: Array, windows: Windows) -> Array:
    total: Array | None = None
    for _, part in taps(whole, windows):
        total = part.copy() if total is None else np.add(total, part, out=total)
    assert total is not None
    return total


def _counts(x: Array, windows: Windows) -> Array:
    """How many steps inside the input each window covers, (1, *counts, 1)."""
    ones = np.ones((1, *x.shape[1:-1], 1), x.dtype)
    counts: Array = np.maximum(_sum(padded(ones, windows), windows), 1)
    return counts
