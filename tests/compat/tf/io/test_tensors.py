"""Tensors as bytes: those that TensorFlow 2.21 writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.compat import tf
from recurra.limits import FileFormatError

WRITTEN: list[tuple[Any, str]] = [
    (np.array([[1.5, 2], [3, 4], [5, -6]], "float32"),
     "08011208120208031202080222180000c03f0000004000004040000080400000a0400000c0c0"),
    (np.array([True, False]), "080a12041202080222020100"),
    (np.array([b"a", b"bc"], object), "080712041202080242016142026263"),
    (np.zeros((0, 3), "int64"), "08091206120012020803"),
    (np.array(7, "int32"), "08031200220407000000"),
]  # fmt: skip


@pytest.mark.parametrize(("array", "written"), WRITTEN)
def test_bytes_of_tensorflow(array: Any, written: str) -> None:
    made = tf.io.serialize_tensor(tf.constant(array))
    assert made.numpy().hex() == written
    back = tf.io.parse_tensor(made, out_type=tf.as_dtype(array.dtype))
    assert back.dtype == tf.as_dtype(array.dtype)
    np.testing.assert_array_equal(back.numpy(), array)


def test_every_type_goes_there_and_back() -> None:
    for name in ("float16", "float64", "int8", "int16", "uint8", "uint16", "uint32", "uint64", "complex64"):
        array = np.arange(6).reshape(3, 2).astype(name)
        back = tf.io.parse_tensor(tf.io.serialize_tensor(array), out_type=name)
        assert back.numpy().dtype == array.dtype and (back.numpy() == array).all()


def test_bytes_that_do_not_fit() -> None:
    good = tf.io.serialize_tensor(np.arange(6, dtype="float32").reshape(2, 3)).numpy()
    with pytest.raises(ValueError, match="out_type is int32, the bytes hold float32"):
        tf.io.parse_tensor(good, tf.int32)
    with pytest.raises(FileFormatError):
        tf.io.parse_tensor(good[:-1], tf.float32)
    huge = bytes.fromhex("080112181209") + b"\x08" + b"\xff" * 7 + b"\x7f" + bytes.fromhex("1209") + b"\x08"
    with pytest.raises(FileFormatError):
        tf.io.parse_tensor(huge + b"\xff" * 7 + b"\x7f", tf.float32)
    with pytest.raises(FileFormatError, match="one by one"):
        tf.io.parse_tensor(bytes.fromhex("080112002a0400000000"), tf.float32)


def test_decode_raw() -> None:
    texts = tf.constant([[b"\x01\x00\x02\x00"], [b"\xff\xff\x00\x01"]])
    assert tf.io.decode_raw(texts, tf.int16).numpy().tolist() == [[[1, 2]], [[-1, 256]]]
    assert tf.io.decode_raw(texts, tf.uint16, little_endian=False).numpy().tolist() == [[[256, 512]], [[65535, 1]]]
    assert tf.io.decode_raw(tf.constant(b"\x03"), tf.uint8).numpy().tolist() == [3]
    assert tf.io.decode_raw([b"ab", b"c"], tf.uint8, fixed_length=3).numpy().tolist() == [[97, 98, 0], [99, 0, 0]]
    with pytest.raises(ValueError, match="must have one length"):
        tf.io.decode_raw([b"ab", b"c"], tf.uint8)
    with pytest.raises(ValueError, match="3 bytes are no whole number of int16"):
        tf.io.decode_raw([b"abc"], tf.int16)
