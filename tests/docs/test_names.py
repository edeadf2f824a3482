"""Names that README, guides and docstrings write out in full, `recurra.room.name`, are there."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import recurra

ROOT = Path(__file__).parents[2]
PAGES = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "python" / "docs" / "pages").glob("*.md"))) if path.exists()
]
MODULES = sorted(Path(recurra.__file__).parent.rglob("*.py"))
NOT_THERE = {"recurra.function"}  # the guide to porting says that it is not


def is_there(name: str) -> bool:
    found: object = recurra
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            try:
                import_module(name)
            except ImportError:
                return False
            return True
        found = getattr(found, part)
    return True


@pytest.mark.parametrize("files", [PAGES, MODULES], ids=["pages", "docstrings"])
def test_names_are_there(files: list[Path]) -> None:
    names: dict[str, str] = {}
    for file in files:
        for name in re.findall(r"`(recurra(?:\.\w+)+)`", file.read_text("utf-8")):
            names[name] = file.name
    wrong = {name: file for name, file in names.items() if not name.startswith("recurra.torch") and not is_there(name)}
    assert names and not wrong.keys() - NOT_THERE, wrong
