"""The same numbers in another arrangement: reshape, transpose, join, cut, pick, make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from recurra import config
from recurra.autograd import Array, Tensor, record, thread_state
from recurra.ops.common import array_of, unbroadcast, value_of
from recurra.typing import ArrayLike, DType


def reshape(x: ArrayLike, newshape: int | Sequence[int]) -> Any:
    """The same elements in the same order, in another shape; one size may be -1."""
    v = array_of(x)
    y = v.reshape(newshape)
    return y if thread_state.tape is None else record(y, (x,), lambda d, shape=v.shape: (d.reshape(shape),))


def ravel(x: ArrayLike) -> Any:
    """All elements in one row."""
    return reshape(x, (-1,))


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """The axes in the order `axes` (reversed without it)."""
    v = array_of(x)
    y = v.transpose(axes) if axes is not None else v.transpose()
    if thread_state.tape is None:
        return y
    back = None if axes is None else tuple(np.argsort([axis % v.ndim for axis in axes]).tolist())
    return record(y, (x,), lambda d: (np.transpose(d, back),))


def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    y = array_of(x).swapaxes(axis1, axis2)
    return y if thread_state.tape is None else record(y, (x,), lambda d: (np.swapaxes(d, axis1, axis2),))


def moveaxis(x: ArrayLike, source: int, destination: int) -> Any:
    """One axis put elsewhere, the others kept in order."""
    y = np.moveaxis(array_of(x), source, destination)
    return y if thread_state.tape is None else record(y, (x,), lambda d: (np.moveaxis(d, destination, source),))


def expand_dims(x: ArrayLike, axis: int | Sequence[int]) -> Any:
    """With an axis of size 1 put in."""
    v = array_of(x)
    y = np.expand_dims(v, tuple(axis) if isinstance(axis, list) else axis)
    return y if thread_state.tape is None else record(y, (x,), lambda d, shape=v.shape: (d.reshape(shape),))


def squeeze(x: ArrayLike, axis: int | Sequence[int] | None = None) -> Any:
    """Without the axes of size 1, or without those named by `axis`."""
    v = array_of(x)
    y = np.squeeze(v, tuple(axis) if isinstance(axis, list) else axis)
    return y if thread_state.tape is None else record(y, (x,), lambda d, shape=v.shape: (d.reshape(shape),))


def flip(x: ArrayLike, axis: int | Sequence[int] | None = None) -> Any:
    """In reverse order along `axis` (along all axes without one)."""
    chosen: Any = tuple(axis) if isinstance(axis, list) else axis
    y = np.flip(array_of(x), chosen)
    return y if thread_state.tape is None else record(y, (x,), lambda d: (np.flip(d, chosen),))


def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Any:
    """Repeated to `shape`, as numpy broadcasts."""
    v = array_of(x)
    y = np.broadcast_to(v, tuple(shape))
    like, dtype = v.shape, v.dtype
    return y if thread_state.tape is None else record(y, (x,), lambda d: (unbroadcast(d, like, dtype),))


def tile(x: ArrayLike, repeats: int | Sequence[int]) -> Any:
    """The whole array, repeated along its axes."""
    v = array_of(x)
    y = np.tile(v, repeats)
    if thread_state.tape is None:
        return y
    counts = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    ndim = y.ndim
    counts = (1,) * (ndim - len(counts)) + counts
    sizes = (1,) * (ndim - v.ndim) + v.shape
    split_shape = tuple(n for pair in zip(counts, sizes, strict=True) for n in pair)
    return record(y, (x,), lambda d: (d.reshape(split_shape).sum(axis=tuple(range(0, 2 * ndim, 2))).reshape(v.shape),))


def repeat(x: ArrayLike, repeats: int, axis: int | None = None) -> Any:
    """Each element `repeats` times in a row along `axis` (of the flattened array without one)."""
    v = array_of(x)
    y = np.repeat(v, repeats, axis)
    if thread_state.tape is None:
        return y

    def backward(d: Array) -> tuple[Array]:
        along = 0 if axis is None else axis % v.ndim
        shape = (v.size,) if axis is None else v.shape
        parts = d.reshape(*shape[: along + 1], repeats, *shape[along + 1 :])
        return (parts.sum(axis=along + 1).reshape(v.shape),)

    return record(y, (x,), backward)


def pad(x: ArrayLike, pad_width: int | Sequence[Any], constant_values: float = 0.0) -> Any:
    """With a constant around it; `pad_width` as numpy.pad takes it."""
    v = array_of(x)
    widths = np.broadcast_to(np.asarray(pad_width, int), (v.ndim, 2))
    y = np.pad(v, widths, constant_values=constant_values)
    if thread_state.tape is None:
        return y
    inside = tuple(slice(int(before), int(before) + n) for (before, _), n in zip(widths, v.shape, strict=True))
    return record(y, (x,), lambda d: (d[inside],))


def concatenate(xs: Sequence[Any], axis: int = -1) -> Any:
    """One after the other along an axis that they have."""
    values = [array_of(x) for x in xs]
    y = np.concatenate(values, axis)
    if thread_state.tape is None:
        return y
    before = (slice(None),) * (axis % y.ndim)

    def backward(d: Array) -> tuple[Array, ...]:
        found, start = [], 0
        for v in values:
            stop = start + v.shape[axis]
            place = (*before, slice(start, stop))
            found.append(d[place])
            start = stop
        return tuple(found)

    return record(y, tuple(xs), backward)


def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """One after the other along a new axis."""
    y = np.stack([array_of(x) for x in xs], axis)
    if thread_state.tape is None:
        return y
    return record(y, tuple(xs), lambda d: tuple(np.moveaxis(d, axis, 0)))


def unstack(x: ArrayLike, axis: int = 0) -> list[Any]:
    """The slices along `axis`, as a list: the way back from :func:`stack`. One node on the tape for all of them."""
    v = array_of(x)
    return _parts(x, v, _slices(v, axis), lambda whole: _slices(whole, axis))


def _slices(v: Array, axis: int) -> list[Array]:
    """Views of the slices along `axis`: of one axis, arrays without axes, which can be written to, not numbers."""
    moved = np.moveaxis(v, axis, 0)
    return list(moved) if v.ndim > 1 else [moved[k : k + 1].reshape(()) for k in range(len(moved))]


def split(x: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut along `axis` into so many equal parts, or at these indices."""
    v = array_of(x)
    return _parts(x, v, _cut(v, indices_or_sections, axis), lambda whole: _cut(whole, indices_or_sections, axis))


def _cut(v: Array, sections: int | Sequence[int], axis: int) -> list[Array]:
    """numpy.split, several times faster."""
    if not -v.ndim <= axis < v.ndim:
        raise ValueError(f"axis must be in [{-v.ndim}, {v.ndim}) for an array of {v.ndim} axes, got {axis}")
    size = v.shape[axis]
    if isinstance(sections, (int, np.integer)):
        if sections < 1 or size % sections:
            raise ValueError(f"indices_or_sections must divide the axis of size {size}, got {sections}")
        edges = list(range(0, size + 1, size // sections)) if size else [0] * (int(sections) + 1)
    else:
        edges = [0, *sections, size]
    before: tuple[slice, ...] = (slice(None),) * (axis % v.ndim)
    keys = [(*before, slice(first, last)) for first, last in pairwise(edges)]
    return [v[key] for key in keys]


def _parts(x: ArrayLike, v: Array, parts: list[Array], cut: Any) -> list[Any]:
    if thread_state.tape is None or not parts:
        return parts

    shape, dtype = v.shape, v.dtype

    def backward(*d_parts: Array | None) -> tuple[Array]:
        dx = np.zeros(shape, dtype)
        for place, d in zip(cut(dx), d_parts, strict=True):
            if d is not None:
                place[...] = d
        return (dx,)

    return list(record(tuple(parts), (x,), backward))


def getitem(x: ArrayLike, key: Any) -> Any:
    """x[key], with numpy's whole language of indices."""
    v = array_of(x)
    key = tuple(_index(k) for k in key) if isinstance(key, tuple) else _index(key)
    y = v[key]
    if thread_state.tape is None:
        return y

    shape, dtype = v.shape, v.dtype

    def backward(d: Array) -> tuple[Array]:
        dx = np.zeros(shape, dtype)
        if _is_basic(key):
            dx[key] = d
        else:
            np.add.at(dx, key, d)
        return (dx,)

    return record(y, (x,), backward)


def _index(key: Any) -> Any:
    return key.value if isinstance(key, Tensor) else key


def _is_basic(key: Any) -> bool:
    """Whether no element can be picked twice: slices, integers, a mask."""
    keys = key if isinstance(key, tuple) else (key,)
    return all(
        k is None or k is Ellipsis or isinstance(k, (slice, int, np.integer)) or getattr(k, "dtype", None) == np.bool_
        for k in keys
    )


def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Any:
    """The entries at `indices` along `axis` (of the flattened array without one)."""
    places = value_of(indices)
    if axis is None:
        return getitem(ravel(x), places)
    ndim = array_of(x).ndim
    return getitem(x, (slice(None),) * (axis % ndim) + (places,))


def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int = -1) -> Any:
    """One entry for each of `indices`, which have x's axes, along `axis`."""
    v, places = array_of(x), array_of(indices)
    y = np.take_along_axis(v, places, axis)
    if thread_state.tape is None:
        return y
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in y.shape)])
    grid[axis] = places
    return getitem(x, tuple(grid))


def cast(x: ArrayLike, dtype: DType | None) -> Any:
    """As another dtype. The gradient returns in x's own; casting to integers or bool has none."""
    v = array_of(x)
    target = np.dtype(config.floatx() if dtype == "bfloat16" else dtype)
    if v.dtype == target:
        return x if isinstance(x, Tensor) and thread_state.tape is not None else v
    y = v.astype(target)
    if thread_state.tape is None or target.kind != "f":
        return y
    return record(y, (x,), lambda d, dtype=v.dtype: (d.astype(dtype),))


def shape(x: ArrayLike) -> tuple[int, ...]:
    """The sizes of its axes."""
    return tuple(np.shape(value_of(x)))


def size(x: ArrayLike) -> int:
    """How many elements it has."""
    return math.prod(shape(x))


def convert_to_tensor(x: ArrayLike, dtype: DType | None = None) -> Any:
    """As an array (a Tensor or Variable stays what it is), of `dtype` if given."""
    if dtype is not None:
        return cast(x, dtype)
    return x if isinstance(x, Tensor) else array_of(x)


def convert_to_numpy(x: ArrayLike) -> Array:
    """As a plain array, without history."""
    return array_of(x)


def zeros(shape: int | Sequence[int], dtype: DType | None = None) -> Array:
    """Zeros, of the default float type unless told."""
    return np.zeros(shape, dtype or config.floatx())


def ones(shape: int | Sequence[int], dtype: DType | None = None) -> Array:
    """Ones, of the default float type unless told."""
    return np.ones(shape, dtype or config.floatx())


def full(shape: int | Sequence[int], fill_value: ArrayLike, dtype: DType | None = None) -> Array:
    """One value everywhere, of the default float type unless told."""
    return np.full(shape, value_of(fill_value), dtype or config.floatx())


def zeros_like(x: ArrayLike, dtype: DType | None = None) -> Array:
    """Zeros in x's shape."""
    return np.zeros_like(array_of(x), dtype)


def ones_like(x: ArrayLike, dtype: DType | None = None) -> Array:
    """Ones in x's shape."""
    return np.ones_like(array_of(x), dtype)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: DType | None = None) -> Array:
    """Numbers from `start` (0 if only one is given) up to but without `stop`."""
    first, last = (0, start) if stop is None else (start, stop)
    made: Array = np.arange(first, last, step, dtype=dtype)
    return made.astype(config.floatx()) if dtype is None and made.dtype.kind == "f" else made


def one_hot(x: ArrayLike, num_classes: int, axis: int = -1, dtype: DType | None = None) -> Array:
    """1 at each id's place along a new axis of `num_classes`, else 0; a row of zeros for an id outside."""
    ids = array_of(x)
    hot = (ids[..., None] == np.arange(num_classes)).astype(dtype or config.floatx())
    return hot if axis == -1 else np.moveaxis(hot, -1, axis)
