"""Every line of the guide to porting: the imports, the table of tf.* names, the blocks of code and the errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "python" / "docs" / "pages" / "porting.md"
TEXT = PAGE.read_text("utf-8") if PAGE.exists() else ""
pytestmark = pytest.mark.skipif(not TEXT, reason="the page is not beside the tests")


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its first two lines."""
    if not TEXT:
        return []
    section = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def code(cell: str) -> str:
    match = re.fullmatch(r"`(.*)`", cell)
    assert match, f"not one piece of code: {cell}"
    return match[1]


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", TEXT, re.S)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the blocks define, one after the other; their assertions hold."""
    space: dict[str, Any] = {}
    for block in blocks():
        exec(compile(block, str(PAGE), "exec"), space)
    return space


IMPORTS = table("Import lines")
LINES = table("Names of `tf.*`")
ERRORS = table("What is out of scope")


def test_the_page_is_read() -> None:
    assert len(IMPORTS) > 10 and len(LINES) > 60 and len(ERRORS) > 8 and len(blocks()) == 6
    assert {len(row) for row in IMPORTS} == {2} == {len(row) for row in ERRORS}
    assert {len(row) for row in LINES} == {3}


@pytest.mark.parametrize("after", [row[1] for row in IMPORTS])
def test_import(after: str) -> None:
    exec(code(after), {})


@pytest.mark.parametrize(("line", "gives"), [(row[1], row[2]) for row in LINES])
def test_line(line: str, gives: str, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space = {**names, "x": np.arange(6, dtype="float32").reshape(2, 3), "w": np.ones((3, 1), "float32")}
    result = eval(code(line), space)
    if gives.startswith("shape "):
        assert np.shape(result) == eval(gives.removeprefix("shape "))
    elif gives:
        wanted = eval(gives)
        if wanted is None or isinstance(wanted, str):
            assert result == wanted
        else:
            np.testing.assert_array_equal(np.asarray(result), np.asarray(wanted))


@pytest.mark.parametrize(("line", "says"), ERRORS)
def test_error(line: str, says: str, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = names["refused"](lambda: eval(code(line), names))
    assert message is not None and says in message
    assert list(tmp_path.iterdir()) == []
