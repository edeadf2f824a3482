"""The arrow points down: no room of the package imports one that stands above it in README's map. Files are short."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "recurra"
if not PACKAGE.is_dir():
    pytest.skip("needs the source tree", allow_module_level=True)

#: (room, room above it) : why. Allowed where it is used, in a function or for types; never when a module is loaded
LAZY = {
    ("models", "saving"): "Model.save and load_model, when they are called",
    ("cli", "compat"): "recurra run and check, when they are called",
    ("training", "compat"): "Keras 2's fit_generator and the like, when a model is asked for one",
    ("_core", "reference"): "RECURRA_ISA=reference, when it is asked for",
    ("autograd", "ops"): "the first use of an operator of a Tensor",
    ("utils", "preprocessing"): "pad_sequences and the like, which Keras has in utils too",
    ("utils", "models"): "plot_model, which Keras has in utils too",
    ("preprocessing", "layers"): "TextVectorization, which is found in preprocessing too",
}

LINES = 400
#: longer files, and how long they may be at most
LONGER = {"python/recurra/autograd.py": 470}


class Import(NamedTuple):
    """One import, or the name of a module in a table of lazy names."""

    module: str
    imported: str
    lazy: bool
    line: int


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def known(name: str) -> str:
    """The module that `name`, perhaps a name in a module, belongs to."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def room_of(module: str) -> str:
    """``recurra.layers.base.layer`` -> ``layers``; "" for the front door."""
    return module.split(".")[1] if "." in module else ""


def imports_of(module: str) -> Iterator[Import]:
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]

    def names(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            return [".".join([*start, *filter(None, [node.module]), alias.name]) for alias in node.names]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value] if re.fullmatch(r"recurra(\.\w+)+", node.value) else []
        return []

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for name in names(node):
            if name.split(".")[0] == "recurra" and known(name) != module:
                yield Import(module, known(name), lazy or isinstance(node, ast.Constant), node.lineno)  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            typed = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            yield from visit(child, lazy or inside or typed)

    return visit(ast.parse(MODULES[module].read_text(encoding="utf-8")), False)


@cache
def every_import() -> tuple[Import, ...]:
    return tuple(found for module in MODULES for found in imports_of(module))


@cache
def rooms() -> tuple[str, ...]:
    """The rooms of README's map, the upper one first."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## Map") :].split("\n\n")[2]
    cells = [row.split("|")[2] for row in table.splitlines()[2:]]
    return tuple(re.sub(r"/$|\.py$", "", name) for cell in cells for name in re.findall(r"`([^`]+)`", cell))


def test_the_map_shows_every_room() -> None:
    there = {room_of(module) for module in MODULES} - {"", "__main__"}
    assert sorted(rooms()) == sorted(there), "README's map and the folders differ"


def test_imports_are_found() -> None:
    found = {(room_of(one.module), room_of(one.imported), one.lazy) for one in every_import()}
    assert {("layers", "ops", False), ("models", "saving", True), ("utils", "models", True)} <= found


def test_no_import_points_up() -> None:
    place = {room: place for place, room in enumerate(rooms())}
    wrong = []
    for one in every_import():
        room, other = room_of(one.module), room_of(one.imported)
        if room in ("", "__main__") or room == other:
            continue  # the front door and the command stand above all rooms
        if other == "":
            allowed = True  # the version: the front door is loaded before anything behind it
        elif place[other] > place[room]:
            allowed = True
        elif room == "typing":
            allowed = one.lazy  # its types name classes of all rooms, for type checkers alone
        else:
            allowed = one.lazy and (room, other) in LAZY
        if not allowed:
            wrong.append(f"{one.module}:{one.line} imports {one.imported}, which stands above {room}")
    assert not wrong, "\n".join(wrong)


def test_no_exception_is_idle() -> None:
    pairs = {(room_of(one.module), room_of(one.imported)) for one in every_import()}
    assert set(LAZY) <= pairs


def test_no_circles_when_modules_are_loaded() -> None:
    """Rooms in the order in which they can be loaded: each needs only those before it."""
    needs: dict[str, set[str]] = {room: set() for room in rooms()}
    for one in every_import():
        room, other = room_of(one.module), room_of(one.imported)
        if not one.lazy and room in needs and other in needs and room != other:
            needs[room].add(other)
    loaded: set[str] = set()
    while ready := {room for room, wanted in needs.items() if room not in loaded and wanted <= loaded}:
        loaded |= ready
    assert loaded == set(needs), f"a circle among {sorted(set(needs) - loaded)}"


def test_no_file_is_too_long() -> None:
    files = [path for folder in ("python/recurra", "tests") for path in (ROOT / folder).rglob("*.py")]
    lengths = {p.relative_to(ROOT).as_posix(): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    wrong = {path: length for path, length in lengths.items() if length > LONGER.get(path, LINES)}
    assert not wrong, f"split them along what they do: {wrong}"
    assert all(lengths[path] > LINES for path in LONGER), "an exception that is not needed"


#: folders of tests that mirror no room, and why
WITHOUT_ROOM = {
    "docs": "pages and guides",
    "examples": "notebooks",
    "isa": "all variants, each in a process of its own",
    "random_models": "models drawn at random",
    "tutorials": "whole programs",
    "typing": "README's examples under a type checker",
}
#: files at the top that mirror no module
WHOLE_PROJECT = ("architecture", "extras", "lazy_names", "docstrings")


def mirrored(folder: str) -> set[str]:
    """What a test file in a folder may be called after: the modules of the same folder, or the room itself."""
    places = [PACKAGE / folder, ROOT / folder, ROOT / folder / "python"]
    names = {path.stem.strip("_") for place in places for path in place.glob("*.py*")}
    names |= {path.parent.name for place in places for path in place.glob("*/__init__.py")}
    if folder == "_core":  # kernels.pyi and what is behind it
        names |= {path.stem for part in ("bindings", "recurra/nn") for path in (ROOT / "cpp" / part).glob("*.?pp")}
    return names | {Path(folder).name}


def test_tests_mirror_modules() -> None:
    """tests/a/test_x.py, or test_x_aspect.py, is for a/x.py; x is the room's own name where it is for all of it."""
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        folder, name = path.relative_to(ROOT / "tests").parent.as_posix(), path.stem.removeprefix("test_")
        if folder.split("/")[0] in WITHOUT_ROOM or (folder == "." and name in WHOLE_PROJECT):
            continue
        if not any(name == module or name.startswith(module + "_") for module in mirrored(folder)):
            wrong.append(path.relative_to(ROOT).as_posix())
    assert not wrong, f"named after no module of their folder: {wrong}"
    assert all((ROOT / "tests" / folder).is_dir() for folder in WITHOUT_ROOM)
