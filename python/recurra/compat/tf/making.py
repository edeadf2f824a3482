"""Making tensors, and asking for their shapes."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Tensor as Tracked
from recurra.compat.tf.dtypes import as_dtype, cast
from recurra.compat.tf.operands import operand
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import EagerTensor, array_of, is_symbolic, present

newaxis = None


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> EagerTensor:
    """A tensor of a number, a text, an array or nested lists; spread to `shape` if there is one."""
    array = array_of(value)
    if dtype is not None:
        array = array.astype(np.dtype(as_dtype(dtype)))
    if shape is not None:
        sizes = shape_of(shape)
        array = np.full(sizes, array) if array.size == 1 else array.reshape(sizes)
    return EagerTensor(np.array(array))


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Any:
    """`value` as a tensor; tensors and variables that a tape follows stay followed."""
    if isinstance(value, Tracked) or is_symbolic(value):
        made = present(ops.cast(value, value.dtype)) if is_symbolic(value) else present(ops.getitem(value, ...))
        return made if dtype is None or made.dtype == as_dtype(dtype) else cast(made, dtype)
    if isinstance(value, (list, tuple)) and any(isinstance(one, Tracked) for one in value):
        from recurra.compat.tf.arrays import stack

        made = stack(value)
        return made if dtype is None else cast(made, dtype)
    array = array_of(value)
    return present(array if dtype is None else array.astype(np.dtype(as_dtype(dtype))))


def identity(input: Any, name: str | None = None) -> Any:
    """A tensor of the same value."""
    return input if is_symbolic(input) else convert_to_tensor(input)


def is_tensor(x: Any) -> builtins.bool:
    """Whether `x` is a tensor or a variable."""
    return isinstance(x, Tracked) or is_symbolic(x)


def get_static_value(tensor: Any, partial: builtins.bool = False) -> Any:
    """The value as an array."""
    return array_of(tensor)


def shape_of(shape: Any) -> tuple[int, ...]:
    """Sizes given as a list, a tensor, a TensorShape or one number, as Python numbers."""
    if isinstance(shape, (list, tuple)):
        return tuple(int(size) for size in shape)
    found = np.asarray(array_of(shape))
    return tuple(int(size) for size in found.reshape(-1))


def zeros(shape: Any, dtype: Any = np.float32, name: str | None = None) -> EagerTensor:
    """Zeros, or empty texts."""
    return fill(shape, b"" if as_dtype(dtype).name == "string" else 0, dtype)


def ones(shape: Any, dtype: Any = np.float32, name: str | None = None) -> EagerTensor:
    """Ones."""
    return fill(shape, 1, dtype)


def fill(dims: Any, value: Any, dtype: Any = None, name: str | None = None) -> EagerTensor:
    """`value` everywhere."""
    filling = array_of(value)
    return EagerTensor(np.full(shape_of(dims), filling, filling.dtype if dtype is None else np.dtype(as_dtype(dtype))))


def zeros_like(input: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros of the shape and type of `input`."""
    return _like(ops.zeros_like, input, dtype)


def ones_like(input: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones of the shape and type of `input`."""
    return _like(ops.ones_like, input, dtype)


def _like(function: Any, x: Any, dtype: Any) -> Any:
    made = present(function(operand(x)))
    return made if dtype is None else cast(made, dtype)


def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = np.float32, name: str | None = None
) -> EagerTensor:
    """The identity matrix."""
    made = np.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=np.dtype(as_dtype(dtype)))
    return EagerTensor(
        made if batch_shape is None else np.broadcast_to(made, (*shape_of(batch_shape), *made.shape)).copy()
    )


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> EagerTensor:
    """Numbers from `start` up to `limit`; from 0 where one number is given."""
    first, last = (0, start) if limit is None else (start, limit)
    ends = [array_of(end) for end in (first, last, delta)]
    floats = [end.dtype for end in ends if end.dtype.kind == "f"]  # an integer does not widen float32
    kind = np.result_type(*(floats or ends)) if dtype is None else np.dtype(as_dtype(dtype))
    return EagerTensor(np.arange(*(end[()] for end in ends)).astype(kind))


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> EagerTensor:
    """`num` numbers at equal distances, both ends among them."""
    first, last = array_of(start), array_of(stop)
    kind = np.result_type(first, last)
    return EagerTensor(np.linspace(first, last, int(num), axis=axis).astype(kind if kind.kind == "f" else np.float64))


def shape(input: Any, out_type: Any = np.int32, name: str | None = None) -> Any:
    """The sizes of the axes: a tensor; of a symbolic tensor a tuple with None for open sizes."""
    if is_symbolic(input):
        return TensorShape(input.shape)
    if isinstance(input, Tracked):
        input = input.value
    return EagerTensor(np.array(np.shape(array_of(input)), np.dtype(as_dtype(out_type))))


def size(input: Any, out_type: Any = np.int32, name: str | None = None) -> EagerTensor:
    """The number of values."""
    return EagerTensor(np.array(array_of(input).size, np.dtype(as_dtype(out_type))))


def rank(input: Any, name: str | None = None) -> Any:
    """The number of axes."""
    return EagerTensor(np.array(len(input.shape) if is_symbolic(input) else array_of(input).ndim, np.int32))


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """A vector of `depth` numbers with one `on_value` for each index; ids outside give none."""
    if is_symbolic(indices):
        return ops.one_hot(indices, int(depth))
    ids = array_of(indices)
    kind = np.dtype(as_dtype(np.float32 if dtype is None else dtype))
    hot = ids[..., None] == np.arange(int(depth))
    made = np.where(hot, 1 if on_value is None else on_value, 0 if off_value is None else off_value).astype(kind)
    return present(made if axis in (None, -1) else np.moveaxis(made, -1, axis))


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = np.bool_, name: str | None = None) -> Any:
    """Which steps are within each length."""
    sizes = array_of(lengths)
    longest = (int(sizes.max()) if sizes.size else 0) if maxlen is None else int(maxlen)
    return present((np.arange(longest) < sizes[..., None]).astype(np.dtype(as_dtype(dtype))))


def meshgrid(*args: Any, indexing: str = "xy") -> list[Any]:
    """Coordinates of a grid."""
    return [present(part) for part in np.meshgrid(*map(array_of, args), indexing=indexing)]  # type: ignore[call-overload]
