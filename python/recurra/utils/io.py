r"""Reading text from files and from standard input, with errors that say where and what to do.

Every function takes a path, or ``"-"`` for standard input, and opens ``.gz``, ``.bz2`` and ``.xz`` files as what they
hold. A missing or unreadable file raises the OSError that fits (FileNotFoundError, PermissionError, …); content that
cannot be used raises ValueError. Both name the file and, where there is one, the line and the byte.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from recurra.limits import check_line

FORMATS = ("text", "csv", "tsv", "jsonl")

_PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text", "": "text"}
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PIECE = 1 << 20

PathLike = str | os.PathLike[str]


def display_name(path: PathLike) -> str:
    """How errors call `path`: ``standard input`` for ``"-"``."""
    name = os.fspath(path)
    return "standard input" if name == "-" else name


def _standard_input() -> Any:
    if sys.stdin is None:
        raise ValueError("standard input is closed: give a file")
    return sys.stdin.buffer


def read_bytes(path: PathLike) -> bytes:
    """The content of a file (unpacked if its name ends in .gz, .bz2 or .xz), or of standard input for ``"-"``."""
    if os.fspath(path) == "-":
        content: bytes = _standard_input().read()
        return content
    return b"".join(iter_bytes(path))


def iter_bytes(path: PathLike) -> Iterator[bytes]:
    """As :func:`read_bytes`, in pieces, the memory of which does not grow with the file; of a pipe what has come."""
    name = os.fspath(path)
    if name == "-":
        stream = _standard_input()
        read = getattr(stream, "read1", stream.read)
        while data := read(_PIECE):
            yield data
        return
    opener: Any = _PACKED.get(os.path.splitext(name)[1].lower(), open)
    try:
        with opener(name, "rb") as file:
            while data := file.read(_PIECE):
                yield data
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: there is no such file; give a path, or - for standard input") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"{name} is a folder; give the path of a file in it") from None
    except PermissionError:
        raise PermissionError(f"{name} may not be read by this user; change its permissions or copy it") from None
    except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # from the system, not from unpacking
        raise ValueError(f"{name} is damaged or not compressed as its ending says: {error}") from error


def byte_lines(path: PathLike) -> Iterator[bytes]:
    r"""The lines of a file, without their ``\n``; the last one is there even if it is empty, as with ``split``."""
    begun: list[bytes] = []
    for data in iter_bytes(path):
        *whole, rest = data.split(b"\n")
        if whole:
            yield b"".join([*begun, whole[0]])
            yield from whole[1:]
            begun = []
        begun.append(rest)
    yield b"".join(begun)


def decode(data: bytes, name: str, encoding: str = "utf-8") -> str:
    r"""`data` as text; `name` is what errors call it. A byte order mark is dropped, line ends become ``\n``.

    raises : ValueError naming the first byte that is not text in `encoding`, its offset and line, and what to do
    """
    return "".join(decode_pieces((data,), name, encoding))


def decode_pieces(pieces: Iterable[bytes], name: str, encoding: str = "utf-8") -> Iterator[str]:
    """As :func:`decode`, piece by piece, wherever the pieces were cut."""
    unicode = encoding.lower() in ("utf-8", "utf8")
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig" if unicode else encoding)()
    except LookupError:
        raise ValueError(f"encoding must be a codec that Python knows, such as 'utf-8', got {encoding!r}") from None
    ends = io.IncrementalNewlineDecoder(None, translate=True)
    fed = lines = characters = 0
    mark = None
    for data, final in _with_last(pieces):
        mark = mark if fed else _MARKS.get(data[:2])
        fed += len(data)
        try:
            text = decoder.decode(data, final)
        except UnicodeDecodeError as error:
            if mark:
                raise ValueError(
                    f"{name} is not {encoding} text but begins as {mark}: pass encoding={mark!r}"
                ) from None
            line = lines + error.object.count(b"\n", 0, error.start) + 1
            raise ValueError(
                f"{name} is not {encoding} text: byte 0x{error.object[error.start]:02x} at offset "
                f"{fed - len(error.object) + error.start} (line {line}); "
                f"convert the file (iconv -f latin1 -t utf-8) or pass its encoding, such as encoding='latin-1'"
            ) from None
        except UnicodeError as error:
            raise ValueError(f"{name} is not {encoding} text: {error}") from None
        offset = text.find("\0") if unicode else -1
        if offset >= 0:
            raise ValueError(
                f"{name} does not look like text: it holds byte 0x00 at offset {characters + offset}; is it a binary "
                "file?"
            )
        characters += len(text)
        lines += data.count(b"\n")
        if text := ends.decode(text, final):
            yield text


def _with_last(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each piece, and whether it is the last one, which may be empty."""
    for piece in pieces:
        yield piece, False
    yield b"", True


def read_text(path: PathLike, encoding: str = "utf-8") -> str:
    """The whole text of a file or of standard input (``"-"``).

    raises : OSError where it cannot be read; ValueError where it is empty or not text in `encoding`
    """
    name = display_name(path)
    text = decode(read_bytes(path), name, encoding)
    if not text or text.isspace():
        raise ValueError(f"{name} holds no text: give a file with at least one character that is not a space")
    return text


def read_lines(path: PathLike, encoding: str = "utf-8") -> list[str]:
    """The lines of a file or of standard input that are not blank, without their ends.

    raises : as :func:`read_text`
    """
    return [line for line in read_text(path, encoding).split("\n") if line and not line.isspace()]


def iter_lines(
    path: PathLike, encoding: str = "utf-8", blank: bool = False, longest: int | None = None
) -> Iterator[str]:
    """As :func:`read_lines`, but read as they are asked for; from standard input each line as it arrives.

    The memory does not grow with the file.
    blank : whether lines of spaces alone come too, as empty strings
    longest : the most characters of a line; a longer one is a ValueError, before it is in memory. None allows any
    """
    name = display_name(path)
    some = typed = os.fspath(path) == "-"
    lines = stream_lines(_standard_input(), name, encoding, longest) if typed else text_lines(path, encoding, longest)
    for line in lines:
        line = line.removesuffix("\n")
        if line and not line.isspace():
            some = True
            yield line
        elif blank:
            yield ""
    if not some:
        raise ValueError(f"{name} holds no text: give a file with at least one character that is not a space")


def stream_lines(stream: Any, name: str, encoding: str = "utf-8", longest: int | None = None) -> Iterator[str]:
    """The lines of a binary stream, each as it arrives; see :func:`iter_lines` and :func:`text_lines`."""
    most = -1 if longest is None else 4 * longest + 2  # bytes of a character, and the end of a line
    number = 0
    while raw := stream.readline(most):
        number += 1
        where = f"{name}, line {number}"
        check_line(longest + 1 if longest and len(raw) == most and raw[-1:] != b"\n" else 0, longest, where)
        line = decode(raw, where, encoding)
        check_line(len(line.removesuffix("\n")), longest, where)
        yield line


def text_lines(path: PathLike, encoding: str = "utf-8", longest: int | None = None) -> Iterator[str]:
    r"""All lines, blank ones too, with their ends as ``\n``; see :func:`iter_lines`."""
    name = display_name(path)
    begun: list[str] = []
    number, characters = 1, 0  # of the line that has begun
    for text in decode_pieces(iter_bytes(path), name, encoding):
        *whole, rest = text.split("\n")
        if whole:
            check_line(characters + len(whole[0]), longest, f"{name}, line {number}")
            yield "".join([*begun, whole[0], "\n"])
            for at, line in enumerate(whole[1:], number + 1):
                check_line(len(line), longest, f"{name}, line {at}")
                yield line + "\n"
            begun, characters = [], 0
            number += len(whole)
        begun.append(rest)
        characters += len(rest)
        check_line(characters, longest, f"{name}, line {number}")
    if last := "".join(begun):
        yield last


def csv_delimiter(header: str) -> str:
    """What separates the columns of a CSV file with this first line: semicolons where it has them and no comma.

    >>> csv_delimiter('"title, in short";text;label')
    ';'
    """
    bare = re.sub(r'"[^"]*"', "", header)
    return ";" if ";" in bare and "," not in bare else ","


def file_format(path: PathLike, format: str | None = None) -> str:
    """The format of a file of examples: `format` if given, else by its ending; standard input is ``"text"``.

    raises : ValueError for an unknown format or ending
    """
    if format is not None:
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
        return format
    name = os.fspath(path)
    if name == "-":
        return "text"
    stem, ending = os.path.splitext(name.lower())
    if ending in _PACKED:
        ending = os.path.splitext(stem)[1]
    if ending not in _ENDINGS:
        raise ValueError(
            f"{name}: the ending {ending!r} does not say how to read it; "
            f"give format= one of {', '.join(FORMATS)} (endings that are known: .txt .csv .tsv .jsonl)"
        )
    return _ENDINGS[ending]
