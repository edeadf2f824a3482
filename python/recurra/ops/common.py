"""What every operation is made of: take the arrays out, compute, record.

An operation computes its result first and returns it at once when no tape is open; only under a tape does it look at
which of its inputs are followed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray  # a name of its own: these two functions run for every operand

from recurra import config
from recurra.autograd import Array, Tensor, current_tape, record, thread_state, tracked
from recurra.typing import ArrayLike

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def refuse_masked(value: Any, argument: str) -> None:
    """TypeError for a numpy masked array, whose mask nothing here reads."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{argument} must be a plain array, got a numpy masked array, whose mask would be lost: fill it "
            "(array.filled(0)), and say what to leave out by a Masking layer, mask= or sample_weight"
        )


def value_of(value: ArrayLike) -> Any:
    """The array in a Tensor or Variable; a float64 scalar as a Python number, so that it does not widen float32."""
    if type(value) is ndarray:
        return value
    if isinstance(value, Tensor):
        return value.value
    return float(value) if type(value) is np.float64 else value


def array_of(value: ArrayLike) -> Array:
    """As an array, of whatever dtype it has; Python floats become the default float type."""
    if type(value) is ndarray:
        return value
    if isinstance(value, Tensor):
        value = value.value
        if type(value) is ndarray:
            return value
    if isinstance(value, ndarray):
        refuse_masked(value, "an operand")
        return value
    made = np.asarray(value)
    if made.dtype == np.float64 and not isinstance(value, (np.generic, ndarray)):
        return made.astype(config.floatx())
    return made


def constant_of(value: ArrayLike, operation: str) -> Array:
    """As :func:`array_of`, for an operation without a gradient.

    raises : NotImplementedError where an open tape follows `value`
    """
    if isinstance(value, Tensor) and tracked(value, thread_state.tape):
        raise NotImplementedError(
            f"ops.{operation} has no gradient here: put ops.stop_gradient around its argument, or write it with others"
        )
    return array_of(value)


def floats_of(value: ArrayLike) -> Array:
    """As a C-contiguous array of float32 or float64; integers and the like become the default float type."""
    array = array_of(value)
    if array.dtype not in FLOATS:
        if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
            raise TypeError(f"expected an array of numbers, got dtype {array.dtype}")
        array = array.astype(config.floatx())
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def contiguous(array: Array) -> Array:
    """`array`, or a copy of it with its rows in order."""
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def batch_first(array: Array) -> Array:
    """`array`, or a contiguous copy where its axes do not lie in memory in their order, the first one outermost.

    The order in which numpy adds numbers along an axis depends on it: with it a row's sum would depend on the batch.
    """
    if array.flags.c_contiguous:
        return array
    steps = [abs(step) for step, size in zip(array.strides, array.shape, strict=True) if size > 1]
    return array if steps == sorted(steps, reverse=True) else np.ascontiguousarray(array)


def rows_of(array: Array) -> Array:
    """`array` (..., K) as contiguous rows (M, K); K may be 0, which reshape(-1, K) refuses."""
    if array.ndim == 2:
        return contiguous(array)
    *leading, last = array.shape
    return contiguous(array).reshape(math.prod(leading), last)


def any_outside(ids: Array, limit: int) -> bool:
    """Whether an id is not in [0, limit)."""
    least, greatest = np.minimum.reduce, np.maximum.reduce  # as ids.min() and ids.max(), without their Python
    return bool(ids.size and (least(ids, axis=None) < 0 or greatest(ids, axis=None) >= limit))


def ids_of(value: ArrayLike, name: str, upper: int | None = None) -> Array:
    """As int32 ids. A wider integer type is checked against `upper` before it is narrowed."""
    array = array_of(value)
    if array.dtype == np.int32:
        return contiguous(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
    limit = 2**31 if upper is None else upper
    if any_outside(array, limit):
        bad = array[(array < 0) | (array >= limit)].reshape(-1)[0]
        raise ValueError(f"{name} must be in [0, V) = [0, {limit}), got {bad}")
    return np.ascontiguousarray(array, np.int32)


#: Rows that are added one after another. Longer sums are sums of such sums: in float32 one chain of 70,000 numbers of
#: one sign is off by 4e-4 of itself, in blocks by 3e-6.
SUM_BLOCK = 256


def sum_blocks(d: Array, add: Callable[[Array], Array]) -> Array:
    """(M, N) to (N,). `add` sums a stack of blocks (S, M', N) to (S, N)."""
    while len(d) > SUM_BLOCK:
        whole = len(d) // SUM_BLOCK * SUM_BLOCK
        sums = add(d[:whole].reshape(-1, SUM_BLOCK, d.shape[1]))
        d = np.concatenate([sums, d[whole:].sum(axis=0, keepdims=True)])
    total: Array = add(d[None])[0]
    return total


def unbroadcast(d: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """`d` summed over the axes along which an array of `shape` was repeated, as `dtype`."""
    if d.shape != shape:
        lead = d.ndim - len(shape)
        if lead:
            rows = math.prod(d.shape[:lead])
            if rows > SUM_BLOCK and d.size:
                d = sum_blocks(d.reshape(rows, -1), lambda blocks: blocks.sum(axis=1)).reshape(d.shape[lead:])
            else:
                d = d.sum(axis=tuple(range(lead)))
        repeated = tuple(k for k, n in enumerate(shape) if n == 1 and d.shape[k] != 1)
        if repeated:
            d = d.sum(axis=repeated, keepdims=True)
    return d if d.dtype == dtype else d.astype(dtype)


def unary(y: ArrayLike, x: ArrayLike, slope: Callable[[Any], Any]) -> Any:
    """Record y = f(x), elementwise; `slope(dy)` gives dx."""
    if thread_state.tape is None:
        return y
    return record(y, (x,), lambda dy: (slope(dy),))


def binary(y: ArrayLike, a: Any, b: Any, da: Callable[[Any], Any], db: Callable[[Any], Any]) -> Any:
    """Record y = f(a, b), elementwise with broadcasting; `da(dy)` and `db(dy)` give the gradients in y's shape."""
    tape = current_tape()
    if tape is None:
        return y
    a_like = (a.shape, a.dtype) if tracked(a, tape) else None
    b_like = (b.shape, b.dtype) if tracked(b, tape) else None
    if a_like is None and b_like is None:
        return y
    return record(
        y,
        (a, b),
        lambda dy: (
            None if a_like is None else unbroadcast(np.asarray(da(dy)), *a_like),
            None if b_like is None else unbroadcast(np.asarray(db(dy)), *b_like),
        ),
    )


def axes_of(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The axes that a reduction's `axis` names, from 0 up."""
    if axis is None:
        return tuple(range(ndim))
    chosen = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    for one in chosen:
        if not -ndim <= one < ndim:
            raise ValueError(f"axis must be in [{-ndim}, {ndim}) for an array of {ndim} axes, got {one}")
    return tuple(sorted({int(one) % ndim for one in chosen}))
