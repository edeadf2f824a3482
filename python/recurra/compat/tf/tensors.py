"""The tensor of ``recurra.compat.tf``: a tracked value of ``recurra.autograd`` with the methods of TensorFlow's.

A :class:`EagerTensor` holds a numpy array. ``present`` makes one of whatever an operation returns. A tape knows a value
by its key, so that the EagerTensor made of a tracked value is followed as that value is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra import ops
from recurra.autograd import Tensor as Tracked
from recurra.autograd import Variable as Weight
from recurra.autograd import _key_of, thread_state
from recurra.compat.tf.shapes import TensorShape, shape_of
from recurra.ops import getitem
from recurra.symbolic import KerasTensor
from recurra.tree import PLAIN, map_structure

ops_cast = ops.cast


class _TensorType(type):
    """``isinstance(x, tf.Tensor)`` holds for every value that stands for a tensor, symbolic ones too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is Tensor:
            return isinstance(instance, (Tracked, KerasTensor)) and not isinstance(instance, Weight)
        return type.__instancecheck__(cls, instance)


class Tensor(metaclass=_TensorType):
    """What ``tf.Tensor`` names in a type check; values are :class:`EagerTensor`."""


def _name_of(dtype: np.dtype[Any]) -> str:
    return "string" if dtype.kind in "OUS" else dtype.name


def _two(function: Callable[..., Any], swapped: bool = False) -> Callable[[Any, Any], Any]:
    if swapped:
        return lambda self, other: present(function(_operand(other, self), self))
    return lambda self, other: present(function(self, _operand(other, self)))


#: before numpy 2 the type of a Python number counts beside an array without axes
_NUMBERS_WIDEN = np.lib.NumpyVersion(np.__version__) < "2.0.0"


def _operand(value: Any, beside: Any) -> Any:
    """Lists become arrays of the other operand's type, as do float64 values that numpy made without being asked."""
    if _NUMBERS_WIDEN and type(value) in (int, float) and not beside.value.ndim:
        dtype = beside.value.dtype
        return dtype.type(value) if dtype.kind == "f" or (dtype.kind in "iu" and type(value) is int) else value
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
        if value.dtype.kind in "if" and beside.dtype.kind == "f":
            return value.astype(beside.dtype)
    return array_of(value) if isinstance(value, (str, bytes)) else value


def _array_op(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """An operation without a gradient."""
    return lambda a, b: function(array_of(a), array_of(b))


def _equal(self: Any, other: Any) -> Any:
    if other is None:
        return False
    return present(np.equal(_text(self), _text(other)))


def _not_equal(self: Any, other: Any) -> Any:
    if other is None:
        return True
    return present(np.not_equal(_text(self), _text(other)))


def _text(value: Any) -> Any:
    """The array; texts among strings as bytes, as tensors hold them."""
    if isinstance(value, str):
        return value.encode()
    array = array_of(value)
    return as_bytes(array) if array.dtype.kind in "US" else array


def _get(self: Any, key: Any) -> Any:
    keys = key if isinstance(key, tuple) else (key,)
    plain = tuple(_index(part) for part in keys)
    chosen: Any = plain if isinstance(key, tuple) else plain[0]
    return present(getitem(self, chosen))


def _index(part: Any) -> Any:
    if isinstance(part, slice):
        ends = (part.start, part.stop, part.step)
        return slice(*(None if end is None else int(end) for end in ends))
    return part.value if isinstance(part, Tracked) else part


def _array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Numpy's function of a tensor: the operation that has a gradient, or numpy's own of the values."""
    operation = _UFUNCS.get(ufunc) if method == "__call__" and not kwargs else None
    if operation is not None:
        return present(operation(*(_operand(value, self) for value in inputs)))
    plain = [value.value if isinstance(value, Tracked) else value for value in inputs]
    return getattr(ufunc, method)(*plain, **kwargs)


_UFUNCS = {
    np.add: ops.add,
    np.subtract: ops.subtract,
    np.multiply: ops.multiply,
    np.divide: ops.divide,
    np.power: ops.power,
    np.matmul: ops.matmul,
}


class TensorMethods:
    """What tensors and variables have in TensorFlow, written with ``recurra.ops``."""

    __slots__ = ()
    value: Any
    __add__, __radd__ = _two(ops.add), _two(ops.add, True)
    __sub__, __rsub__ = _two(ops.subtract), _two(ops.subtract, True)
    __mul__, __rmul__ = _two(ops.multiply), _two(ops.multiply, True)
    __truediv__, __rtruediv__ = _two(ops.divide), _two(ops.divide, True)
    __pow__, __rpow__ = _two(ops.power), _two(ops.power, True)
    __matmul__, __rmatmul__ = _two(ops.matmul), _two(ops.matmul, True)
    __floordiv__ = _two(_array_op(np.floor_divide))
    __rfloordiv__ = _two(_array_op(np.floor_divide), True)
    __mod__, __rmod__ = _two(_array_op(np.mod)), _two(_array_op(np.mod), True)
    __and__, __rand__ = _two(_array_op(np.bitwise_and)), _two(_array_op(np.bitwise_and), True)
    __or__, __ror__ = _two(_array_op(np.bitwise_or)), _two(_array_op(np.bitwise_or), True)
    __xor__, __rxor__ = _two(_array_op(np.bitwise_xor)), _two(_array_op(np.bitwise_xor), True)
    __lt__, __le__ = _two(_array_op(np.less)), _two(_array_op(np.less_equal))
    __gt__, __ge__ = _two(_array_op(np.greater)), _two(_array_op(np.greater_equal))
    __getitem__ = _get

    def __neg__(self) -> Any:
        return present(ops.negative(self))  # type: ignore[arg-type]

    def __abs__(self) -> Any:
        return present(ops.abs(self))  # type: ignore[arg-type]

    def __invert__(self) -> Any:
        return present(np.invert(self.value))

    def __index__(self) -> int:
        return int(self.value.__index__())

    @property
    def shape(self) -> TensorShape:
        return shape_of(self.value.shape)

    def get_shape(self) -> TensorShape:
        """:attr:`shape`."""
        return shape_of(self.value.shape)

    def set_shape(self, shape: Any) -> None:
        """ValueError where the tensor has another shape."""
        self.get_shape().assert_is_compatible_with(shape)

    @property
    def device(self) -> str:
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    if not TYPE_CHECKING:
        __array_ufunc__ = _array_ufunc


class EagerTensor(TensorMethods, Tracked):
    """A tensor with a value.

    >>> x = EagerTensor(np.array([[1.0, 2.0]], np.float32))
    >>> x * 2, x.shape.as_list()
    (<tf.Tensor: shape=(1, 2), dtype=float32, numpy=array([[2., 4.]], dtype=float32)>, [1, 2])
    """

    __slots__ = ()
    __eq__ = _equal
    __ne__ = _not_equal
    __hash__ = Tracked.__hash__

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """What ``numpy.sum`` asks for."""
        return self.value.sum(axis, dtype, out, keepdims)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """What ``numpy.mean`` asks for."""
        return self.value.mean(axis, dtype, out, keepdims=keepdims)

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """What ``numpy.max`` asks for."""
        return self.value.max(axis, out, keepdims)

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """What ``numpy.min`` asks for."""
        return self.value.min(axis, out, keepdims)

    def numpy(self) -> Any:
        """The value, of a tensor without axes a number or bytes."""
        return self.value if self.value.ndim else self.value[()]

    def __format__(self, spec: str) -> str:
        return format(self.value.item(), spec) if spec and self.size == 1 else format(self.numpy(), spec)

    def __repr__(self) -> str:
        value = repr(self.numpy()) if self.value.ndim else str(self.value)
        return f"<tf.Tensor: shape={self.shape}, dtype={_name_of(self.dtype)}, numpy={value}>"

    def __str__(self) -> str:
        return f"tf.Tensor({self.value!s}, shape={self.shape}, dtype={_name_of(self.dtype)})"


def as_bytes(array: Any) -> Any:
    """An array of texts as one of bytes objects, as TensorFlow keeps strings."""
    found = np.empty(array.shape, object)
    flat = found.reshape(-1)
    for place, item in enumerate(array.reshape(-1)):
        flat[place] = item.encode() if isinstance(item, str) else bytes(item)
    return found


def array_of(value: Any) -> Any:
    """`value` as an array: Python floats become float32, Python integers int32 where they fit, texts bytes."""
    if isinstance(value, np.ndarray):
        return as_bytes(value) if value.dtype.kind in "US" else value
    if isinstance(value, Tracked):
        return value.value
    if isinstance(value, np.generic) and value.dtype.kind not in "US":
        return np.asarray(value)
    if isinstance(value, (bytes, str)):  # numpy's own type of bytes would lose zeros at the end
        return as_bytes(np.array(value, object))
    if _first_leaf_is_text(value):
        texts = np.array(value, object)
        if _holds_text(texts):
            return as_bytes(texts)
    if isinstance(value, (list, tuple)):
        value = map_structure(lambda leaf: leaf.value if isinstance(leaf, Tracked) else leaf, value, (list, tuple))
        numpy_inside = bool(value) and isinstance(value[0], (np.ndarray, np.generic))
    else:
        numpy_inside = hasattr(value, "__array__")
    made = np.asarray(value)
    if made.dtype.kind in "USO":
        return as_bytes(made) if made.dtype.kind in "US" or _holds_text(made) else made
    if numpy_inside:
        return made
    if made.dtype == np.float64:
        return made.astype(np.float32)
    if made.dtype == np.int64 and (not made.size or (made.min() >= -(2**31) and made.max() < 2**31)):
        return made.astype(np.int32)
    return made


def _first_leaf_is_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bytes, str))


def _holds_text(array: Any) -> bool:
    return array.size > 0 and all(isinstance(item, (str, bytes)) for item in array.reshape(-1))


def present(value: Any) -> Any:
    """What an operation returned, as EagerTensors; symbolic tensors and what is no tensor stay as they are."""
    kind = type(value)
    if kind is EagerTensor:
        return value
    if kind is Tracked:
        made = EagerTensor(value.value, value.tape)
        if value.tape is not None:
            made._key = _key_of(value)
        mask = getattr(value, "_keras_mask", None)
        if mask is not None:
            made._keras_mask = mask
        return made
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OUS" and _holds_text(value):
            return EagerTensor(as_bytes(value))
        made = EagerTensor(value.view(np.ndarray) if kind is not np.ndarray else value)
        mask = getattr(value, "_keras_mask", None)
        if mask is not None:
            made._keras_mask = mask
        return made
    if isinstance(value, (np.generic, bool, int, float)):
        return EagerTensor(array_of(value))
    if isinstance(value, (str, bytes)):
        return EagerTensor(np.array(value.encode() if isinstance(value, str) else value, object))
    if isinstance(value, (list, tuple, dict)):
        return map_structure(_present_leaf, value, PLAIN)
    return value


def _present_leaf(value: Any) -> Any:
    return present(value) if isinstance(value, (Tracked, np.ndarray, np.generic)) else value


def plain(value: Any) -> Any:
    """`value` with arrays in place of tensors that no tape follows; masks stay attached."""
    if isinstance(value, (list, tuple, dict)):
        return map_structure(_plain_leaf, value, PLAIN)
    return _plain_leaf(value)


def _plain_leaf(value: Any) -> Any:
    if type(value) is not EagerTensor or (value.tape is not None and value.tape is thread_state.tape):
        return value
    mask = getattr(value, "_keras_mask", None)
    if mask is None:
        return value.value
    from recurra.layers.base.context import set_mask

    return set_mask(value.value, mask)


def is_symbolic(*values: Any) -> bool:
    """Whether one of the values is a symbolic tensor."""
    return any(isinstance(value, KerasTensor) for value in values)
