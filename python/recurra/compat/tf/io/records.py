"""TFRecord files: records of bytes, each with its length and two checksums (CRC-32C, rotated and shifted).

A record is the length as 8 bytes, the checksum of these, the bytes, and the checksum of those. Each checksum is
compared when a record is read, and a length is looked at before memory is taken for it.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from recurra.compat.tf.strings import texts_of
from recurra.limits import FileFormatError, check_regular, unpacked

__all__ = ["TFRecordOptions", "TFRecordWriter", "masked_crc", "records"]

KINDS = ("", "GZIP", "ZLIB")


def _make_table() -> list[int]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return [int(one) for one in table]


_TABLE = _make_table()


def masked_crc(data: bytes | memoryview) -> int:
    """The checksum of a record: CRC-32C (Castagnoli), rotated by 15 bits, plus a constant.

    >>> hex(masked_crc(b"123456789"))
    '0xc78ab0e5'
    """
    table = _TABLE
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class TFRecordOptions:
    """How a file is compressed: "", "GZIP" or "ZLIB".

    compression_level : of zlib, from 0 to 9
    """

    def __init__(self, compression_type: Any = None, flush_mode: Any = None, compression_level: int | None = None):
        self.compression_type = kind_of(compression_type)
        self.compression_level = compression_level


def kind_of(value: Any) -> str:
    """The name of a compression given as a text, a tensor, TFRecordOptions or None."""
    if isinstance(value, TFRecordOptions):
        return value.compression_type
    name = "" if value is None else texts_of(value)[()].decode()
    if name not in KINDS:
        raise ValueError(f"compression_type must be '', 'GZIP' or 'ZLIB', got {name!r}")
    return name


class TFRecordWriter:
    """Writes records, one after the other; also as a ``with`` block.

    options : TFRecordOptions, or the name of a compression
    """

    def __init__(self, path: Any, options: Any = None) -> None:
        self._kind = kind_of(options)
        level = getattr(options, "compression_level", None)
        level = 6 if level is None else level
        self._file: Any = open(os.fsdecode(path), "wb")  # noqa: SIM115  (closed by close)
        if self._kind == "GZIP":
            self._zip: Any = zlib.compressobj(level, zlib.DEFLATED, 31)
        else:
            self._zip = zlib.compressobj(level) if self._kind else None

    def write(self, record: Any) -> None:
        """Add a record: bytes, or a tensor that holds a text."""
        data = record if isinstance(record, bytes) else bytes(texts_of(record)[()])
        length = struct.pack("<Q", len(data))
        head = length + struct.pack("<I", masked_crc(length))
        self._put(head + data + struct.pack("<I", masked_crc(data)))

    def _put(self, data: bytes) -> None:
        self._file.write(self._zip.compress(data) if self._zip else data)

    def flush(self) -> None:
        """Hand over to the system what is not compressed."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        if not self._file.closed:
            if self._zip:
                self._file.write(self._zip.flush())
            self._file.close()

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Zlib:
    """A file of zlib's format, read as it unpacks."""

    def __init__(self, file: Any) -> None:
        self._file, self._zip = file, zlib.decompressobj()

    def read(self, size: int) -> bytes:
        made = []
        while size > 0 and not self._zip.eof:
            source = self._zip.unconsumed_tail or self._file.read(1 << 16)
            if not source:
                break
            part = self._zip.decompress(source, size)
            made.append(part)
            size -= len(part)
        return b"".join(made)


def records(path: str, compression_type: Any = None) -> Iterator[bytes]:
    """The records of a file.

    raises : FileFormatError where a checksum is wrong, a record is cut off, or the file unpacks to more than
        ``recurra.limits`` allows
    """
    kind = kind_of(compression_type)
    check_regular(path)
    stored = os.path.getsize(path)
    left = unpacked(stored) if kind else stored
    number = 0
    with open(path, "rb") as file:
        source: Any = gzip.GzipFile(fileobj=file) if kind == "GZIP" else _Zlib(file) if kind else file

        def take(size: int) -> bytes:
            nonlocal left
            if size > left:
                raise FileFormatError(
                    f"{path}: record {number} says {size} bytes where at most {left} can follow: the file is damaged, "
                    "cut off or compressed in another way"
                )
            try:
                data: bytes = source.read(size)
            except (OSError, EOFError, zlib.error) as error:
                raise FileFormatError(f"{path}: not a file compressed by {kind}: {error}") from None
            left -= len(data)
            return data

        while True:
            head = take(min(12, left))
            if not head:
                return
            if len(head) < 12 or struct.unpack("<I", head[8:])[0] != masked_crc(head[:8]):
                raise FileFormatError(
                    f"{path}: record {number} has a wrong length checksum: the file is damaged, no TFRecord file, or "
                    "compressed in another way than compression_type says"
                )
            (size,) = struct.unpack("<Q", head[:8])
            data, tail = take(size), take(min(4, left))
            if len(data) < size or len(tail) < 4:
                raise FileFormatError(f"{path}: record {number} is cut off")
            if struct.unpack("<I", tail)[0] != masked_crc(data):
                raise FileFormatError(f"{path}: record {number} has a wrong checksum: the file is damaged")
            yield data
            number += 1
