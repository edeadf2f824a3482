"""Pairs of texts from files: a translation, or a prompt and its answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from recurra.limits import SENTENCE, check_line
from recurra.typing import PathLike
from recurra.utils.io import csv_delimiter, display_name, iter_lines, read_text

FORMATS = ("tab", "csv", "jsonl", "chatterbot")
_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".yml": "chatterbot", ".yaml": "chatterbot"}


def read_pairs(
    path: PathLike,
    *,
    format: str | None = None,
    source: str = "source",
    target: str = "target",
    encoding: str = "utf-8",
) -> tuple[list[str], list[str]]:
    """The sources and the targets in a file, as many of each.

    path : a file, also .gz, .bz2 or .xz, or "-" for standard input
    format : "tab" (a line holds source, tab, target; what follows another tab is left out, and a first line that holds
        the names `source` and `target` says which columns they are), "csv" (with a header line; semicolons
        separate its columns where that has no comma), "jsonl" (an object a
        line) or "chatterbot" (YAML with a list `conversations` of lists of turns: each turn is the
        target of the one before it, and a lone text has none; extra ``recurra[chat]``); by default what the file's
        ending says, "tab" for others
    source, target : the columns of "csv", the keys of "jsonl"
    raises : ValueError naming the file and the line for what is no pair
    """
    if format is None:
        suffixes = [ending for ending in Path(path).suffixes if ending not in (".gz", ".bz2", ".xz")]
        format = _ENDINGS.get(suffixes[-1].lower() if suffixes else "", "tab")
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if source == target:
        raise ValueError(f"source and target must be different columns, got {source!r} for both")
    name = display_name(path)
    if format == "chatterbot":
        rows = _turns(read_text(path, encoding), name)
    elif format == "csv":
        rows = _table(read_text(path, encoding), name, source, target)
    elif format == "jsonl":
        rows = _objects(iter_lines(path, encoding, blank=True, longest=2 * SENTENCE), name, source, target)
    else:
        rows = _lines(iter_lines(path, encoding, blank=True, longest=2 * SENTENCE), name, source, target)
    sources, targets = [], []
    for line, left, right in rows:
        for what, text in (("source", left), ("target", right)):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{name}, {line}: the {what} must be a text that is not empty, got {text!r}")
            check_line(len(text), SENTENCE, f"{name}, {line}")
        sources.append(left)
        targets.append(right)
    if not sources:
        raise ValueError(f"{name} holds no pairs")
    return sources, targets


Rows = Iterator[tuple[str, Any, Any]]


def _lines(lines: Iterator[str], name: str, source: str, target: str) -> Rows:
    where = (0, 1)
    first = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parts = line.rstrip("\r\n").split("\t")
        if first and {source, target} <= set(parts):
            where = parts.index(source), parts.index(target)
        elif first and (source, target) != ("source", "target"):
            raise ValueError(
                f"{name}, line {number}: must hold the names {source!r} and {target!r} between tabs, "
                f"got {line.strip()[:60]!r}"
            )
        elif len(parts) <= max(where):
            raise ValueError(
                f"{name}, line {number}: must be source, tab, target, got no tab in {line.strip()[:60]!r}"
                if where == (0, 1)
                else f"{name}, line {number}: must have {max(where) + 1} columns, got {len(parts)}"
            )
        else:
            yield f"line {number}", parts[where[0]], parts[where[1]]
        first = False


def _table(content: str, name: str, source: str, target: str) -> Rows:
    limit = csv.field_size_limit(SENTENCE)
    delimiter = csv_delimiter(content.partition("\n")[0])
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    try:
        columns = next(reader, [])
        for column in (source, target):
            if column not in columns:
                raise ValueError(
                    f"{name} must have the columns {source!r} and {target!r}, got {', '.join(columns)}: "
                    "source= and target= name others"
                )
        left, right = columns.index(source), columns.index(target)
        for row in reader:
            if row and len(row) != len(columns):
                raise ValueError(
                    f"{name}, line {reader.line_num}: expected {len(columns)} columns ({', '.join(columns)}), got "
                    f"{len(row)}: a text that holds {delimiter!r} stands in quotes"
                )
            if row:
                yield f"line {reader.line_num}", row[left], row[right]
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: not CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _objects(lines: Iterator[str], name: str, source: str, target: str) -> Rows:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: must be a JSON object: {error}") from None
        if not isinstance(row, dict) or source not in row or target not in row:
            raise ValueError(
                f"{name}, line {number}: must be an object with the keys {source!r} and {target!r}: "
                "source= and target= name others"
            )
        yield f"line {number}", row[source], row[target]


def _turns(content: str, name: str) -> Rows:
    yaml = _package()
    try:
        data = yaml.load(content, Loader=yaml.BaseLoader)  # makes nothing but texts, lists and dicts
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is no YAML: {' '.join(str(error).split())}") from None
    conversations = data.get("conversations") if isinstance(data, dict) else None
    if not isinstance(conversations, list) or not all(isinstance(one, (list, str)) for one in conversations):
        raise ValueError(f"{name} must hold 'conversations', a list of lists of turns")
    for number, one in enumerate(conversations, 1):
        turns = one if isinstance(one, list) else [one]
        for before, turn in pairwise(turns):
            yield f"conversation {number}", before, turn


def _package() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ImportError("ChatterBot's files need PyYAML: pip install 'recurra[chat]'") from error
    return yaml
