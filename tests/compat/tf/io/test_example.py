"""Examples: the bytes that TensorFlow 2.21 writes, and bytes that are damaged."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from recurra.compat import tf
from recurra.limits import FileFormatError

WRITTEN = bytes.fromhex(
    "0a510a0b0a05656d70747912021a000a180a0369647312111a0f0a0d03ffffffffffffffffff01ac020a060a026e6f12000a0d0a017412080a06"
    "0a0261620a000a110a0178120c120a0a080000c03fcdccccbd"
)
SEQUENCE = bytes.fromhex("0a0c0a0a0a016e12051a030a010212170a150a017712100a061a040a0201020a061a040a020304")


def integers(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def example() -> tf.train.Example:
    features = {
        "empty": integers(),
        "ids": integers(3, -1, 300),
        "no": tf.train.Feature(),
        "t": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"ab", b""])),
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[1.5, -0.1])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def test_bytes_are_those_of_tensorflow() -> None:
    assert example().SerializeToString() == WRITTEN
    read = tf.train.Example.FromString(WRITTEN)
    assert read == example() and read.features.feature["ids"].int64_list.value == [3, -1, 300]
    assert read.features.feature["t"].WhichOneof("kind") == "bytes_list"
    assert read.features.feature["x"].float_list.value == pytest.approx([1.5, -0.1])
    assert read.features.feature["x"].int64_list.value == []
    assert tf.train.Example().SerializeToString() == b""
    lists = tf.train.FeatureLists(feature_list={"w": tf.train.FeatureList(feature=[integers(1, 2), integers(3, 4)])})
    made = tf.train.SequenceExample(context=tf.train.Features(feature={"n": integers(2)}), feature_lists=lists)
    assert made.SerializeToString() == SEQUENCE and tf.train.SequenceExample.FromString(SEQUENCE) == made


def test_lists_that_are_not_packed() -> None:
    from recurra.compat.tf.io.wire import field, varint

    values = varint(1 << 3) + varint(3) + varint(1 << 3) + varint(-2)
    record = field(1, field(1, field(1, b"i") + field(2, field(3, values))))
    assert tf.train.Example.FromString(record).features.feature["i"].int64_list.value == [3, -2]
    floats = b"\x0d" + np.float32(2.5).tobytes() + b"\x0d" + np.float32(-1).tobytes()
    record = field(1, field(1, field(1, b"f") + field(2, field(2, floats))))
    assert tf.train.Example.FromString(record).features.feature["f"].float_list.value == [2.5, -1.0]


def test_damaged_bytes_end_in_an_error_or_in_an_example() -> None:
    rng = np.random.default_rng(1)
    for _ in range(3000):
        wrong = bytearray(WRITTEN)
        for place in rng.integers(0, len(wrong), rng.integers(1, 4)):
            wrong[place] = rng.integers(256)
        with contextlib.suppress(FileFormatError):
            tf.train.Example.FromString(bytes(wrong[: rng.integers(1, len(wrong) + 1)]))
    with pytest.raises(FileFormatError, match="does not end"):
        tf.train.Example.FromString(b"\x0a" + b"\xff" * 12)
    with pytest.raises(FileFormatError, match="says 9 bytes where 1 are left"):
        tf.train.Example.FromString(b"\x0a\x09a")


def test_what_lists_take() -> None:
    with pytest.raises(TypeError, match="BytesList takes bytes, got str 'a'"):
        tf.train.BytesList(value=["a"])
    with pytest.raises(TypeError, match="takes integers"):
        tf.train.Int64List(value=[1.5])
    with pytest.raises(ValueError, match="64 bits"):
        tf.train.Int64List(value=[1 << 63])
    with pytest.raises(ValueError, match="Feature takes one of"):
        tf.train.Feature(int64_list=tf.train.Int64List(), float_list=tf.train.FloatList())
    with pytest.raises(TypeError, match="must be a FloatList"):
        tf.train.Feature(float_list=tf.train.Int64List())
    assert tf.train.Int64List(value=np.array([1, 2])).value == [1, 2]
    assert tf.train.BytesList(value=[tf.constant("é")]).value == ["é".encode()]
