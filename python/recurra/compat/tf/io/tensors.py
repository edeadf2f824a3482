"""Tensors as bytes and back: ``serialize_tensor``, ``parse_tensor``, ``decode_raw``."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.io.wire import bytes_of, field, fields, signed, varint
from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import EagerTensor, array_of, present
from recurra.limits import FileFormatError

__all__ = ["decode_raw", "parse_tensor", "serialize_tensor"]

#: the numbers that TensorFlow gives to types
NUMBERS = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7, "complex64": 8, "int64": 9,
    "bool": 10, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
_NAMES = {number: name for name, number in NUMBERS.items()}


def serialize_tensor(tensor: Any, name: str | None = None) -> EagerTensor:
    """Type, shape and values as bytes, as TensorFlow writes them."""
    array = array_of(tensor)
    kind = as_dtype(array.dtype)
    shape = b"".join(field(2, varint(1 << 3) + varint(size) if size else b"") for size in array.shape)
    made = varint(1 << 3) + varint(NUMBERS[kind.name]) + field(2, shape)
    if kind.name == "string":
        made += b"".join(field(8, one) for one in array.reshape(-1))
    elif array.size:
        made += field(4, np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
    return EagerTensor(np.array(made, object))


def parse_tensor(serialized: Any, out_type: Any, name: str | None = None) -> Any:
    """What :func:`serialize_tensor` wrote.

    out_type : must be the type that was written
    """
    number, shape, content, texts = 0, [], b"", []
    for place, value in fields(memoryview(bytes(texts_of(serialized)[()]))):
        if place == 1 and isinstance(value, int):
            number = value
        elif place == 2:
            shape = [_size(bytes_of(part, "an axis")) for at, part in fields(bytes_of(value, "a shape")) if at == 2]
        elif place == 4:
            content = bytes(bytes_of(value, "the values"))
        elif place == 8:
            texts.append(bytes(bytes_of(value, "a text")))
        elif place in (5, 6, 7, 9, 10, 11, 13, 16, 17):
            raise FileFormatError("parse_tensor reads what tf.io.serialize_tensor writes, not values one by one")
    kind = as_dtype(out_type)
    if _NAMES.get(number) != kind.name:
        raise ValueError(f"parse_tensor: out_type is {kind.name}, the bytes hold {_NAMES.get(number, number)}")
    count = int(np.prod([1, *shape], dtype=object))
    held: Any
    if kind.name == "string":
        held = np.empty(len(texts), object)
        held[:] = texts
    else:
        dtype = np.dtype(kind)
        if len(content) % dtype.itemsize:
            raise FileFormatError(f"parse_tensor: {len(content)} bytes are no whole number of {kind.name}")
        held = np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype)
    if held.size != count:
        raise FileFormatError(f"parse_tensor: shape {tuple(shape)} takes {count} values, {held.size} are there")
    return present(held.reshape(shape))


def _size(data: memoryview) -> int:
    size = next((value for place, value in fields(data) if place == 1 and isinstance(value, int)), 0)
    if signed(size) < 0:
        raise FileFormatError("parse_tensor: a size is negative")
    return size


def decode_raw(
    input_bytes: Any, out_type: Any, little_endian: bool = True, fixed_length: int | None = None, name: Any = None
) -> Any:
    """The bytes of each text as numbers, along a new last axis.

    fixed_length : so many bytes of each are read, zeros where a text is shorter
    """
    texts = texts_of(input_bytes)
    kind = np.dtype(as_dtype(out_type))
    rows = list(texts.reshape(-1))
    if fixed_length is not None:
        rows = [one[:fixed_length].ljust(fixed_length, b"\0") for one in rows]
    lengths = {len(one) for one in rows}
    if len(lengths) > 1:
        raise ValueError(f"decode_raw: all texts must have one length, got {sorted(lengths)[:5]}")
    size = lengths.pop() if lengths else 0
    if size % kind.itemsize:
        raise ValueError(f"decode_raw: {size} bytes are no whole number of {kind.name}, {kind.itemsize} bytes each")
    stored = kind.newbyteorder("<") if little_endian else kind.newbyteorder(">")
    made = np.frombuffer(b"".join(rows), stored).astype(kind)
    return present(made.reshape(*texts.shape, size // kind.itemsize))
