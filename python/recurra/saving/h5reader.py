"""A reader for the part of HDF5 that Keras uses, which checks every number in a file before it trusts it.

The HDF5 library can be led into endless loops and crashes by a damaged file. Keras's files need little of it:
superblock 0, groups as B-trees of names, arrays stored in one piece, attributes that hold strings. This reads just
that; anything else raises :class:`Unusual`, and is left to a process of its own (``h5copy.py``). The HDF5 File Format
Specification 3.0 is the source of all layouts; numbers are little-endian, addresses and lengths 8 bytes.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from recurra.autograd import Array
from recurra.limits import LINKS, FileFormatError, unpacked

MAGIC = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 0xFFFFFFFFFFFFFFFF
#: the attribute that holds the checksum of an array or a text; other readers pass it by
CHECKSUM = "recurra_crc32"
#: the root's attribute that holds the checksum of all names; in a file that has it every array has its own
NAMES = "recurra_names"
_DEPTH = 64
_DATASPACE, _DATATYPE, _LAYOUT, _ATTRIBUTE, _CONTINUATION, _SYMBOLS = 0x1, 0x3, 0x8, 0xC, 0x10, 0x11
_IDLE = (0x0, 0x4, 0x5, 0xA, 0xD, 0xE, 0x12, 0x13, 0x16)  # fill values, times, comments, counts


def checksum(data: bytes | memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], name: str) -> str:
    """Eight digits for an array's bytes as stored, its dtype, shape and name in its group."""
    start = zlib.crc32(f"{dtype.str} {shape} {name}".encode())
    return f"{zlib.crc32(data, start):08x}"


class Unusual(Exception):
    """The file uses a part of HDF5 that Keras does not: what it is."""


class Reader:
    """An open file.

    source : an open binary file or BytesIO, whole
    label : what errors call it
    """

    def __init__(self, source: IO[bytes] | io.RawIOBase, label: str) -> None:
        self._file, self.label, self.checked = source, label, False
        self.size = source.seek(0, os.SEEK_END)
        self._groups: dict[int, Group] = {}
        self._text, self._links = 0, 0
        head = self.take(0, 96)
        if head[:8] != MAGIC:
            raise FileFormatError(f"{label} is not an HDF5 file, or it is damaged")
        if head[8] > 1:
            raise Unusual(f"superblock {head[8]}")
        if head[13] != 8 or head[14] != 8:
            raise Unusual("addresses of other than 8 bytes")
        start = 24 + 4 * head[8]
        base, _, end, _ = struct.unpack_from("<4Q", head, start)
        if base:
            raise Unusual("a user block")
        if end > self.size:
            raise self.damaged(f"it should have {end} bytes and has {self.size}")
        self.root = self.object(int(struct.unpack_from("<Q", head, start + 40)[0]), "/")
        if not isinstance(self.root, Group):
            raise self.damaged("its root is not a group")
        self.checked = NAMES in self.root.attrs

    def damaged(self, what: str) -> FileFormatError:
        return FileFormatError(f"{self.label} is damaged: {what}")

    def take(self, offset: int, size: int) -> bytes:
        """`size` bytes at `offset`; an error if the file does not have them."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise self.damaged(f"it points to {size} bytes at {offset}, but has {self.size}")
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise self.damaged(f"{size} bytes at {offset} cannot be read")
        return data

    # --- objects -------------------------------------------------------------------------------------------------

    def object(self, address: int, name: str) -> Group | Dataset:
        """The group or dataset whose header is at `address`."""
        if address in self._groups:
            return self._groups[address]
        messages = self._messages(address)
        kinds = {kind for kind, _ in messages}
        attributes = [data for kind, data in messages if kind == _ATTRIBUTE]
        strange = kinds - {_DATASPACE, _DATATYPE, _LAYOUT, _ATTRIBUTE, _SYMBOLS, *_IDLE}
        if 0x7 in strange:
            raise FileFormatError(f"{self.label}: {name!r} keeps its data in another file, which is not followed")
        if strange:
            raise Unusual(f"header message {min(strange):#x} of {name!r}")
        by_kind = dict(messages)
        if _SYMBOLS in by_kind:
            tree, heap = self.unpack("<2Q", by_kind[_SYMBOLS])
            self._groups[address] = Group(self, name, attributes, tree, heap)
            return self._groups[address]
        if _LAYOUT in by_kind and _DATATYPE in by_kind and _DATASPACE in by_kind:
            return self._dataset(name, attributes, by_kind)
        raise self.damaged(f"{name!r} is neither a group nor an array")

    def unpack(self, layout: str, data: bytes, offset: int = 0) -> tuple[Any, ...]:
        """Numbers out of a message, which may be too short for them."""
        try:
            return struct.unpack_from(layout, data, offset)
        except struct.error:
            raise self.damaged("a part of it is too short") from None

    def _messages(self, address: int) -> list[tuple[int, bytes]]:
        """Kind and content of all messages in an object's header (version 1)."""
        head = self.take(address, 16)
        if head[0] != 1:
            raise (
                Unusual("an object header of version 2")
                if head[:4] == b"OHDR"
                else self.damaged(f"there is no object header at {address}")
            )
        count, _, length = struct.unpack_from("<HII", head, 2)
        blocks, result, seen = [(address + 16, length)], [], 0
        while blocks:
            start, length = blocks.pop(0)
            block, at = self.take(start, length), 0
            while at + 8 <= len(block) and seen < count:
                kind, size, flags = struct.unpack_from("<HHB", block, at)
                data = block[at + 8 : at + 8 + size]
                if len(data) != size:
                    raise self.damaged(f"the object header at {address} is cut off")
                if flags & 2:
                    raise Unusual("a shared header message")
                if kind == _CONTINUATION:
                    blocks.append(self.unpack("<2Q", data))
                else:
                    result.append((kind, data))
                at += 8 + size
                seen += 1
            if len(blocks) > 1000:
                raise self.damaged(f"the object header at {address} has no end")
        return result

    def _dataset(self, name: str, attributes: list[bytes], messages: dict[int, bytes]) -> Dataset:
        shape = self.dataspace(messages[_DATASPACE])
        layout = messages[_LAYOUT]
        version, kind = self.unpack("<BB", layout)
        if version != 3 or kind > 1:
            raise Unusual(f"layout {version}.{kind} of {name!r}")
        try:
            dtype: np.dtype[Any] | None = self.number_type(messages[_DATATYPE])
        except FileFormatError:
            dtype = None
        if kind == 0:
            (size,) = self.unpack("<H", layout, 2)
            return Dataset(self, name, attributes, shape, dtype, layout[4 : 4 + size], 0, size)
        address, size = self.unpack("<2Q", layout, 2)
        return Dataset(self, name, attributes, shape, dtype, None, address, size)

    def count_link(self) -> None:
        """Called for each name in a group: there is a limit for all of them together."""
        self._links += 1
        if self._links > LINKS:
            raise FileFormatError(f"{self.label} has more than {LINKS} names in its groups: refused")

    # --- types and shapes ------------------------------------------------------------------------------------------

    def dataspace(self, data: bytes) -> tuple[int, ...] | None:
        """A shape; None for "no data at all"."""
        version, rank, _, kind = self.unpack("<4B", data)
        if version not in (1, 2):
            raise self.damaged(f"a shape of version {version}")
        if version == 2 and kind == 2:
            return None
        if rank > 32:
            raise self.damaged(f"a shape of {rank} axes")
        return tuple(int(size) for size in self.unpack(f"<{rank}Q", data, 8 if version == 1 else 4))

    def number_type(self, data: bytes) -> np.dtype[Any]:
        """The numpy dtype of a datatype message for numbers."""
        kind, bits, size = self._type_head(data)
        order = ">" if bits & 1 else "<"
        if kind == 0 and size in (1, 2, 4, 8):
            offset, precision = self.unpack("<2H", data, 8)
            if offset == 0 and precision == 8 * size:
                return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
        if kind == 1 and size in (2, 4, 8) and not bits & 0x40:
            offset, precision, _, exponent, _, mantissa = self.unpack("<2H4B", data, 8)
            widths = {2: (5, 10), 4: (8, 23), 8: (11, 52)}[size]
            if (offset, precision) == (0, 8 * size) and (exponent, mantissa) == widths:
                return np.dtype(f"{order}f{size}")
        if kind == 8 and size == 1:  # h5py stores bool as an enumeration of bytes, 0 and 1
            return np.dtype(np.uint8)
        raise FileFormatError(f"{self.label}: an array must hold numbers, got HDF5's type class {kind} of {size} bytes")

    def _type_head(self, data: bytes) -> tuple[int, int, int]:
        first, low, middle, high, size = self.unpack("<4BI", data)
        return first & 15, low | middle << 8 | high << 16, size

    # --- attributes ------------------------------------------------------------------------------------------------

    def attribute(self, data: bytes) -> tuple[str, Any]:
        """Name and value of an attribute message: strings as str or a list of them, None for anything else."""
        version, flags, *sizes = self.unpack("<BB3H", data)
        if version not in (1, 2, 3):
            raise self.damaged(f"an attribute of version {version}")
        if flags and version > 1:
            raise Unusual("an attribute of a shared type")
        at, parts = 8 + (version == 3), []
        for size in sizes:
            parts.append(data[at : at + size])
            if len(parts[-1]) != size:
                raise self.damaged("an attribute is cut off")
            at += size if version > 1 else (size + 7) // 8 * 8
        name = parts[0].split(b"\0", 1)[0].decode("utf-8")
        shape = self.dataspace(parts[2])
        kind, bits, width = self._type_head(parts[1])
        if shape is None:
            return name, None
        count, content = math.prod(shape), data[at:]
        if kind in (0, 1) and count == 0:
            return name, []
        if kind not in (3, 9) or (kind == 9 and (bits & 15 != 1 or width != 16)):
            return name, None
        if width == 0 or count * width > len(content):
            raise self.damaged(f"the attribute {name!r} is cut off")
        cells = [content[index * width : (index + 1) * width] for index in range(count)]
        if kind == 9:
            cells = list(self._from_heap(cells))
        values = [cell.split(b"\0", 1)[0].decode("utf-8") for cell in cells]
        return name, values if shape else values[0]

    def _from_heap(self, references: list[bytes]) -> Iterator[bytes]:
        """Strings of any length, each given as its length, its heap's address and its number there."""
        heaps: dict[int, dict[int, bytes]] = {}
        for reference in references:
            length, address, number = struct.unpack("<IQI", reference)
            if length == 0:
                yield b""
                continue
            if address not in heaps:
                heaps[address] = self._heap(address)
            value = heaps[address].get(number)
            if value is None or len(value) < length:
                raise self.damaged(f"a string is missing in the heap at {address}")
            self._text += length
            if self._text > unpacked(self.size):
                raise self.damaged(f"its attributes claim more than {unpacked(self.size)} bytes of text")
            yield value[:length]

    def _heap(self, address: int) -> dict[int, bytes]:
        """The objects of a global heap by number."""
        head = self.take(address, 16)
        size = int.from_bytes(head[8:], "little")
        if head[:5] != b"GCOL\x01" or size < 16:
            raise self.damaged(f"there is no heap at {address}")
        data, at, result = self.take(address, size), 16, {}
        while at + 16 <= size:
            number, _, _, length = struct.unpack_from("<HHIQ", data, at)
            if number == 0:
                break  # the rest is free
            if at + 16 + length > size:
                raise self.damaged(f"the heap at {address} is cut off")
            result[int(number)] = data[at + 16 : at + 16 + length]
            at += 16 + (length + 7) // 8 * 8
        return result


class _Object:
    def __init__(self, reader: Reader, name: str, attributes: list[bytes]) -> None:
        self.reader, self.name, self._messages = reader, name, attributes
        self._attrs: dict[str, Any] | None = None

    @property
    def attrs(self) -> dict[str, Any]:
        """The attributes that hold strings: str, or a list of them; None for others."""
        if self._attrs is None:
            self._attrs = dict(self.reader.attribute(data) for data in self._messages)
        return self._attrs

    @property
    def label(self) -> str:
        """The file's name, for errors."""
        return self.reader.label


class Group(_Object):
    """A group: names and what they stand for."""

    def __init__(self, reader: Reader, name: str, attributes: list[bytes], tree: int, heap: int) -> None:
        super().__init__(reader, name, attributes)
        self._tree, self._heap = tree, heap
        self._links: dict[str, int | None] | None = None

    def links(self) -> dict[str, int | None]:
        """Names and addresses in the group, in the order of names; None for a link to elsewhere."""
        if self._links is None:
            reader = self.reader
            head = reader.take(self._heap, 32)
            if head[:5] != b"HEAP\0":
                raise reader.damaged(f"{self.name!r} has no names")
            size, _, start = struct.unpack_from("<3Q", head, 8)
            names = reader.take(start, size)
            self._links = {}
            for offset, address, cached in self._symbols(self._tree, 0, set()):
                reader.count_link()
                end = names.find(b"\0", offset)
                if not 0 <= offset < end:
                    raise reader.damaged(f"a name in {self.name!r} is cut off")
                self._links[names[offset:end].decode("utf-8")] = None if cached == 2 else address
        return self._links

    def _symbols(self, address: int, depth: int, seen: set[int]) -> Iterator[tuple[int, int, int]]:
        """Name offset, header address and kind of each entry below a node of the B-tree."""
        reader = self.reader
        if address in seen or depth > _DEPTH:
            raise reader.damaged(f"the names of {self.name!r} go in circles")
        seen.add(address)
        head = reader.take(address, 8)
        if head[:4] == b"SNOD" and depth:
            (count,) = struct.unpack_from("<H", head, 6)
            yield from struct.iter_unpack("<QQI20x", reader.take(address + 8, 40 * count))
        elif head[:5] == b"TREE\0":
            (count,) = struct.unpack_from("<H", head, 6)
            for index in range(count):
                (below,) = struct.unpack("<Q", reader.take(address + 32 + 16 * index, 8))
                yield from self._symbols(below, depth + 1, seen)
        else:
            raise reader.damaged(f"{self.name!r} has no entries at {address}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.links())

    def __len__(self) -> int:
        return len(self.links())

    def __contains__(self, name: object) -> bool:
        return name in self.links()

    def get(self, name: str) -> Group | Dataset | None:
        """What `name` (without ``/``) stands for; None where there is nothing."""
        if name not in self.links():
            return None
        address = self.links()[name]
        if address is None:
            raise FileFormatError(f"{self.label}: {name!r} in {self.name!r} is a link, which is not followed")
        return self.reader.object(address, f"{self.name.rstrip('/')}/{name}")


class Dataset(_Object):
    """An array: its shape, its dtype (None if it holds no numbers), and its values on request."""

    def __init__(
        self, reader: Reader, name: str, attributes: list[bytes], shape: tuple[int, ...] | None,
        dtype: np.dtype[Any] | None, data: bytes | None, address: int, size: int,
    ) -> None:  # fmt: skip
        super().__init__(reader, name, attributes)
        self.shape = shape or ()
        self.size = math.prod(self.shape)
        self.dtype = np.dtype(np.uint8) if dtype is None else dtype
        self._is_number = shape is not None and dtype is not None
        self._data, self._address, self._stored = data, address, size

    def check(self) -> None:
        """Raise unless it holds numbers, and the file has all of them."""
        where, stored = f"{self.label}: {self.name!r}", self._stored
        if not self._is_number:
            raise FileFormatError(f"{where} must hold numbers")
        claimed = self.size * self.dtype.itemsize
        if claimed and self._data is None and (self._address == UNDEFINED or self._address + stored > self.reader.size):
            raise FileFormatError(f"{where} claims {claimed} bytes, but the file does not hold them")
        if claimed != stored and not (claimed == 0 and stored in (0, UNDEFINED)):
            raise FileFormatError(f"{where} claims {claimed} bytes, but {stored} are stored")

    def read(self) -> Array:
        """The values, in the machine's byte order."""
        self.check()
        data = self._data
        if data is None:
            data = self.reader.take(self._address, self.size * self.dtype.itemsize) if self.size else b""
        expected = self.attrs.get(CHECKSUM)
        if expected is not None or self.reader.checked:
            found = checksum(data, self.dtype, self.shape, self.name.rpartition("/")[2])
            if found != expected:
                raise FileFormatError(
                    f"{self.label}: {self.name!r} does not match its checksum: it is damaged. If it was changed "
                    f"on purpose, remove its attribute {CHECKSUM!r} and the root's {NAMES!r}"
                )
        array = np.frombuffer(data, self.dtype, self.size).reshape(self.shape)
        return array.astype(self.dtype.newbyteorder("="))
