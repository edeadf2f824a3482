"""Order statistics, histograms, differences and correlations, and reductions that leave NaN out.

What is taken from or added to its input has a gradient: quantiles pass it on to the numbers between which they lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, record
from recurra.ops import math as M
from recurra.ops import shaping as S
from recurra.ops.common import array_of, axes_of, constant_of, floats_of, value_of
from recurra.ops.dispatch import operation
from recurra.ops.elementary import cumprod, prod
from recurra.ops.products import matmul
from recurra.typing import ArrayLike, Axis

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantiles(x: ArrayLike, q: ArrayLike, axis: Axis, method: str, keepdims: bool, without_nan: bool) -> Any:
    v, wanted = floats_of(x), _shares(q)
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if wanted.size and not (wanted.min() >= 0 and wanted.max() <= 1):
        raise ValueError(f"quantiles must be in [0, 1] and percentiles in [0, 100], got {q!r}")
    axes = axes_of(axis, v.ndim)
    kept = [k for k in range(v.ndim) if k not in axes]
    rows = S.reshape(
        S.transpose(x if v.dtype == array_of(x).dtype else v, [*kept, *axes]),
        [*_sizes(v, kept), math.prod(_sizes(v, axes))],
    )
    flat = array_of(rows)
    nan = np.isnan(flat)
    count = (~nan).sum(-1, keepdims=True) if without_nan else np.full((*flat.shape[:-1], 1), flat.shape[-1])
    if not flat.shape[-1]:
        raise ValueError(f"a quantile of no numbers: x has shape {v.shape}, axis={axis}")
    place = wanted.reshape(-1) * np.maximum(count - 1, 0)
    low, high = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    share = _SHARES[method](place - low, low).astype(v.dtype)
    order = np.argsort(flat, -1, kind="stable")  # NaN last
    below = S.take_along_axis(rows, np.take_along_axis(order, low, -1), -1)
    above = S.take_along_axis(rows, np.take_along_axis(order, high, -1), -1)
    found = M.where(share == 1, above, M.where(share == 0, below, _between(below, above, share)))
    if nan.any():
        lost = count == 0 if without_nan else nan.any(-1, keepdims=True)
        found = M.where(lost, v.dtype.type(np.nan), found)
    first = S.reshape(S.transpose(found, [len(kept), *range(len(kept))]), [*wanted.shape, *_sizes(v, kept)])
    return S.expand_dims(first, [k + wanted.ndim for k in axes]) if keepdims and axes else first


def _shares(q: ArrayLike) -> Array:
    constant_of(q, "quantile")
    return np.asarray(value_of(q), np.float64)


def _between(below: Any, above: Any, share: Array) -> Any:
    with np.errstate(invalid="ignore"):  # between infinities
        return M.add(below, M.multiply(M.subtract(above, below), share))


def _sizes(v: Array, axes: Sequence[int]) -> list[int]:
    return [v.shape[k] for k in axes]


#: how much of the upper neighbour is taken, from the fraction of the place and the whole place below it
_SHARES: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda part, low: part,
    "lower": lambda part, low: part * 0,
    "higher": lambda part, low: (part > 0) * 1.0,
    "midpoint": lambda part, low: (part > 0) * 0.5,
    "nearest": lambda part, low: ((part > 0.5) | ((part == 0.5) & (low % 2 == 1))) * 1.0,
}


@operation
def quantile(x: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The numbers below which the shares `q` in [0, 1] lie, along `axis`; the axis of several `q` comes first.

    method : between two numbers "linear", "lower", "higher", "midpoint" or "nearest"
    """
    return _quantiles(x, q, axis, method, keepdims, without_nan=False)


@operation
def nanquantile(x: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """:func:`quantile` of the numbers that are not NaN."""
    return _quantiles(x, q, axis, method, keepdims, without_nan=True)


@operation
def percentile(x: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """:func:`quantile` with `q` in [0, 100]."""
    return _quantiles(x, _shares(q) / 100, axis, method, keepdims, False)


@operation
def nanpercentile(x: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """:func:`percentile` of the numbers that are not NaN."""
    return _quantiles(x, _shares(q) / 100, axis, method, keepdims, True)


@operation
def median(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number in the middle, or half way between the two in the middle."""
    return _quantiles(x, 0.5, axis, "midpoint", keepdims, without_nan=False)


@operation
def nanmedian(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """:func:`median` of the numbers that are not NaN."""
    return _quantiles(x, 0.5, axis, "midpoint", keepdims, without_nan=True)


@operation
def ptp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The greatest minus the smallest number."""
    return M.subtract(M.max(x, axis, keepdims), M.min(x, axis, keepdims))


def _filled(x: ArrayLike, value: float) -> Any:
    v = array_of(x)
    return M.where(np.isnan(v), v.dtype.type(value), x) if v.dtype.kind == "f" else x


@operation
def nansum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of the numbers that are not NaN."""
    return M.sum(_filled(x, 0), axis, keepdims)


@operation
def nanprod(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product of the numbers that are not NaN."""
    return prod(_filled(x, 1), axis, keepdims)


@operation
def nanmean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the numbers that are not NaN; NaN where there are none."""
    v = floats_of(x)
    count = np.sum(~np.isnan(v), axis=axes_of(axis, v.ndim), keepdims=keepdims)
    total = M.sum(_filled(x, 0), axis, keepdims)
    return M.where(count == 0, v.dtype.type(np.nan), M.divide(total, np.maximum(count, 1).astype(v.dtype)))


@operation
def nanvar(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The variance of the numbers that are not NaN."""
    v = floats_of(x)
    there = ~np.isnan(v)
    distance = M.multiply(M.subtract(_filled(x, 0), nanmean(x, axis, keepdims=True)), there.astype(v.dtype))
    count = np.sum(there, axis=axes_of(axis, v.ndim), keepdims=keepdims)
    total = M.divide(M.sum(M.square(distance), axis, keepdims), np.maximum(count, 1).astype(v.dtype))
    return M.where(count == 0, v.dtype.type(np.nan), total)


@operation
def nanstd(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The standard deviation of the numbers that are not NaN."""
    return M.sqrt(nanvar(x, axis, keepdims))


@operation
def nanmax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The greatest of the numbers that are not NaN; NaN where there are none."""
    return _extreme(M.max, x, -np.inf, axis, keepdims)


@operation
def nanmin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest of the numbers that are not NaN; NaN where there are none."""
    return _extreme(M.min, x, np.inf, axis, keepdims)


def _extreme(function: Any, x: ArrayLike, worst: float, axis: Axis, keepdims: bool) -> Any:
    v = array_of(x)
    found = function(_filled(x, worst), axis, keepdims)
    if v.dtype.kind != "f":
        return found
    none = np.all(np.isnan(v), axis=axes_of(axis, v.ndim), keepdims=keepdims)
    return M.where(none, v.dtype.type(np.nan), found)


@operation
def nanargmax(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the greatest number that is not NaN; -1 where there are none."""
    return _place(M.argmax, x, -np.inf, axis, keepdims)


@operation
def nanargmin(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the smallest number that is not NaN; -1 where there are none."""
    return _place(M.argmin, x, np.inf, axis, keepdims)


def _place(function: Any, x: ArrayLike, worst: float, axis: int | None, keepdims: bool) -> Any:
    v = array_of(x)
    nan = np.isnan(v)
    found = function(np.where(nan, worst, v), axis, keepdims)
    return np.where(np.all(nan, axis=axis, keepdims=keepdims), found.dtype.type(-1), found)


@operation
def nancumsum(x: ArrayLike, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums, in which NaN counts as 0."""
    return M.cumsum(_cast(_filled(x, 0), dtype), axis)


@operation
def nancumprod(x: ArrayLike, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products, in which NaN counts as 1."""
    return cumprod(_cast(_filled(x, 1), dtype), axis)


def _cast(x: Any, dtype: Any) -> Any:
    return x if dtype is None else S.cast(x, dtype)


@operation
def diff(a: ArrayLike, n: int = 1, axis: int = -1) -> Any:
    """Each number minus the one before it along `axis`, `n` times."""
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}")
    for _ in range(n):
        ahead, behind = (_part(a, axis, part) for part in (slice(1, None), slice(None, -1)))
        a = M.not_equal(ahead, behind) if array_of(a).dtype == np.bool_ else M.subtract(ahead, behind)
    return a


def _part(x: ArrayLike, axis: int, part: slice) -> Any:
    ndim = array_of(x).ndim
    (place,) = axes_of(axis, ndim)
    return S.getitem(x, (*[slice(None)] * place, part))


@operation
def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1) -> Any:
    """The integral of `y` along `axis` by the trapezoidal rule, at the places `x` or `dx` apart."""
    if x is not None:
        width: Any = diff(x, axis=axis if array_of(x).ndim > 1 else 0)
        if array_of(x).ndim == 1:
            (place,) = axes_of(axis, array_of(y).ndim)
            width = S.reshape(width, [-1 if k == place else 1 for k in range(array_of(y).ndim)])
    else:
        width = dx
    pairs = M.add(_part(y, axis, slice(1, None)), _part(y, axis, slice(None, -1)))
    return M.sum(M.multiply(M.multiply(pairs, width), 0.5), axis)


@operation
def corrcoef(x: ArrayLike) -> Any:
    """The correlations of the rows of `x` (variables, observations), in [-1, 1]."""
    v = floats_of(x)
    rows = S.reshape(x, (1, -1)) if v.ndim < 2 else x
    distance = M.subtract(rows, M.mean(rows, 1, keepdims=True))
    covariance = matmul(distance, S.transpose(distance))
    size = M.sqrt(M.sum(M.square(distance), 1, keepdims=True))
    found = M.clip(M.divide(covariance, matmul(size, S.transpose(size))), -1.0, 1.0)
    return S.reshape(found, ()) if v.ndim < 2 else found


@operation
def correlate(x1: ArrayLike, x2: ArrayLike, mode: str = "valid") -> Any:
    """``sum_n x1[n + k] * x2[n]`` of two vectors for each shift k: all that overlap "full", "same" or "valid"."""
    a, b = floats_of(x1), floats_of(x2)
    if a.ndim != 1 or b.ndim != 1 or not a.size or not b.size:
        raise ValueError(f"x1 and x2 must be vectors with at least one number, got shapes {a.shape} and {b.shape}")
    more, less = max(a.size, b.size), min(a.size, b.size)
    skipped = {"full": 0, "same": (less - 1) // 2, "valid": less - 1}
    if mode not in skipped:
        raise ValueError(f"mode must be 'full', 'same' or 'valid', got {mode!r}")
    count = {"full": more + less - 1, "same": more, "valid": more - less + 1}[mode]
    start = skipped[mode] if a.size >= b.size else more + less - 1 - skipped[mode] - count
    padded = S.pad(x1, [(b.size - 1, b.size - 1)])
    windows = S.getitem(padded, np.arange(start, start + count)[:, None] + np.arange(b.size))
    return M.sum(M.multiply(windows, x2), -1)


@operation
def histogram(x: ArrayLike, bins: Any = 10, range: tuple[float, float] | None = None) -> tuple[Any, Any]:
    """How many numbers lie in each bin, and the edges of the bins. It has no gradient.

    bins : how many of equal width between the least and the greatest number (or within `range`), or their edges
    """
    v = constant_of(x, "histogram")
    counts, edges = np.histogram(v, bins if isinstance(bins, (int, np.integer)) else array_of(bins), range)
    dtype = floats_of(v).dtype
    return counts.astype(np.int32), edges.astype(dtype)


@operation
def segment_max(data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The greatest of the rows of `data` with the same id, (num_segments, ...); -inf where there are none."""
    del sorted  # ids may come in any order
    return _segment_extreme(np.maximum, data, segment_ids, num_segments)


@operation
def segment_min(data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The smallest of the rows of `data` with the same id, (num_segments, ...); inf where there are none."""
    del sorted
    return _segment_extreme(np.minimum, data, segment_ids, num_segments)


def _segments(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None, start: Any
) -> tuple[Array, Array, Any]:
    v, ids = array_of(data), array_of(segment_ids)
    count = int(ids.max(initial=-1)) + 1 if num_segments is None else num_segments
    return v, ids, np.full((count, *v.shape[1:]), start, v.dtype)


def _segment_extreme(function: Any, data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None) -> Any:
    dtype, greatest = array_of(data).dtype, function is np.maximum
    limits: Any = np.iinfo(dtype) if dtype.kind in "iu" else None
    start = (limits.min if greatest else limits.max) if limits else (-np.inf if greatest else np.inf)
    v, ids, y = _segments(data, segment_ids, num_segments, start)
    function.at(y, ids, v)

    def backward(d: Array) -> tuple[Array]:
        chosen = v == y[ids]
        ties = np.zeros(y.shape, v.dtype)
        np.add.at(ties, ids, chosen.astype(v.dtype))
        return (np.where(chosen, d[ids] / np.maximum(ties, 1)[ids], 0).astype(v.dtype),)

    return record(y, (data,), backward)


@operation
def segment_prod(data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The product of the rows of `data` with the same id, (num_segments, ...); 1 where there are none."""
    del sorted
    constant_of(data, "segment_prod")
    v, ids, y = _segments(data, segment_ids, num_segments, 1)
    np.multiply.at(y, ids, v)
    return y
