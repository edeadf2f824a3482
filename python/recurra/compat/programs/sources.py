"""Scripts and notebooks as pieces of Python, with the lines of notebooks that are no Python taken out."""

from __future__ import annotations

import ast
import json
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

#: cell magics whose cell is Python all the same
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%python", "%%python3")
#: line magics with Python behind them
_TIMED = re.compile(r"^(\s*)%(?:time|timeit)\s+(?!-)(.+)$")
_LINE = re.compile(r"^\s*(?:[!%?]|\w[\w.]*\?{1,2}\s*$|[\w.]+\s*=\s*[!%]\s*\w)")


class Piece(NamedTuple):
    """A stretch of Python.

    name : of the file, or of the cell
    source : what is run, as many lines as were written
    skipped : the lines that are no Python, by number
    """

    name: str
    source: str | bytes
    skipped: dict[int, str]


class UnreadableProgram(ValueError):
    """A file that is no program: the message says why."""


def read_program(path: str) -> list[Piece]:
    """The pieces of a script (one), or of a notebook (its code cells)."""
    if path.endswith(".ipynb"):
        return _cells(path)
    return [Piece(path, Path(path).read_bytes(), {})]


def text_of(piece: Piece) -> str:
    """A piece as text, in the encoding that it declares."""
    if isinstance(piece.source, str):
        return piece.source
    with tokenize.open(piece.name) as file:
        return file.read()


def _cells(path: str) -> list[Piece]:
    try:
        notebook = json.loads(Path(path).read_text("utf-8"))
        cells = notebook["cells"] if "cells" in notebook else [c for w in notebook["worksheets"] for c in w["cells"]]
        sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell.get("cell_type") == "code"]
        texts = ["".join(source) for source in sources]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableProgram(f"{path}: this is no notebook ({type(error).__name__}: {error})") from None
    return [_cell(f"{path}, cell {number}", text) for number, text in enumerate(texts, 1) if text.strip()]


def _cell(name: str, text: str) -> Piece:
    """A cell with shell lines and magics replaced by ``pass``, so that the lines keep their numbers."""
    lines = text.splitlines()
    first = next((k for k, line in enumerate(lines) if line.strip()), 0)
    skipped: dict[int, str] = {}
    if lines[first].lstrip().startswith("%%"):
        magic = lines[first].split()[0]
        if magic not in _PYTHON_CELLS:
            return Piece(name, "", {first + 1: lines[first].strip()})
        skipped[first + 1] = lines[first].strip()
        lines[first] = ""
    elif _is_python(text):
        return Piece(name, text, {})
    continued = False
    for number, line in enumerate(lines, 1):
        timed = _TIMED.match(line)
        if timed and _is_python(timed[2]):
            lines[number - 1] = timed[1] + timed[2]
        elif continued or (_LINE.match(line) and not _inside_text(lines[: number - 1])):
            skipped[number] = line.strip()
            lines[number - 1] = "" if continued else re.match(r"\s*", line)[0] + "pass"  # type: ignore[index]
            continued = line.rstrip().endswith("\\")
            continue
        continued = False
    return Piece(name, "\n".join(lines) + "\n", skipped)


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _inside_text(lines: list[str]) -> bool:
    """Whether the lines end inside a text of several lines."""
    joined = "\n".join(lines)
    return any(joined.count(quotes) % 2 for quotes in ('"""', "'''"))
