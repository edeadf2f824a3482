"""An extra of the package brings what code asks for, and the error without it says which."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "pyproject.toml"
if not PROJECT.is_file():
    pytest.skip("needs the source tree", allow_module_level=True)

#: for those who work on recurra
#: what a package is imported as, where that is not its name
IMPORTED_AS = {"scikit-learn": "sklearn", "pillow": "PIL", "PyYAML": "yaml"}
OF_CONTRIBUTORS = {"test", "bench", "dev", "docs", "examples"}


def extras() -> dict[str, list[str]]:
    """The packages of each extra, without versions."""
    table = PROJECT.read_text(encoding="utf-8").partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    found = re.findall(r"^(\w+) = \[(.*?)\]$", table, re.M | re.S)
    return {name: re.findall(r'"([\w.-]+)', packages) for name, packages in found}


def test_extras_are_used_and_named_in_errors() -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "python" / "recurra").rglob("*.py"))]
    raised = {
        name for text in sources for name in re.findall(r"ImportError\([^)]*pip install 'recurra\[(\w+)\]'", text)
    }
    assert raised == set(extras()) - OF_CONTRIBUTORS
    for name in raised:
        for package in map(IMPORTED_AS.get, extras()[name], extras()[name]):
            assert any(re.search(rf"^ +(import|from) {package}\b", text, re.M) for text in sources), (name, package)


def test_documents_name_extras_that_exist() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "bench" / "README.md"]
    named = {one for path in documents for one in re.findall(r"(?:'\.|recurra)\[(\w+)\]", path.read_text("utf-8"))}
    assert named and named <= set(extras())
