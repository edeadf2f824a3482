"""Notebooks as pieces of Python: which lines are taken out."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from recurra.compat.programs.sources import UnreadableProgram, read_program, text_of


def cell(folder: Path, source: str):
    path = folder / "n.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source}]}), "utf-8")
    (piece,) = read_program(str(path))
    ast.parse(piece.source)
    return piece


@pytest.mark.parametrize(
    ("source", "skipped"),
    [
        ("x = 1\ny = x % 2\n", {}),
        ("!pip install a \\\n  b\nx = 1", {1: "!pip install a \\", 2: "b"}),
        ("if True:\n    !ls\n", {2: "!ls"}),
        ("%matplotlib inline\nimport os", {1: "%matplotlib inline"}),
        ("files = !ls\nx = 2", {1: "files = !ls"}),
        ("os.path?", {1: "os.path?"}),
        ("text = '''\n!not a command\n%nor this\n'''\n!ls", {5: "!ls"}),
        ("%%html\n<b>no Python</b>", {1: "%%html"}),
        ("\n%%time\nx = 1\n!ls", {2: "%%time", 4: "!ls"}),
        ("%time x = 3\n%timeit -n 10 f()", {2: "%timeit -n 10 f()"}),
    ],
)
def test_lines_that_are_no_python(source: str, skipped: dict[int, str], tmp_path: Path) -> None:
    piece = cell(tmp_path, source)
    assert piece.skipped == skipped
    if not source.startswith("%%html"):
        assert len(piece.source.rstrip("\n").splitlines()) == len(source.rstrip("\n").splitlines())


def test_what_is_timed_is_run(tmp_path: Path) -> None:
    assert cell(tmp_path, "%time x = 3\n!ls").source.splitlines()[0] == "x = 3"
    assert cell(tmp_path, "%%time\nx = 3").source.splitlines()[1] == "x = 3"


def test_older_notebooks_and_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    cells = [{"cell_type": "code", "input": ["x = 1\n", "y"]}, {"cell_type": "heading", "source": "a"}]
    path.write_text(json.dumps({"worksheets": [{"cells": [*cells, {"cell_type": "code", "input": ""}]}]}))
    (piece,) = read_program(str(path))
    assert piece.source == "x = 1\ny" and piece.name == f"{path}, cell 1"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"cells": 3}', '{"cells": [3]}', "[" * 100000, '{"cells": [{"cell_type": "code", "source": 5}]}'],
)
def test_what_is_no_notebook(text: str, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(UnreadableProgram, match="this is no notebook"):
        read_program(str(path))


def test_scripts_keep_their_encoding(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nx = 'ñ'\n".encode("latin-1"))
    (piece,) = read_program(str(path))
    assert text_of(piece).endswith("x = 'ñ'\n")
