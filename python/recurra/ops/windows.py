"""Windows that slide over the axes between the batch and the channels: what convolution and pooling are made of.

Arrays are (B, *S, C): batch, spatial axes, channels. A window has one size for each spatial axis; the numbers that it
covers are its taps. Windows are views of the padded input. They are copied, block after block of at most `BLOCK`
numbers, only where a product needs its rows in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product as combinations
from typing import Any, NamedTuple

import numpy as np

from recurra.autograd import Array
from recurra.ops.common import contiguous
from recurra.ops.products import product
from recurra.typing import DType

#: numbers that are copied at once: 2 MiB of float32, which a core's second-level cache holds
BLOCK = 1 << 19


class Windows(NamedTuple):
    """Where the windows lie.

    sizes, strides, dilation : one number for each spatial axis
    pads : (before, after) of each spatial axis
    counts : how many windows there are along each
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]

    @property
    def padded(self) -> bool:
        return any(before or after for before, after in self.pads)


def per_axis(value: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """`value` as one positive integer for each of `rank` axes."""
    given = (value,) * rank if isinstance(value, (int, np.integer)) else value
    if isinstance(given, (list, tuple, np.ndarray)) and len(given) == rank:
        sizes = [int(n) if isinstance(n, (int, np.integer)) and not isinstance(n, bool) else 0 for n in given]
        if all(n > 0 for n in sizes):
            return tuple(sizes)
    raise ValueError(f"{name} must be a positive integer or {rank} of them, got {value!r}")


def output_size(
    size: int | None, window: int, stride: int, padding: str, dilation: int = 1, what: str = "window"
) -> int | None:
    """How many windows fit along an axis of `size`; None where that is open.

    raises : ValueError where none does
    """
    if size is None:
        return None
    if padding != "valid":
        return -(-size // stride)
    covered = (window - 1) * dilation + 1
    if size < covered:
        raise ValueError(f"a {what} that covers {covered} steps does not fit into an axis of {size} (padding 'valid')")
    return (size - covered) // stride + 1


def place(
    shape: Sequence[int],
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...],
    what: str = "window",
) -> Windows:
    """The windows over an input of `shape` (B, *S, C).

    padding : "valid": inside the input; "same": ceil(S / stride) windows, zeros around; "causal": the same number, all
        zeros before
    """
    pads, counts = [], []
    for size, window, stride, spread in zip(shape[1:-1], sizes, strides, dilation, strict=True):
        count = output_size(size, window, stride, padding, spread, what) or 0
        covered = (window - 1) * spread + 1
        if padding == "causal":
            pads.append((covered - 1, 0))
        else:
            missing = max((count - 1) * stride + covered - size, 0) if padding == "same" and count else 0
            pads.append((missing // 2, missing - missing // 2))
        counts.append(count)
    return Windows(sizes, strides, dilation, tuple(pads), tuple(counts))


def padded(x: Array, windows: Windows, value: float = 0.0) -> Array:
    """`x` with `value` around it, or itself, contiguous, where no padding is needed."""
    if not windows.padded:
        return contiguous(x)
    return _around(x, windows, value)


def _around(x: Array, windows: Windows, value: float) -> Array:
    whole = np.empty(_padded_shape(x.shape, windows), x.dtype)
    whole[...] = value
    inside(whole, windows)[...] = x
    return whole


def _padded_shape(shape: Sequence[int], windows: Windows) -> tuple[int, ...]:
    spatial = (n + before + after for n, (before, after) in zip(shape[1:-1], windows.pads, strict=True))
    return (shape[0], *spatial, shape[-1])


def zeros_around(shape: Sequence[int], windows: Windows, dtype: DType) -> Array:
    """Zeros in the shape that an input of `shape` has with its padding."""
    return np.zeros(_padded_shape(shape, windows), dtype)


def inside(whole: Array, windows: Windows) -> Array:
    """The part of a padded array that is not padding, as a view."""
    if not windows.padded:
        return whole
    cut = (slice(before, n - after) for n, (before, after) in zip(whole.shape[1:-1], windows.pads, strict=True))
    key = (slice(None), *cut)
    return whole[key]


def taps(whole: Array, windows: Windows) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each place in the window, the numbers (B, *counts, C) that all windows have there, as a view."""
    for tap in combinations(*map(range, windows.sizes)):
        cut = (
            slice(k * spread, k * spread + (count - 1) * stride + 1 if count else k * spread, stride)
            for k, spread, stride, count in zip(tap, windows.dilation, windows.strides, windows.counts, strict=True)
        )
        key = (slice(None), *cut)
        yield tap, whole[key]


def _view(whole: Array, windows: Windows) -> Array:
    """All windows, (B, *counts, *sizes, C), as a view of the padded input."""
    spatial = whole.strides[1:-1]
    steps = tuple(s * stride for s, stride in zip(spatial, windows.strides, strict=True))
    inner = tuple(s * spread for s, spread in zip(spatial, windows.dilation, strict=True))
    return np.lib.stride_tricks.as_strided(
        whole,
        (whole.shape[0], *windows.counts, *windows.sizes, whole.shape[-1]),
        (whole.strides[0], *steps, *inner, whole.strides[-1]),
        writeable=False,
    )


def _blocks(shape: tuple[int, ...], width: int) -> Iterator[tuple[slice, slice]]:
    """Slices of the first two axes of `shape` = (B, *counts): `width` numbers for each place in them fit a block."""
    batch, first, *others = shape
    each = math.prod(others) * width
    if not batch * first * each:
        return
    many = max(1, BLOCK // (first * each))
    some = first if first * each <= BLOCK else max(1, BLOCK // each)
    for b in range(0, batch, many):
        for o in range(0, first, some):
            yield slice(b, min(b + many, batch)), slice(o, min(o + some, first))


def _rows(whole: Array, windows: Windows, width: int) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Block after block: which windows, and they as rows (M, width). The rows are overwritten by the next block's."""
    if math.prod(windows.sizes) == 1 and set(windows.strides) == {1} and whole.flags.c_contiguous:
        yield (slice(None), slice(None)), whole.reshape(math.prod(whole.shape[:-1]), width)
        return
    view = _view(whole, windows)
    buffer = np.empty(0, whole.dtype)
    for block in _blocks((whole.shape[0], *windows.counts), width):
        part = view[block]
        if buffer.size < part.size:
            buffer = np.empty(part.size, whole.dtype)
        rows = buffer[: part.size].reshape(part.shape)
        rows[...] = part
        yield block, rows.reshape(part.size // width, width)


def gather_product(whole: Array, kernel: Array, windows: Windows, bias: Array | None = None) -> Array:
    """Each window times `kernel`: a convolution of a padded input.

    whole : (B, *S, C), padded;  kernel : (taps * C, F);  bias : (F,) or None.  Returns (B, *counts, F)
    """
    width, filters = kernel.shape
    shape = (whole.shape[0], *windows.counts, filters)
    if not width or not math.prod(shape):
        return np.zeros(shape, whole.dtype) if bias is None else np.broadcast_to(bias, shape).copy()
    y = None
    for block, rows in _rows(whole, windows, width):
        part = product(rows, kernel, bias)
        if y is None:
            if len(part) * filters == math.prod(shape):
                return part.reshape(shape)
            y = np.empty(shape, whole.dtype)
        target = y[block]
        target[...] = part.reshape(target.shape)
    assert y is not None
    return y


def scatter_product(d: Array, kernel: Array, windows: Windows, shape: Sequence[int]) -> Array:
    """Each row of `d` times the transposed `kernel`, summed where the windows lie: the gradient of the padded input.

    d : (B, *counts, F);  kernel : (taps * C, F);  shape : (B, *S, C) of the input without padding
    Returns the padded (B, *S, C)
    """
    width, filters = kernel.shape
    whole = zeros_around(shape, windows, d.dtype)
    if not width or not filters:
        return whole
    flipped = kernel.T
    for b, o in _blocks(d.shape[:-1], width):
        rows = contiguous(d[b, o])
        spread = product(rows.reshape(rows.size // filters, filters), flipped)
        spread = spread.reshape(*rows.shape[:-1], *windows.sizes, shape[-1])
        counts = (rows.shape[1], *windows.counts[1:])
        start = o.start * windows.strides[0]
        lead: tuple[Any, ...] = (slice(None),) * (1 + len(counts))
        for tap, place_of_tap in taps(whole[b, start:], windows._replace(counts=counts)):
            key = (*lead, *tap)
            place_of_tap += spread[key]
    return whole


def kernel_gradient(whole: Array, d: Array, windows: Windows) -> Array:
    """The sum over all windows of window times row of `d`: the gradient of a kernel, (taps * C, F).

    whole : (B, *S, C), padded;  d : (B, *counts, F)
    """
    width, filters = math.prod(windows.sizes) * whole.shape[-1], d.shape[-1]
    total = np.zeros((width, filters), whole.dtype)
    if not total.size or not d.size:
        return total
    for block, rows in _rows(whole, windows, width):
        part = contiguous(d[block])
        total += product(rows.T, part.reshape(part.size // filters, filters))
    return total
