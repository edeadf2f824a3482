"""An array, laid out in memory in every way that numpy knows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def filler(dtype: np.dtype[Any]) -> Any:
    """What stands between the elements of a view: a kernel that reads it gives another answer."""
    return np.nan if dtype.kind == "f" else (True if dtype.kind == "b" else np.iinfo(dtype).max)


def sliced(array: Array, axis: int) -> Array:
    shape = list(array.shape)
    shape[axis] = 2 * shape[axis] + 3
    base = np.full(shape, filler(array.dtype), array.dtype)
    view = base[(slice(None),) * axis + (slice(1, 2 * array.shape[axis], 2),)]
    view[...] = array
    return view


def cut(array: Array, axis: int) -> Array:
    """The first entries of a longer axis, as in y[:, :, :H]."""
    shape = list(array.shape)
    shape[axis] += 3
    base = np.full(shape, filler(array.dtype), array.dtype)
    view = base[(slice(None),) * axis + (slice(0, array.shape[axis]),)]
    view[...] = array
    return view


def reversed_along(array: Array, axis: int) -> Array:
    return np.flip(np.ascontiguousarray(np.flip(array, axis)), axis)


def transposed(array: Array, order: tuple[int, ...]) -> Array:
    return np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))


def broadcast(array: Array, axes: tuple[int, ...]) -> Array:
    once = array[tuple(slice(0, 1) if k in axes else slice(None) for k in range(array.ndim))]
    return np.broadcast_to(once.copy(), array.shape)


def overlapping(array: Array, axis: int) -> Array:
    """Windows of the next axis that share all but one element."""
    rows, length = array.shape[axis], array.shape[axis + 1]
    shape = (*array.shape[:axis], *array.shape[axis + 2 :], rows + length - 1)
    base = np.resize(array, shape)
    windows = np.lib.stride_tricks.sliding_window_view(base, length, -1)  # (..., rows, length)
    return np.moveaxis(windows, (-2, -1), (axis, axis + 1))


def misaligned(array: Array) -> Array:
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = np.ndarray(array.shape, array.dtype, memory.data, offset=1)
    view[...] = array
    return view


def read_only(array: Array) -> Array:
    view = array.copy()
    view.flags.writeable = False
    return view


def byte_swapped(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder())


def forms(array: Array) -> Iterator[tuple[str, Array]]:
    yield "contiguous", array.copy()
    yield "Fortran order", np.asfortranarray(array)
    yield "misaligned", misaligned(array)
    yield "read-only", read_only(array)
    yield "byte-swapped", byte_swapped(array)
    axes = range(array.ndim)
    for axis in axes:
        yield f"sliced on axis {axis}", sliced(array, axis)
        yield f"cut on axis {axis}", cut(array, axis)
        yield f"reversed on axis {axis}", reversed_along(array, axis)
        if axis:
            yield f"overlapping on axis {axis - 1}", overlapping(array, axis - 1)
    for order in permutations(axes):
        if order != tuple(axes):
            yield f"transposed by {order}", transposed(array, order)
    for bits in range(1, 2**array.ndim):
        chosen = tuple(axis for axis in axes if bits >> axis & 1)
        yield f"broadcast on axes {chosen}", broadcast(array, chosen)
