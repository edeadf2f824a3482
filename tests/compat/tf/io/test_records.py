"""TFRecord files: bytes that TensorFlow 2.21 wrote, and files that are damaged."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from recurra.compat import tf
from recurra.compat.tf.io.records import masked_crc, records
from recurra.limits import FileFormatError

#: the records b"first" and b""
WRITTEN = bytes.fromhex("0500000000000000eab2043e666972737455ff23e5000000000000000029039807d8ea82a2")


def test_files_of_tensorflow(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(WRITTEN)
    assert list(records(str(path))) == [b"first", b""]
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"first")
        writer.write(tf.constant(""))
    assert path.read_bytes() == WRITTEN


@pytest.mark.parametrize("kind", ["", "GZIP", "ZLIB"])
def test_round_trip(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    wanted = [rng.bytes(int(size)) for size in (3, 0, 5000, 1, 70_000)] + [b"\0" * 100_000]
    path = str(tmp_path / "b.tfrecord")
    options = tf.io.TFRecordOptions(compression_type=kind, compression_level=1)
    with tf.io.TFRecordWriter(path, options) as writer:
        for one in wanted:
            writer.write(one)
    assert list(records(path, kind)) == wanted
    dataset = tf.data.TFRecordDataset([path, path], compression_type=kind)
    assert [one.numpy() for one in dataset] == wanted * 2
    assert [one.numpy() for one in dataset.skip(1).take(2)] == wanted[1:3]
    several = tf.data.Dataset.from_tensor_slices([path]).interleave(lambda one: tf.data.TFRecordDataset(one, kind))
    assert len(list(several)) == len(wanted)
    raw = Path(path).read_bytes()
    whole = {"GZIP": gzip.decompress, "ZLIB": zlib.decompress, "": bytes}[kind](raw)
    assert len(whole) == sum(len(one) + 16 for one in wanted)
    with pytest.raises(FileFormatError):
        list(records(path, "" if kind else "GZIP"))


def test_every_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "c.tfrecord"
    for place in range(len(WRITTEN)):
        for wrong in (WRITTEN[:place] + bytes([WRITTEN[place] ^ 0x10]) + WRITTEN[place + 1 :], WRITTEN[:place]):
            if wrong in (b"", WRITTEN[:21]):  # whole files themselves
                continue
            path.write_bytes(wrong)
            with pytest.raises(FileFormatError, match=r"record|compressed"):
                list(records(str(path)))


def test_no_memory_is_taken_for_a_length(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 62)
    path = tmp_path / "d.tfrecord"
    path.write_bytes(length + struct.pack("<I", masked_crc(length)) + b"abc")
    with pytest.raises(FileFormatError, match=f"record 0 says {1 << 62} bytes where at most 3 can follow"):
        list(records(str(path)))


def test_a_file_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.limits.SMALL", 1000)
    path = str(tmp_path / "e.tfrecord")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(b"\0" * 1_000_000)
    with pytest.raises(FileFormatError, match="at most"):
        list(records(path, "GZIP"))


def test_names_of_compression() -> None:
    with pytest.raises(ValueError, match="compression_type must be '', 'GZIP' or 'ZLIB', got 'zip'"):
        tf.data.TFRecordDataset("x", compression_type="zip")
