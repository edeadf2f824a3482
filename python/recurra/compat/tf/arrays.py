"""``tf``'s functions of shape: make, cast, reshape, join, cut, pick."""
# ruff: noqa: F401  (the names are TensorFlow's)

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import RowSparse
from recurra.autograd import Tensor as Tracked
from recurra.compat.tf.clipping import clip_by_global_norm, clip_by_norm, clip_by_value, global_norm
from recurra.compat.tf.dtypes import as_dtype, cast
from recurra.compat.tf.making import (
    constant,
    convert_to_tensor,
    eye,
    fill,
    get_static_value,
    identity,
    is_tensor,
    linspace,
    meshgrid,
    newaxis,
    one_hot,
    ones,
    ones_like,
    range,
    rank,
    sequence_mask,
    shape,
    shape_of,
    size,
    zeros,
    zeros_like,
)
from recurra.compat.tf.operands import axes_of, constant_of, operand
from recurra.compat.tf.picking import (
    boolean_mask,
    gather,
    gather_nd,
    scatter_nd,
    searchsorted,
    slice,
    strided_slice,
    tensor_scatter_nd_add,
    tensor_scatter_nd_update,
    unique,
    unique_with_counts,
    where,
)
from recurra.compat.tf.ragged import RaggedTensor, joined, with_axis
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import EagerTensor, array_of, is_symbolic, present

__all__ = [
    "boolean_mask", "broadcast_to", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "concat", "constant",
    "convert_to_tensor", "ensure_shape", "expand_dims", "eye", "fill", "gather", "gather_nd", "get_static_value",
    "global_norm", "identity", "is_tensor", "linspace", "meshgrid", "newaxis", "one_hot", "ones", "ones_like", "pad",
    "range", "rank", "repeat", "reshape", "reverse", "reverse_sequence", "roll", "scatter_nd", "searchsorted",
    "sequence_mask", "shape", "size", "slice", "split", "squeeze", "stack", "stop_gradient", "strided_slice",
    "tensor_scatter_nd_add", "tensor_scatter_nd_update", "tile", "transpose", "unique",
    "unique_with_counts", "unstack", "where", "zeros",
    "zeros_like",
]  # fmt: skip


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """The values in another shape; one size may be -1."""
    sizes = (
        tuple(-1 if size is None else int(size) for size in shape)
        if isinstance(shape, (list, tuple))
        else shape_of(shape)
    )
    return present(ops.reshape(operand(tensor), sizes))


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Any:
    """`x`, if it has this shape."""
    TensorShape(x.shape).assert_is_compatible_with(shape)
    return present(x)


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Any:
    """With an axis of size 1 put in."""
    if isinstance(input, RaggedTensor):
        return with_axis(input, axes_of(dim if axis is None else axis))
    return present(ops.expand_dims(operand_of_any(input), axes_of(dim if axis is None else axis)))


def operand_of_any(value: Any) -> Any:
    """As ``operand``, with numbers and texts as arrays too."""
    return value if isinstance(value, (Tracked, np.ndarray)) or is_symbolic(value) else array_of(value)


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Without axes of size 1, or without those named."""
    return present(ops.squeeze(operand_of_any(input), axes_of(axis)))


def transpose(a: Any, perm: Any = None, conjugate: builtins.bool = False, name: str | None = None) -> Any:
    """The axes in another order."""
    return present(ops.transpose(operand(a), None if perm is None else axes_of(perm)))


def concat(values: Any, axis: Any, name: str | None = None) -> Any:
    """One after the other along an axis."""
    if isinstance(values, (list, tuple)) and any(isinstance(value, RaggedTensor) for value in values):
        return joined(list(values), axes_of(axis))
    parts = (
        [operand_of_any(value) for value in values] if isinstance(values, (list, tuple)) else [operand_of_any(values)]
    )
    if not is_symbolic(*parts):
        kinds = [part.dtype for part in parts if part.size] or [parts[0].dtype]
        if any(kind == np.object_ for kind in kinds):
            return present(np.concatenate([array_of(part) for part in parts], axes_of(axis)))
    return present(ops.concatenate(parts, axes_of(axis)))


def stack(values: Any, axis: int = 0, name: str | None = None) -> Any:
    """Tensors of one shape along a new axis."""
    parts = [operand_of_any(value) for value in values]
    if not is_symbolic(*parts) and any(array_of(part).dtype == object for part in parts):
        return present(np.stack([array_of(part) for part in parts], axis))
    return present(ops.stack(parts, axes_of(axis)))


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = None) -> list[Any]:
    """The slices along an axis."""
    return list(present(list(ops.unstack(operand(value), axis=axis))))


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str | None = None
) -> list[Any]:
    """The pieces along an axis: so many equal ones, or of these sizes."""
    x, place = operand(value), axes_of(axis)
    sizes = axes_of(num_or_size_splits)
    if isinstance(sizes, int):
        return list(present(list(ops.split(x, sizes, place))))
    rest = x.shape[place] - sum(size for size in sizes if size >= 0)
    ends = np.cumsum([rest if size < 0 else size for size in sizes])[:-1]
    return list(present(list(ops.split(x, [int(end) for end in ends], place))))


def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """The values, so many times along each axis."""
    return present(ops.tile(operand_of_any(input), list(shape_of(multiples))))


def repeat(input: Any, repeats: Any, axis: Any = None, name: str | None = None) -> Any:
    """Each slice, so many times over."""
    times = array_of(repeats)
    x = operand_of_any(input)
    if axis is None:
        x, axis = ops.ravel(x), 0
    return present(ops.repeat(x, int(times) if times.ndim == 0 or times.size == 1 else times, axes_of(axis)))


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Any:
    """The values spread to a shape."""
    return present(ops.broadcast_to(operand_of_any(input), shape_of(shape)))


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """With values put in front of and behind each axis."""
    widths = [[int(a), int(b)] for a, b in array_of(paddings)]
    if mode.upper() == "CONSTANT":
        x = operand(tensor)
        if not is_symbolic(x) and array_of(x).dtype == object:
            return present(np.pad(array_of(x), widths, constant_values=constant_values or b""))
        return present(ops.pad(x, widths, constant_values=constant_values))
    return present(np.pad(constant_of(tensor, "pad"), widths, mode=mode.lower()))  # type: ignore[call-overload]


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """The values turned round along axes."""
    return present(ops.flip(operand_of_any(tensor), axes_of(axis)))


def reverse_sequence(
    input: Any, seq_lengths: Any, seq_axis: int = 1, batch_axis: int = 0, name: str | None = None
) -> Any:
    """The first `seq_lengths` steps of each row turned round."""
    if (seq_axis, batch_axis) != (1, 0):
        raise NotImplementedError("tf.reverse_sequence: seq_axis must be 1 and batch_axis 0 here")
    lengths, steps = array_of(seq_lengths)[:, None], np.arange(input.shape[1])[None, :]
    places = np.where(steps < lengths, lengths - 1 - steps, steps)
    rows = np.arange(places.shape[0])[:, None]
    return present(ops.getitem(operand(input), (rows, places)))


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Any:
    """The values moved along axes, the last ones to the front."""
    return present(np.roll(constant_of(input, "roll"), axes_of(shift), axes_of(axis)))


def stop_gradient(input: Any, name: str | None = None) -> Any:
    """The value, as a constant."""
    return present(ops.stop_gradient(operand(input)))
