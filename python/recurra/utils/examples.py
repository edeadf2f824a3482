r"""Texts with labels from CSV, TSV, JSON Lines and plain text files, with errors that say where and what to do.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "reviews.csv"
>>> _ = path.write_text("label,text\n1,well made\n0,far too long\n", encoding="utf-8")
>>> read_examples(path)
Examples(texts=['well made', 'far too long'], labels=['1', '0'])
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from recurra.limits import check_line
from recurra.utils.io import PathLike, csv_delimiter, display_name, file_format, text_lines

_CSV_FIELD_LIMIT = 1 << 30


class Examples(NamedTuple):
    """Texts and, where the file has them, one label (as a string) for each."""

    texts: list[str]
    labels: list[str] | None


class Example(NamedTuple):
    """One text, with its label and its group where they were asked for, else empty strings."""

    text: str
    label: str
    group: str


class Columns(NamedTuple):
    """Names of columns (CSV, TSV: in the first row) or keys (JSON Lines); None for what is not wanted."""

    text: str
    label: str | None = None
    group: str | None = None


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
    format : "csv", "tsv", "jsonl" or "text"; None goes by the ending. The columns of "csv" are separated by commas, or
        by semicolons where the first row has no comma. A plain text file holds one text a line, or label, tab, text
        where labels are wanted.
    known : the labels that may occur; None allows any
    returns : Examples(texts, labels). Labels are strings: 1, 1.0 and "1" give "1"; true gives "true".
    raises : OSError or ValueError, naming file, line and what was expected
    """
    found = list(iter_examples(path, Columns(text, label), format=format, encoding=encoding, known=known))
    return Examples([one.text for one in found], None if label is None else [one.label for one in found])


def iter_examples(
    path: PathLike,
    columns: Columns | Callable[[list[str]], Columns],
    *,
    format: str | None = None,
    encoding: str = "utf-8",
    known: Sequence[str] | None = None,
    longest: int | None = None,
) -> Iterator[Example]:
    """As :func:`read_examples`, one example at a time, in memory that does not grow with the file.

    columns : names, or a function that chooses them from the names that there are: those of the first row, or the keys
        of the first object. For plain text files, which have none, it is called with an empty list.
    longest : the most characters of a line, and of a text over several lines (CSV, TSV); None allows any
    """
    name = display_name(path)
    kind = file_format(path, format)
    choose = columns if callable(columns) else lambda there: columns
    rows = {"text": _plain_rows, "csv": _table_rows, "tsv": _table_rows, "jsonl": _json_rows}[kind]
    some = False
    for line, wanted, example in rows(text_lines(path, encoding, longest), name, choose, kind):
        check_line(len(example.text), longest, f"{name}, line {line}")
        if not example.text.strip():
            raise ValueError(f"{name}, line {line}: the text is empty; remove the line or fill it in")
        if wanted.label is not None:
            if not example.label:
                raise ValueError(f"{name}, line {line}: the label is empty; remove the line or fill it in")
            if known is not None and example.label not in known:
                expected = ", ".join(map(repr, known[:20])) + (", ..." if len(known) > 20 else "")
                raise ValueError(
                    f"{name}, line {line}: the label must be one of {expected}, got {example.label[:60]!r}"
                )
        if wanted.group is not None and not example.group:
            raise ValueError(f"{name}, line {line}: the group, {wanted.group!r}, is empty; fill it in")
        some = True
        yield example
    if not some:
        raise ValueError(f"{name} holds no examples: it has no line with a text")


Choose = Callable[[list[str]], Columns]
Rows = Iterator[tuple[int, Columns, Example]]


def _plain_rows(lines: Iterator[str], name: str, choose: Choose, kind: str) -> Rows:
    wanted = choose([])
    if wanted.group is not None:
        raise ValueError(f"{name}: a plain text file has no column {wanted.group!r} that says what belongs together")
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\n")
        if not line or line.isspace():
            continue
        if wanted.label is None:
            yield number, wanted, Example(line, "", "")
            continue
        label, tab, text = line.partition("\t")
        if not tab:
            raise ValueError(f"{name}, line {number}: expected label, tab, text, got {line[:60]!r}")
        yield number, wanted, Example(text, label.strip(), "")


def _table_rows(lines: Iterator[str], name: str, choose: Choose, kind: str) -> Rows:
    limit = csv.field_size_limit(_CSV_FIELD_LIMIT)
    first = next(lines, "")
    delimiter = csv_delimiter(first) if kind == "csv" else "\t"
    reader = csv.reader(chain([first], lines) if first else lines, delimiter=delimiter, strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        wanted = choose(header)
        where = []
        for column in wanted:
            if column is not None and column not in header:
                raise ValueError(
                    f"{name}: the first row must name a column {column!r}, "
                    f"it names {', '.join(header) or 'nothing'}; pass text=NAME and label=NAME of the columns"
                )
            where.append(header.index(column) if column is not None else -1)
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise ValueError(
                    f"{name}, line {reader.line_num}: expected {len(header)} columns "
                    f"({', '.join(header)}), got {len(row)}"
                )
            label, group = (row[at].strip() if at >= 0 else "" for at in where[1:])
            yield reader.line_num, wanted, Example(row[where[0]], label, group)
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: not {kind.upper()}: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _json_rows(lines: Iterator[str], name: str, choose: Choose, kind: str) -> Rows:
    wanted: Columns | None = None
    for number, line in enumerate(lines, 1):
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
        wanted = wanted or choose(list(row))
        for column in wanted:
            if column is not None and column not in row:
                keys = ", ".join(map(repr, row)) or "none"
                raise ValueError(f"{name}, line {number}: no key {column!r}; the keys are {keys}")
        text = row[wanted.text]
        if not isinstance(text, str):
            raise ValueError(f"{name}, line {number}: {wanted.text!r} must be a string, got {text!r}")
        label, group = (
            _label_string(row[column], name, number, column) if column is not None else "" for column in wanted[1:]
        )
        yield number, wanted, Example(text, label, group)


def _label_string(value: Any, name: str, line: int, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    raise ValueError(f"{name}, line {line}: {key!r} must be a string or a number, got {value!r}")
