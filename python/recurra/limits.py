"""What a file may ask for: the one policy of every reader, and the one exception for files that are refused.

==================  ==================================================================================================
unpacked bytes      at most ``max(SMALL, RATIO * stored)``, and ``DEFLATE * stored`` where that is less (deflate reaches
                    1032 on zeros), for one member and for all together; `max_size` of the loaders, or
                    :func:`allowing`, raises it
layers              at most ``LAYERS`` in one configuration
nesting             at most ``DEPTH`` objects inside one another, ``NESTING`` brackets of JSON
links               at most ``LINKS`` names in all groups of an HDF5 file
JSON                at most ``JSON_SIZE`` bytes
pickles             at most one memo index for each byte, at most ``PICKLE_SIZE`` bytes
vocabularies        lists of tokens, never paths; at most one token for each stored byte
lines of text       at most ``LINE`` characters in one that a command reads, ``SENTENCE`` where a network reads it whole
helper processes    memory and CPU time (:func:`seconds`) by the size of the file
==================  ==================================================================================================
"""

from __future__ import annotations

import os
import pickle
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zipfile

SMALL = 1 << 26
RATIO = 20
DEFLATE = 1000
LAYERS = 4096
DEPTH = 200
NESTING = 500
LINKS = 100_000
JSON_SIZE = 1 << 26
PICKLE_SIZE = 1 << 28
LINE = 10_000_000
SENTENCE = 1_000_000
UNPACKED_A_SECOND = 1 << 25  # bytes; a slow machine unpacks as many
PATIENCE = 15  # seconds on the clock for one of CPU time: a busy machine must not make a good file a damaged one
_END_AND_COMMENT = 22 + 0xFFFF  # bytes, at most, of the end of a zip archive

_allowed: ContextVar[int | None] = ContextVar("_allowed", default=None)
_loading: ContextVar[bool] = ContextVar("_loading", default=False)


class FileFormatError(ValueError):
    """A file is damaged, hostile, of another format, or holds something that recurra does not know."""


class PickleError(FileFormatError, pickle.UnpicklingError):
    """The FileFormatError of pickles, which callers may also catch as Python's own UnpicklingError."""


@contextmanager
def allowing(max_size: int | None) -> Iterator[None]:
    """Files read in the block may unpack to `max_size` bytes, as `max_size` of the loaders says; None changes nothing.

    >>> with allowing(1 << 34):
    ...     unpacked(1000)
    17179869184
    """
    if max_size is None:
        yield
        return
    if isinstance(max_size, bool) or not isinstance(max_size, int) or max_size < 1:
        raise ValueError(f"max_size must be None or a number of bytes >= 1, got {max_size!r}")
    token = _allowed.set(max_size)
    try:
        yield
    finally:
        _allowed.reset(token)


def unpacked(stored: int) -> int:
    """How many bytes a file, or a member, of `stored` bytes may unpack to.

    >>> unpacked(1000), unpacked(1 << 20) == SMALL, unpacked(1 << 30) == 20 << 30
    (1000000, True, True)
    """
    given = _allowed.get()
    return min(max(SMALL, RATIO * stored), DEFLATE * max(stored, 1000)) if given is None else max(given, stored)


def seconds(allowed: int) -> int:
    """The CPU time that a helper process may take for a file that may unpack to `allowed` bytes.

    >>> seconds(SMALL), seconds(1 << 30)
    (4, 34)
    """
    return 2 + -(-allowed // UNPACKED_A_SECOND)


def check_unpacked(claimed: int, stored: int, what: str) -> None:
    """Refuse `what`, of `stored` bytes, where it says that it unpacks to more than it may.

    raises : FileFormatError
    """
    if claimed > unpacked(stored):
        raise FileFormatError(
            f"{what} claims {claimed} bytes, stored in {stored}: refused, as it may unpack to {unpacked(stored)}. "
            f"If you trust it, give max_size={claimed}"
        )


def check_members(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an archive whose directory lists another number of members than its end says: damage may hide some."""
    file = archive.fp
    assert file is not None
    file.seek(max(file.seek(0, os.SEEK_END) - _END_AND_COMMENT, 0))
    tail = file.read()
    said = int.from_bytes(tail[tail.rfind(b"PK\5\6") + 10 :][:2], "little")
    if said not in (0xFFFF, len(archive.infolist())):  # a larger number stands elsewhere
        raise FileFormatError(f"{name} must hold {said} members, but lists {len(archive.infolist())}: it is damaged")


def check_regular(path: str | os.PathLike[str]) -> None:
    """Refuse a pipe, a socket or a device, which would give without end, or let the reader wait for ever.

    raises : FileFormatError; what is missing is left to the reader
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise FileFormatError(
            f"{os.fspath(path)} is a pipe, a socket or a device: only files are read, copy it into one"
        )


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The content of a regular file."""
    check_regular(path)
    with open(path, "rb") as file:
        return file.read()


def check_line(characters: int, longest: int | None, where: str) -> None:
    """Refuse a line of text that is longer than `longest`; None allows any.

    where : the file and the line
    raises : ValueError
    """
    if longest is not None and characters > longest:
        raise ValueError(f"{where}: a line of more than {longest:,} characters is not read; break it into shorter ones")


_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def check_json(data: bytes, what: str) -> None:
    """Refuse JSON that is too long, or nested too deep to be parsed safely.

    raises : FileFormatError
    """
    if len(data) > max(JSON_SIZE, _allowed.get() or 0):
        raise FileFormatError(f"{what} has {len(data)} bytes of JSON, more than {JSON_SIZE}: refused")
    if data.count(b"[") + data.count(b"{") <= NESTING:
        return
    depth = 0
    for found in _BRACKETS.finditer(data):
        first = data[found.start()]
        if first == 0x22:
            continue
        depth += 1 if first in b"[{" else -1
        if depth > NESTING:
            raise FileFormatError(f"{what} is nested more than {NESTING} levels deep: refused")


@contextmanager
def loading_configuration() -> Iterator[None]:
    """While objects are made from a configuration: :func:`refuse_path` raises in the block."""
    token = _loading.set(True)
    try:
        yield
    finally:
        _loading.reset(token)


def check_size(argument: str, size: int) -> None:
    """Called before memory for `size` numbers is taken because an argument says so, without data.

    raises : FileFormatError inside :func:`loading_configuration`, for more than a million
    """
    if _loading.get() and size > 1_000_000:
        raise FileFormatError(f"{argument} asks for {size} numbers: no configuration is trusted that far")


def refuse_path(argument: str, value: Any) -> None:
    """Called before a file that an argument names is opened: no configuration may name one.

    raises : FileFormatError inside :func:`loading_configuration`
    """
    if _loading.get():
        raise FileFormatError(
            f"{argument} must be given as its values when an object is made from a configuration, got the path "
            f"{str(value)[:100]!r}: no file that a configuration names is opened"
        )
