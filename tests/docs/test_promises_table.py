"""The table of promises: each has the test that holds it, and what it names is there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "python" / "docs" / "pages" / "promises.md"
ROWS = (
    re.findall(r"^\| (?!what is promised|---)(.*?) \| (.*?) \|$", PAGE.read_text("utf-8"), re.M)
    if PAGE.exists()
    else []
)

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the guides are not beside the tests")


def test_the_whole_table_is_read() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert len(ROWS) == len(lines) - 2 > 20


@pytest.mark.parametrize("held", [held for _, held in ROWS], ids=[promise[:40] for promise, _ in ROWS])
def test_what_holds_a_promise_is_there(held: str) -> None:
    files = re.findall(r"`([\w/]+\.(?:py|cpp))`", held)
    modules = re.findall(r"`python -m ([\w.]+)[^`]*`", held)
    assert [file for file in files if file.startswith("tests/")] or modules
    for file in files:
        assert (ROOT / file).is_file(), file
        if Path(file).name.startswith("test_"):
            assert re.search(r"^ *(?:def test_|TEST\w*\()", (ROOT / file).read_text("utf-8"), re.M), file
    for module in modules:
        assert find_spec(module) is not None, module


def test_the_readme_links_the_table() -> None:
    assert "python/docs/pages/promises.md" in (ROOT / "README.md").read_text("utf-8")
