"""Convolutions over any number of axes, each a product of sliding windows (windows.py) and a kernel.

Arguments and numbers are those of ``keras.ops``; `bias`, which those have not, is added in the same pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, current_tape, record, tracked
from recurra.ops.common import array_of, contiguous, rows_of
from recurra.ops.math import add
from recurra.ops.products import alike, in_dtype, sum_rows
from recurra.ops.shaping import moveaxis
from recurra.ops.windows import (
    Windows,
    gather_product,
    inside,
    kernel_gradient,
    padded,
    per_axis,
    place,
    scatter_product,
    taps,
    zeros_around,
)
from recurra.typing import ArrayLike

PADDINGS = ("valid", "same", "causal")


def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    bias: ArrayLike | None = None,
) -> Any:
    """A convolution: y[b, o] = sum over taps k of inputs[b, o * strides + k * dilation_rate] · kernel[k], plus bias.

    inputs : (B, *S, C), or (B, C, *S) with data_format "channels_first"
    kernel : (*K, C / groups, F): the number of groups follows from the sizes
    strides, dilation_rate : a number, or one for each spatial axis
    padding : "valid", "same" or "causal" (zeros before alone; for one spatial axis)
    bias : (F,) or None
    Returns (B, *O, F), or (B, F, *O)
    """
    if first_of(data_format):
        y = conv(moveaxis(inputs, 1, -1), kernel, strides, padding, None, dilation_rate, bias)
        return moveaxis(y, -1, 1)
    x, w = alike(inputs, kernel)
    windows = _windows(x, w, strides, padding, dilation_rate)
    channels, filters = w.shape[-2:]
    groups = x.shape[-1] // channels if channels else 1
    if x.shape[-1] != channels * groups or filters % max(groups, 1) or not groups:
        raise ValueError(
            f"kernel must have shape (*K, C / groups, F) with F divisible by groups, got x {x.shape}, kernel {w.shape}"
        )
    b = None if bias is None else array_of(bias).astype(x.dtype, copy=False)
    whole = padded(x, windows)
    parts = [_group(whole, w, b, g, groups) for g in range(groups)]
    found = [gather_product(part, flat, windows, offset) for part, flat, offset in parts]
    y = found[0] if groups == 1 else np.concatenate(found, -1)
    tape = current_tape()
    if tape is None:
        return y
    need_x, need_w, need_b = tracked(inputs, tape), tracked(kernel, tape), tracked(bias, tape)
    shape = x.shape

    def backward(d: Array) -> tuple[Array | None, Array | None, Array | None]:
        slices = [contiguous(part) for part in np.split(d, groups, -1)]
        dx = dw = None
        if need_x:
            each = (*shape[:-1], channels)
            made = [scatter_product(s, p[1], windows, each) for s, p in zip(slices, parts, strict=True)]
            dx = inside(made[0] if groups == 1 else np.concatenate(made, -1), windows)
        if need_w:
            grads = [kernel_gradient(p[0], s, windows) for s, p in zip(slices, parts, strict=True)]
            dw = (grads[0] if groups == 1 else np.concatenate(grads, -1)).reshape(w.shape)
        db = sum_rows(rows_of(d)) if need_b else None
        return in_dtype(dx, inputs), in_dtype(dw, kernel), in_dtype(db, bias)

    return record(y, (inputs, kernel, bias), backward)


def _group(whole: Array, w: Array, bias: Array | None, g: int, groups: int) -> tuple[Array, Array, Array | None]:
    """The channels of one group, its kernel (taps * C / groups, F / groups) and its bias."""
    *sizes, channels, filters = w.shape
    flat = w.reshape(math.prod(sizes) * channels, filters)
    if groups == 1:
        return whole, flat, bias
    count = filters // groups
    out = slice(g * count, (g + 1) * count)
    part = contiguous(whole[..., g * channels : (g + 1) * channels])
    return part, contiguous(flat[:, out]), None if bias is None else contiguous(bias[out])


def first_of(data_format: str | None) -> bool:
    """Whether the channels are axis 1. Raises ValueError for what is no data format."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    return data_format == "channels_first"


def _windows(x: Array, w: Array, strides: Any, padding: str, dilation: Any) -> Windows:
    rank = w.ndim - 2
    if rank < 1 or x.ndim != w.ndim:
        raise ValueError(f"kernel must have as many axes as x, 3 or more, got x {x.shape} and kernel {w.shape}")
    padding = str(padding).lower()
    if padding not in PADDINGS or (padding == "causal" and rank > 1):
        raise ValueError(f"padding must be one of {', '.join(PADDINGS[: 3 if rank == 1 else 2])}, got {padding!r}")
    return place(
        x.shape,
        w.shape[:-2],
        per_axis(strides, rank, "strides"),
        padding,
        per_axis(dilation, rank, "dilation_rate"),
        "kernel",
    )


def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """A convolution of each channel by itself, with M kernels for each: output c * M + m is channel c by kernel m.

    inputs : (B, *S, C);  kernel : (*K, C, M);  the others as for :func:`conv`.  Returns (B, *O, C * M)
    """
    if first_of(data_format):
        return moveaxis(depthwise_conv(moveaxis(inputs, 1, -1), kernel, strides, padding, None, dilation_rate), -1, 1)
    x, w = alike(inputs, kernel)
    windows = _windows(x, w, strides, padding, dilation_rate)
    channels, many = w.shape[-2:]
    if x.shape[-1] != channels:
        raise ValueError(f"kernel must have shape (*K, C, M) with C = {x.shape[-1]} like x's, got {w.shape}")
    whole = padded(x, windows)
    y = np.zeros((x.shape[0], *windows.counts, channels, many), x.dtype)
    for tap, part in taps(whole, windows):
        y += part[..., None] * w[tap]
    y = y.reshape(*y.shape[:-2], channels * many)
    shape = x.shape

    def backward(d: Array) -> tuple[Array | None, Array | None]:
        d = d.reshape(*d.shape[:-1], channels, many)
        dx, dw = zeros_around(shape, windows, d.dtype), np.zeros(w.shape, d.dtype)
        for (tap, into), (_, part) in zip(taps(dx, windows), taps(whole, windows), strict=True):
            into += (d * w[tap]).sum(-1)
            dw[tap] = (part[..., None] * d).sum(tuple(range(d.ndim - 2)))
        return in_dtype(inside(dx, windows), inputs), in_dtype(dw, kernel)

    return record(y, (inputs, kernel), backward)


def separable_conv(
    inputs: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    bias: ArrayLike | None = None,
) -> Any:
    """A :func:`depthwise_conv`, then a :func:`conv` of window size 1.

    inputs : (B, *S, C);  depthwise_kernel : (*K, C, M);  pointwise_kernel : (1, ..., C * M, F).  Returns (B, *O, F)
    """
    between = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(between, pointwise_kernel, data_format=data_format, bias=bias)


def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    bias: ArrayLike | None = None,
) -> Any:
    """The way back from a :func:`conv` in shapes, and its gradient in numbers.

    inputs : (B, *S, C), or (B, C, *S) with data_format "channels_first"
    kernel : (*K, F, C)
    padding, output_padding : "valid" or "same", and what is added to the output's size; see :func:`transposed_size`
    Returns (B, *O, F), or (B, F, *O)
    """
    if first_of(data_format):
        x = moveaxis(inputs, 1, -1)
        return moveaxis(conv_transpose(x, kernel, strides, padding, output_padding, None, dilation_rate, bias), -1, 1)
    x, w = alike(inputs, kernel)
    rank = w.ndim - 2
    if rank < 1 or x.ndim != w.ndim or x.shape[-1] != w.shape[-1]:
        raise ValueError(f"kernel must have shape (*K, F, C) with C = x's last axis, got x {x.shape}, kernel {w.shape}")
    steps, spread = per_axis(strides, rank, "strides"), per_axis(dilation_rate, rank, "dilation_rate")
    more = (output_padding,) * rank if output_padding is None or isinstance(output_padding, int) else output_padding
    found = [
        transposed_size(n, k, s, padding, o, d)
        for n, k, s, o, d in zip(x.shape[1:-1], w.shape[:-2], steps, more, spread, strict=True)
    ]
    filters = w.shape[-2]
    shape = (x.shape[0], *[max(size, 0) for size, _ in found], filters)
    windows = Windows(w.shape[:-2], steps, spread, tuple(pads for _, pads in found), x.shape[1:-1])
    flat = w.reshape(math.prod(windows.sizes) * filters, x.shape[-1])
    y = contiguous(inside(scatter_product(x, flat, windows, shape), windows))

    def backward(d: Array) -> tuple[Array | None, Array | None]:
        whole = padded(d, windows)
        dw = kernel_gradient(whole, contiguous(x), windows).reshape(w.shape)
        return in_dtype(gather_product(whole, flat, windows), inputs), in_dtype(dw, kernel)

    result = record(y, (inputs, kernel), backward)
    return result if bias is None else add(result, bias)


def transposed_size(
    size: Any, window: int, stride: int, padding: str, more: int | None, dilation: int = 1
) -> tuple[Any, tuple[int, int]]:
    """The size of a transposed convolution's output along one axis, and what is cut off before and after.

    With k the number of steps that a window covers: "valid" gives (size - 1) * stride + k + more, "same" size * stride,
    or (size - 1) * stride + k % 2 + more where `more` (output_padding) is given.
    """
    padding = str(padding).lower()
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}")
    covered = (window - 1) * dilation + 1
    if padding == "valid":
        added = max(stride - covered, 0) if more is None else more
        return size and (size - 1) * stride + covered + added, (0, 0)
    total = stride + covered - 2 if more is None else covered + covered % 2 - 2 + more
    left = min(total // 2 + total % 2, covered - 1)
    length = None
    if size is not None:
        length = size * stride if more is None else (size - 1) * stride + covered % 2 + more
    return length, (covered - 1 - left, max(covered - 1 - (total - left), 0))
