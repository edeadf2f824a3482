"""``tf.dtypes``: types of values by their TensorFlow names. numpy takes each in place of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.compat.tf.tensors import Tensor, array_of, ops_cast, present

__all__ = [
    "DType",
    "as_dtype",
    "bool",
    "cast",
    "complex64",
    "complex128",
    "double",
    "float16",
    "float32",
    "float64",
    "half",
    "int8",
    "int16",
    "int32",
    "int64",
    "resource",
    "string",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "variant",
]  # fmt: skip


class DType:
    """A type of values: ``tf.float32``. Equal to numpy's type, and to its name.

    >>> float32 == np.float32, float32 == "float32", np.zeros(2, float32).dtype == float32
    (True, True, True)
    """

    __slots__ = ("dtype", "name")

    def __init__(self, name: str, dtype: Any) -> None:
        self.name = name
        self.dtype = np.dtype(dtype)  # what numpy asks of anything that is to be a dtype

    @property
    def as_numpy_dtype(self) -> Any:
        return self.dtype.type

    @property
    def base_dtype(self) -> DType:
        return self

    @property
    def is_floating(self) -> Any:
        return self.dtype.kind == "f"

    @property
    def is_integer(self) -> Any:
        return self.dtype.kind in "iu"

    @property
    def is_bool(self) -> Any:
        return self.dtype.kind == "b"

    @property
    def is_complex(self) -> Any:
        return self.dtype.kind == "c"

    @property
    def size(self) -> int:
        return int(self.dtype.itemsize)

    @property
    def min(self) -> Any:
        return np.finfo(self.dtype).min if self.is_floating else np.iinfo(self.dtype).min

    @property
    def max(self) -> Any:
        return np.finfo(self.dtype).max if self.is_floating else np.iinfo(self.dtype).max

    def __eq__(self, other: object) -> Any:
        if other is None:
            return False
        if isinstance(other, DType):
            return self.name == other.name
        if isinstance(other, str):
            return self.name == other
        try:
            return self.dtype == np.dtype(other)  # type: ignore[call-overload]
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __reduce__(self) -> Any:
        return as_dtype, (self.name,)


float16 = half = DType("float16", np.float16)
float32 = DType("float32", np.float32)
float64 = double = DType("float64", np.float64)
int8 = DType("int8", np.int8)
int16 = DType("int16", np.int16)
int32 = DType("int32", np.int32)
int64 = DType("int64", np.int64)
uint8 = DType("uint8", np.uint8)
uint16 = DType("uint16", np.uint16)
uint32 = DType("uint32", np.uint32)
uint64 = DType("uint64", np.uint64)
complex64 = DType("complex64", np.complex64)
complex128 = DType("complex128", np.complex128)
bool = DType("bool", np.bool_)
string = DType("string", np.object_)
variant = DType("variant", np.object_)
resource = DType("resource", np.object_)

_BY_NAME = {one.name: one for one in list(globals().values()) if isinstance(one, DType)} | {
    "half": float16,
    "float": float32,
    "double": float64,
}


def as_dtype(type_value: Any) -> DType:
    """The DType of a name, a numpy type or a Python type."""
    if isinstance(type_value, DType):
        return type_value
    if isinstance(type_value, str) and type_value in _BY_NAME:
        return _BY_NAME[type_value]
    if type_value is float:
        return float32
    if type_value is int:
        return int32
    if type_value in (str, bytes):
        return string
    dtype = np.dtype(type_value)
    if dtype.kind in "OUS":
        return string
    try:
        return _BY_NAME[dtype.name]
    except KeyError:
        raise TypeError(f"Cannot convert value {type_value!r} to a TensorFlow DType") from None


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """`x` with its values in another type; gradients flow between float types. A sparse tensor stays one."""
    kind = np.dtype(as_dtype(dtype))
    if hasattr(x, "row_splits"):
        return x.mapped(lambda flat: array_of(flat).astype(kind))
    if hasattr(x, "dense_shape"):
        return type(x)(x.indices, array_of(x.values).astype(kind), x.dense_shape)
    if isinstance(x, Tensor) or hasattr(x, "is_symbolic"):
        return present(ops_cast(x, kind.name))
    return present(array_of(x).astype(kind))
