"""Arrays made, sorted, searched, picked from and written into: the rarer operations, beside shaping.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra import config
from recurra.autograd import Array, record, value_of
from recurra.ops import shaping as S
from recurra.ops.common import array_of
from recurra.typing import ArrayLike, Axis, DType


def array(x: ArrayLike, dtype: DType | None = None) -> Any:
    """As an array, of `dtype` if given. A Tensor or Variable stays what it is."""
    return S.convert_to_tensor(x, dtype)


def copy(x: ArrayLike) -> Any:
    """The same numbers in another array."""
    return record(np.array(value_of(x)), (x,), lambda d: (d,))


def ndim(x: ArrayLike) -> int:
    """The number of axes."""
    return len(S.shape(x))


def eye(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Array:
    """(N, M) with ones on the k-th diagonal; M is N unless given."""
    return np.eye(N, M, k, dtype or config.floatx())


def identity(n: int, dtype: DType | None = None) -> Array:
    """The unit matrix (n, n)."""
    return np.eye(n, dtype=dtype or config.floatx())


def empty(shape: int | Sequence[int], dtype: DType | None = None) -> Array:
    """An array without any certain content."""
    return np.empty(shape, dtype or config.floatx())


def full_like(x: ArrayLike, fill_value: ArrayLike, dtype: DType | None = None) -> Array:
    """One value everywhere, in x's shape."""
    return np.full_like(array_of(x), value_of(fill_value), dtype)


def linspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: DType | None = None, axis: int = 0
) -> Array:
    """`num` numbers at equal distances from `start` to `stop`."""
    made = np.linspace(value_of(start), value_of(stop), num, endpoint, axis=axis)
    return np.asarray(made).astype(dtype or config.floatx())


def logspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10, dtype: DType | None = None
) -> Array:
    """`num` numbers from ``base ** start`` to ``base ** stop``, each a fixed factor from the last."""
    return np.logspace(value_of(start), value_of(stop), num, endpoint, base).astype(dtype or config.floatx())


def meshgrid(*x: ArrayLike, indexing: str = "xy") -> list[Array]:
    """Coordinates of a grid from those along its axes."""
    return [np.asarray(one) for one in np.meshgrid(*(value_of(one) for one in x), indexing=indexing)]  # type: ignore[call-overload]


def tril(x: ArrayLike, k: int = 0) -> Any:
    """With zeros above the k-th diagonal of the last two axes."""
    return record(np.tril(array_of(x), k), (x,), lambda d: (np.tril(d, k),))


def triu(x: ArrayLike, k: int = 0) -> Any:
    """With zeros below the k-th diagonal of the last two axes."""
    return record(np.triu(array_of(x), k), (x,), lambda d: (np.triu(d, k),))


def diag(x: ArrayLike, k: int = 0) -> Any:
    """The matrix with x on its k-th diagonal, or that diagonal of a matrix."""
    v = array_of(x)
    if v.ndim == 2:
        return diagonal(x, k)
    return record(np.diag(v, k), (x,), lambda d: (np.diagonal(d, k),))


def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of two axes, as the last axis."""
    v = array_of(x)

    def backward(d: Array) -> tuple[Array]:
        dx = np.zeros(v.shape, v.dtype)
        view = np.moveaxis(dx, (axis1, axis2), (-2, -1))
        rows = np.arange(d.shape[-1]) + max(-offset, 0)
        view[..., rows, rows + offset] = d
        return (dx,)

    return record(np.diagonal(v, offset, axis1, axis2), (x,), backward)


def trace(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    from recurra.ops.math import sum as total

    return total(diagonal(x, offset, axis1, axis2), axis=-1)


def roll(x: ArrayLike, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Moved along `axis`, what falls off coming in at the other end."""
    places: Any = tuple(axis) if isinstance(axis, list) else axis
    back = -shift if isinstance(shift, (int, np.integer)) else tuple(-n for n in shift)
    return record(np.roll(array_of(x), shift, places), (x,), lambda d: (np.roll(d, back, places),))


def sort(x: ArrayLike, axis: int = -1) -> Any:
    """In ascending order along `axis`."""
    return S.take_along_axis(x, np.argsort(array_of(x), axis, kind="stable"), axis)


def top_k(x: ArrayLike, k: int, sorted: bool = True) -> tuple[Any, Array]:
    """The k greatest numbers along the last axis, the greatest first, and where they stand."""
    v = array_of(x)
    if not 0 < k <= v.shape[-1]:
        raise ValueError(f"k must be in [1, {v.shape[-1]}], got {k}")
    del sorted  # sorted is a kind of any order
    places = np.argsort(-v, -1, kind="stable")[..., :k].astype(np.int32)
    return S.take_along_axis(x, places, -1), places


def in_top_k(targets: ArrayLike, predictions: ArrayLike, k: int) -> Array:
    """Whether the class `targets` (B,) is among the k greatest of `predictions` (B, C)."""
    scores, ids = array_of(predictions), array_of(targets)
    own = np.take_along_axis(scores, ids[..., None], -1)
    return np.asarray((scores > own).sum(-1) < k)


def unique(x: ArrayLike, axis: int | None = None) -> Array:
    """Each value once, in ascending order."""
    return np.unique(array_of(x), axis=axis)


def searchsorted(sorted_sequence: ArrayLike, values: ArrayLike, side: str = "left") -> Array:
    """Where `values` would have to be put in to keep the order."""
    return np.asarray(np.searchsorted(array_of(sorted_sequence), array_of(values), side)).astype(np.int32)  # type: ignore[call-overload]


def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0) -> Array:
    """How often each of 0, 1, ... is there, or the sum of its weights."""
    counts = np.bincount(array_of(x), None if weights is None else array_of(weights), minlength)
    return counts.astype(np.int32) if weights is None else counts.astype(config.floatx())


def digitize(x: ArrayLike, bins: ArrayLike) -> Array:
    """The number of the bin that each value lies in."""
    return np.asarray(np.digitize(array_of(x), array_of(bins))).astype(np.int32)


def nonzero(x: ArrayLike) -> tuple[Array, ...]:
    """Where x is not 0, one array for each axis."""
    return np.nonzero(array_of(x))


def isin(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Where x1 is one of the values of x2."""
    return np.isin(array_of(x1), array_of(x2))


def append(x1: ArrayLike, x2: ArrayLike, axis: int | None = None) -> Any:
    """x2 behind x1 along `axis` (both flattened without one)."""
    if axis is None:
        return S.concatenate([S.ravel(x1), S.ravel(x2)], 0)
    return S.concatenate([x1, x2], axis)


def vstack(xs: Sequence[Any]) -> Any:
    """Below one another: along the first axis, vectors as rows."""
    return S.concatenate([S.reshape(x, (1, -1)) if array_of(x).ndim < 2 else x for x in xs], 0)


def hstack(xs: Sequence[Any]) -> Any:
    """Beside one another: along the second axis, vectors along the first."""
    return S.concatenate(list(xs), 0 if array_of(xs[0]).ndim < 2 else 1)


def slice(inputs: ArrayLike, start_indices: Sequence[int], shape: Sequence[int]) -> Any:
    """The part of `shape` that begins at `start_indices`."""
    starts = [int(n) for n in np.ravel(value_of(start_indices))]
    return S.getitem(inputs, _window(starts, shape))


def slice_update(inputs: ArrayLike, start_indices: Sequence[int], updates: ArrayLike) -> Any:
    """`inputs` with `updates` written over the part that begins at `start_indices`."""
    v, new = array_of(inputs), array_of(updates)
    window = _window([int(n) for n in np.ravel(value_of(start_indices))], new.shape)
    y = v.copy()
    y[window] = new

    def backward(d: Array) -> tuple[Array, Array]:
        outside = d.copy()
        outside[window] = 0
        return outside, d[window]

    return record(y, (inputs, updates), backward)


def _window(starts: Sequence[int], shape: Sequence[int]) -> tuple[Any, ...]:
    import builtins

    return tuple(builtins.slice(start, start + size) for start, size in zip(starts, shape, strict=True))


def scatter_update(inputs: ArrayLike, indices: ArrayLike, updates: ArrayLike) -> Any:
    """`inputs` with ``updates[k]`` at the place ``indices[k]``.

    indices : (K, number of leading axes);  updates : (K, ...)
    """
    y, where = array_of(inputs).copy(), array_of(indices)
    key = tuple(np.moveaxis(where, -1, 0))
    y[key] = array_of(updates)

    def backward(d: Array) -> tuple[Array, Array]:
        outside = d.copy()
        outside[key] = 0
        return outside, d[key]

    return record(y, (inputs, updates), backward)


def scatter(indices: ArrayLike, values: ArrayLike, shape: Sequence[int]) -> Any:
    """Zeros of `shape` with ``values[k]`` added at the place ``indices[k]``."""
    v, where = array_of(values), array_of(indices)
    key = tuple(np.moveaxis(where, -1, 0))
    y = np.zeros(tuple(shape), v.dtype)
    np.add.at(y, key, v)
    return record(y, (values,), lambda d: (d[key],))


def segment_sum(data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sums of the rows of `data` with the same id, (num_segments, ...)."""
    v, ids = array_of(data), array_of(segment_ids)
    del sorted  # unsorted ids are summed as well
    count = int(ids.max(initial=-1)) + 1 if num_segments is None else num_segments
    y = np.zeros((count, *v.shape[1:]), v.dtype)
    np.add.at(y, ids, v)
    return record(y, (data,), lambda d: (d[ids],))


def cond(pred: ArrayLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What the one function gives where `pred` holds, else what the other gives."""
    return true_fn() if bool(value_of(pred)) else false_fn()


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)`` holds, at most so often."""
    several = isinstance(loop_vars, (tuple, list))
    now = tuple(loop_vars) if several else (loop_vars,)
    done = 0
    while (maximum_iterations is None or done < maximum_iterations) and bool(value_of(cond(*now))):
        found = body(*now)
        now = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        done += 1
    return now if several else now[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """``value = body_fun(i, value)`` for i from `lower` up to but without `upper`."""
    value = init_val
    for i in range(int(value_of(lower)), int(value_of(upper))):
        value = body_fun(i, value)
    return value


def map(f: Callable[[Any], Any], xs: ArrayLike) -> Any:
    """`f` of each element along the first axis, stacked."""
    return S.stack([f(one) for one in S.unstack(xs)])


vectorized_map = map


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: ArrayLike | None = None, length: int | None = None
) -> tuple[Any, Any]:
    """``carry, y = f(carry, x)`` for each x along the first axis; the last carry and all y, stacked."""
    steps: list[Any] = [None] * int(length or 0) if xs is None else S.unstack(xs)
    carry, made = init, []
    for x in steps:
        carry, y = f(carry, x)
        made.append(y)
    return carry, S.stack(made) if made and made[0] is not None else None
