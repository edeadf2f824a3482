"""The wire format of protocol buffers: numbered fields of integers, bytes and fixed-size numbers."""

from __future__ import annotations

from collections.abc import Iterator

from recurra.limits import FileFormatError

__all__ = ["bytes_of", "field", "fields", "signed", "varint", "varints"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(value: int) -> bytes:
    """An integer, seven bits a byte; a negative one as 64 bits.

    >>> varint(300).hex(), len(varint(-1))
    ('ac02', 10)
    """
    value &= (1 << 64) - 1
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def field(number: int, content: bytes) -> bytes:
    """A field that holds bytes: a text, a message or packed numbers."""
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def _read(data: memoryview, place: int) -> tuple[int, int]:
    """An integer and where it ends."""
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise FileFormatError("damaged message: an integer does not end")
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, place
        shift += 7


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The number and content of each field: an integer, or the bytes of everything else.

    raises : FileFormatError where a field reaches beyond the end, or is of a kind that is not in use
    """
    place = 0
    while place < len(data):
        key, place = _read(data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _read(data, place)
            yield number, value
            continue
        if kind == BYTES:
            size, place = _read(data, place)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise FileFormatError(f"damaged message: field {number} is of the unknown kind {kind}")
        if size > len(data) - place:
            raise FileFormatError(
                f"damaged message: field {number} says {size} bytes where {len(data) - place} are left"
            )
        yield number, data[place : place + size]
        place += size


def varints(data: memoryview) -> list[int]:
    """Packed integers."""
    found, place = [], 0
    while place < len(data):
        value, place = _read(data, place)
        found.append(value)
    return found


def signed(value: int) -> int:
    """An unsigned number of 64 bits as a signed one."""
    return value - (1 << 64) if value >> 63 else value


def bytes_of(content: int | memoryview, what: str) -> memoryview:
    """The content of a field that must hold bytes."""
    if isinstance(content, int):
        raise FileFormatError(f"damaged message: {what} is a number and must be bytes")
    return content
