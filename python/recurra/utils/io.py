r"""Reading text and labelled examples from files and from standard input, with errors that say where and what to do.

    >>> import io, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "reviews.csv"
    >>> _ = path.write_text("label,text\n1,well made\n0,far too long\n", encoding="utf-8")
    >>> read_examples(path)
    Examples(texts=['well made', 'far too long'], labels=['1', '0'])

Every function takes a path, or ``"-"`` for standard input, and opens ``.gz``, ``.bz2`` and ``.xz`` files as what they
hold. A missing or unreadable file raises the OSError that fits (FileNotFoundError, PermissionError, …); content that
cannot be used raises ValueError. Both name the file and, where there is one, the line and the byte.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

FORMATS = ("text", "csv", "tsv", "jsonl")

_PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text", "": "text"}
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_CSV_FIELD_LIMIT = 1 << 30

PathLike = str | os.PathLike[str]


class Examples(NamedTuple):
    """Texts and, where the file has them, one label (as a string) for each."""

    texts: list[str]
    labels: list[str] | None


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
    name = os.fspath(path)
    if name == "-":
        content: bytes = _standard_input().read()
        return content
    opener: Any = _PACKED.get(os.path.splitext(name)[1].lower(), open)
    try:
        with opener(name, "rb") as file:
            data: bytes = file.read()
            return data
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


def decode(data: bytes, name: str, encoding: str = "utf-8") -> str:
    r"""`data` as text; `name` is what errors call it. A byte order mark is dropped, line ends become ``\n``.

    raises : ValueError naming the first byte that is not text in `encoding`, its offset and line, and what to do
    """
    try:
        text = data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise ValueError(f"encoding must be a codec that Python knows, such as 'utf-8', got {encoding!r}") from None
    except UnicodeDecodeError as error:
        mark = _MARKS.get(data[:2])
        if mark:
            raise ValueError(f"{name} is not {encoding} text but begins as {mark}: pass encoding={mark!r}") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{name} is not {encoding} text: byte 0x{data[error.start]:02x} at offset {error.start} (line {line}); "
            f"convert the file (iconv -f latin1 -t utf-8) or pass its encoding, such as encoding='latin-1'"
        ) from None
    except UnicodeError as error:
        raise ValueError(f"{name} is not {encoding} text: {error}") from None
    offset = data.find(b"\0") if encoding.lower() in ("utf-8", "utf8") else -1
    if offset >= 0:
        raise ValueError(f"{name} does not look like text: it holds byte 0x00 at offset {offset}; is it a binary file?")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


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


def iter_lines(path: PathLike, encoding: str = "utf-8") -> Iterator[str]:
    """As :func:`read_lines`, but from standard input each line as it arrives."""
    if os.fspath(path) != "-":
        yield from read_lines(path, encoding)
        return
    for number, raw in enumerate(_standard_input(), 1):
        line = decode(raw, f"standard input, line {number}", encoding).rstrip("\n")
        if line and not line.isspace():
            yield line


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


def read_examples(
    path: PathLike,
    *,
    text: str = "text",
    label: str | None = "label",
    format: str | None = None,
    encoding: str = "utf-8",
    known: Sequence[str] | None = None,
) -> Examples:
    """Texts with labels from a CSV, TSV, JSON Lines or plain text file, or from standard input (``"-"``).

    text, label : names of the columns (CSV, TSV: in the first row) or keys (JSON Lines); label=None reads texts alone
    format : "csv", "tsv", "jsonl" or "text"; None goes by the ending. A plain text file holds one text a line, or
        label, tab, text where labels are wanted.
    known : the labels that may occur; None allows any
    returns : Examples(texts, labels). Labels are strings: 1, 1.0 and "1" give "1"; true gives "true".
    raises : OSError or ValueError, naming file, line and what was expected
    """
    name = display_name(path)
    kind = file_format(path, format)
    content = decode(read_bytes(path), name, encoding)
    rows = {"text": _plain_rows, "csv": _table_rows, "tsv": _table_rows, "jsonl": _json_rows}[kind]
    texts: list[str] = []
    labels: list[str] = []
    for line, row_text, row_label in rows(content, name, text, label, kind):
        if not row_text.strip():
            raise ValueError(f"{name}, line {line}: the text is empty; remove the line or fill it in")
        texts.append(row_text)
        if label is not None:
            if not row_label:
                raise ValueError(f"{name}, line {line}: the label is empty; remove the line or fill it in")
            if known is not None and row_label not in known:
                expected = ", ".join(map(repr, known[:20])) + (", ..." if len(known) > 20 else "")
                raise ValueError(f"{name}, line {line}: the label must be one of {expected}, got {row_label[:60]!r}")
            labels.append(row_label)
    if not texts:
        raise ValueError(f"{name} holds no examples: it has no line with a text")
    return Examples(texts, labels if label is not None else None)


Rows = Iterator[tuple[int, str, str]]


def _plain_rows(content: str, name: str, text: str, label: str | None, kind: str) -> Rows:
    for number, line in enumerate(content.split("\n"), 1):
        if not line or line.isspace():
            continue
        if label is None:
            yield number, line, ""
            continue
        row_label, tab, row_text = line.partition("\t")
        if not tab:
            raise ValueError(f"{name}, line {number}: expected label, tab, text, got {line[:60]!r}")
        yield number, row_text, row_label.strip()


def _table_rows(content: str, name: str, text: str, label: str | None, kind: str) -> Rows:
    limit = csv.field_size_limit(_CSV_FIELD_LIMIT)
    try:
        reader = csv.reader(io.StringIO(content, newline=""), delimiter="," if kind == "csv" else "\t", strict=True)
        try:
            header = [column.strip() for column in next(reader, [])]
            where = []
            for wanted in (text, label):
                if wanted is not None and wanted not in header:
                    raise ValueError(
                        f"{name}: the first row must name a column {wanted!r}, "
                        f"it names {', '.join(header) or 'nothing'}; say which columns hold the text and the label"
                    )
                where.append(header.index(wanted) if wanted is not None else -1)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise ValueError(
                        f"{name}, line {reader.line_num}: expected {len(header)} columns "
                        f"({', '.join(header)}), got {len(row)}"
                    )
                yield reader.line_num, row[where[0]], row[where[1]].strip() if label is not None else ""
        except csv.Error as error:
            raise ValueError(f"{name}, line {reader.line_num}: not {kind.upper()}: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _json_rows(content: str, name: str, text: str, label: str | None, kind: str) -> Rows:
    for number, line in enumerate(content.split("\n"), 1):
        if not line or line.isspace():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{name}, line {number}: not JSON: {error.msg} at column {error.colno}") from None
        except RecursionError:
            raise ValueError(f"{name}, line {number}: not an example: it is nested too deeply") from None
        if not isinstance(row, dict):
            raise ValueError(f"{name}, line {number}: expected a JSON object, got {type(row).__name__}")
        for wanted in (text, label):
            if wanted is not None and wanted not in row:
                keys = ", ".join(map(repr, row)) or "none"
                raise ValueError(f"{name}, line {number}: no key {wanted!r}; the keys are {keys}")
        if not isinstance(row[text], str):
            raise ValueError(f"{name}, line {number}: {text!r} must be a string, got {row[text]!r}")
        yield number, row[text], _label_string(row[label], name, number, label) if label is not None else ""


def _label_string(value: Any, name: str, line: int, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    raise ValueError(f"{name}, line {line}: {key!r} must be a string or a number, got {value!r}")
