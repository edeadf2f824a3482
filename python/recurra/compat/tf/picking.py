"""Picking values out of tensors, and putting values into them."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from recurra import ops
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.making import shape_of
from recurra.compat.tf.operands import axes_of, constant_of, operand
from recurra.compat.tf.ragged import RaggedTensor
from recurra.compat.tf.tensors import array_of, is_symbolic, present


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    axis: Any = None,
    batch_dims: int = 0,
    name: str | None = None,
) -> Any:
    """The slices of `params` at `indices` along an axis."""
    from recurra.compat.tf.arrays import stack

    where_ = array_of(indices)
    if isinstance(params, RaggedTensor):
        if batch_dims or axes_of(axis) not in (None, 0) or where_.ndim != 1:
            raise NotImplementedError("tf.gather: of a ragged tensor whole rows can be picked, by a list of numbers")
        return RaggedTensor([params.rows()[place] for place in where_.tolist()], params.dtype)
    if batch_dims == 0:
        return present(ops.take(operand(params), where_, axis=0 if axis is None else axes_of(axis)))
    if batch_dims != 1:
        raise NotImplementedError(f"tf.gather: batch_dims must be 0 or 1, got {batch_dims}")
    along = 1 if axis is None else axes_of(axis)
    rows = [gather(params[row], where_[row], axis=along - 1) for row in builtins.range(where_.shape[0])]

    return stack(rows)


def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: str | None = None) -> Any:
    """The slices of `params` at places that `indices` (..., N) names by their first N coordinates."""
    from recurra.compat.tf.arrays import stack

    places = array_of(indices)
    if batch_dims == 1:
        return stack([gather_nd(params[row], places[row]) for row in builtins.range(places.shape[0])])
    if batch_dims:
        raise NotImplementedError(f"tf.gather_nd: batch_dims must be 0 or 1, got {batch_dims}")
    return present(ops.getitem(operand(params), tuple(np.moveaxis(places, -1, 0))))


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str | None = None) -> Any:
    """The slices where `mask` holds, one after the other."""
    flags = array_of(mask).astype(builtins.bool)
    lead = 0 if axis is None else int(axis)
    x = operand(tensor)
    return present(ops.getitem(x, (*(builtins.slice(None),) * lead, flags)))


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """`x` where the condition holds, else `y`; without them the places where it holds, (N, axes)."""
    if x is None and y is None:
        return present(np.argwhere(array_of(condition)).astype(np.int64))
    if is_symbolic(condition, x, y):
        return ops.where(condition, x, y)
    first, second = operand(x), operand(y)
    if any(isinstance(part, (str, bytes)) or getattr(part, "dtype", None) == np.object_ for part in (first, second)):
        return present(np.where(array_of(condition), array_of(first), array_of(second)))
    return present(ops.where(array_of(condition), first, second))


def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Any:
    """A block that begins at `begin`; sizes of -1 go to the end."""
    starts, sizes = shape_of(begin), shape_of(size)
    key = tuple(builtins.slice(b, None if n == -1 else b + n) for b, n in zip(starts, sizes, strict=True))
    return present(ops.getitem(operand(input_), key))


def strided_slice(input_: Any, begin: Any, end: Any, strides: Any = None, name: str | None = None) -> Any:
    """``input_[begin:end:strides]`` along the leading axes."""
    starts, ends = shape_of(begin), shape_of(end)
    steps = (1,) * len(starts) if strides is None else shape_of(strides)
    return present(
        ops.getitem(operand(input_), tuple(builtins.slice(*part) for part in zip(starts, ends, steps, strict=True)))
    )


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Any:
    """Zeros with `updates` added at places."""
    new = constant_of(updates, "scatter_nd")
    made = np.zeros(shape_of(shape), new.dtype)
    np.add.at(made, tuple(np.moveaxis(array_of(indices), -1, 0)), new)
    return present(made)


def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A copy with other values at places."""
    made = np.array(constant_of(tensor, "tensor_scatter_nd_update"))
    made[tuple(np.moveaxis(array_of(indices), -1, 0))] = constant_of(updates, "tensor_scatter_nd_update")
    return present(made)


def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A copy with values added at places."""
    made = np.array(constant_of(tensor, "tensor_scatter_nd_add"))
    np.add.at(made, tuple(np.moveaxis(array_of(indices), -1, 0)), constant_of(updates, "tensor_scatter_nd_add"))
    return present(made)


def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = np.int32, name: str | None = None
) -> Any:
    """Where each value would be put in."""
    found = np.searchsorted(array_of(sorted_sequence), array_of(values), side)  # type: ignore[call-overload]
    return present(np.asarray(found).astype(np.dtype(as_dtype(out_type))))


class Unique(NamedTuple):
    """What :func:`unique` gives: the values, and for each number which of them it is."""

    y: Any
    idx: Any


def unique(x: Any, out_idx: Any = np.int32, name: str | None = None) -> Unique:
    """The different values in the order in which they come, and for each value which it is."""
    return Unique(*unique_with_counts(x, out_idx)[:2])


class UniqueWithCounts(NamedTuple):
    y: Any
    idx: Any
    count: Any


def unique_with_counts(x: Any, out_idx: Any = np.int32, name: str | None = None) -> UniqueWithCounts:
    """The same, and how often each occurs."""
    array = array_of(x)
    values, first, places, counts = np.unique(array, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank_of = np.empty_like(order)
    rank_of[order] = np.arange(len(order))
    kind = np.dtype(as_dtype(out_idx))
    which = rank_of[places.reshape(array.shape)].astype(kind)
    return UniqueWithCounts(present(values[order]), present(which), present(counts[order].astype(kind)))
