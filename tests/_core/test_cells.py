"""The two lists of cells agree, the files that cpp/README.md names for a cell exist and name it, and no others do."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from recurra._core.cells import CELLS
from recurra.reference.cells import STEPS

ROOT = Path(__file__).parents[2]
LIST = ROOT / "cpp" / "recurra" / "cells" / "list.hpp"
SHARED = ("cell.hpp", "list.hpp")  # in cells/, beside the cells


def files_for(cell: str) -> list[Path]:
    """The files of "To add a cell" in cpp/README.md."""
    section = (ROOT / "cpp" / "README.md").read_text().split("## To add a cell")[1].split("\n## ")[0]
    names = re.findall(r"^\d\. `([^`]+)`", section, re.MULTILINE)
    return [ROOT / name.replace("<cell>", cell) for name in names]


def header(cell: str) -> str:
    return (LIST.parent / f"{cell}.hpp").read_text()


def struct_name(cell: str) -> str:
    found = re.search(r"struct (\w+) : CellDefaults", header(cell))
    assert found, cell
    return found[1]


def test_every_variant_has_the_cells_of_the_table(core: ModuleType) -> None:
    assert core.recurrent_cells() == list(CELLS)
    assert list(STEPS) == list(CELLS)


def test_headers_and_list_agree() -> None:
    listed = re.findall(r"^  X\((\w+)\)", LIST.read_text(), re.MULTILINE)
    assert listed == [struct_name(cell) for cell in CELLS]
    headers = {path.stem for path in LIST.parent.glob("*.hpp") if path.name not in SHARED}
    assert headers == set(CELLS)


@pytest.mark.parametrize("cell", CELLS)
def test_files_of_a_cell(cell: str) -> None:
    files = files_for(cell)
    assert 3 <= len(files) <= 5
    for path in files:
        text = path.read_text()
        assert cell in text or struct_name(cell) in text, path


@pytest.mark.parametrize("cell", CELLS)
def test_the_table_and_the_header_declare_the_same(cell: str) -> None:
    text, kind = header(cell), CELLS[cell]

    def declared(name: str, default: int) -> int:
        found = re.search(rf" {name} = (\d+);", text)
        return int(found[1]) if found else default

    assert f'name = "{cell}";' in text
    assert declared("gates", 0) == len(kind.gates)
    assert declared("biases", 1) == kind.biases
    assert declared("unit_parameters", 0) == kind.unit_parameters
    assert ("Carry::c" in text) == ("c" in kind.states)
    assert (f'"{kind.unit_parameters_name}"' in text) == bool(kind.unit_parameters)
    assert ("projects = true" in text) == kind.projects
    assert ("row_statistics = true" in text) == kind.row_statistics
    assert ("has_recurrent_activation = false" in text) == (kind.recurrent_activation is None)
    usual = re.search(r"usual_activation = Activation::(\w+);", text)
    assert (usual[1] if usual else "tanh") == kind.activation


def test_no_shared_file_names_a_cell() -> None:
    names = "|".join([*map(struct_name, CELLS), *CELLS])
    own = {LIST, *(LIST.parent / f"{cell}.hpp" for cell in CELLS)}
    shared = [p for p in (ROOT / "cpp").rglob("*") if p.suffix in (".hpp", ".cpp", ".in") and p not in own]
    assert len(shared) > 50
    for path in shared:
        assert not re.search(rf"\b({names})\b", path.read_text(), re.IGNORECASE), path
