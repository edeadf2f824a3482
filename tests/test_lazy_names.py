"""Packages whose names are loaded when first used say the same to Python and to type checkers."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import recurra

PACKAGE = Path(recurra.__file__).parent


class Typed(NamedTuple):
    """What a type checker is told: `name` is ``module.original``, or the module itself where `original` is None."""

    name: str
    module: str
    original: str | None


def _blocks(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from node.body


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _is_lazy(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in ast.walk(_tree(path)))


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


LAZY = {_module_name(path): path for path in sorted(PACKAGE.rglob("__init__.py")) if _is_lazy(path)}


def typed_names(path: Path) -> dict[str, Typed]:
    found = []
    for node in _blocks(_tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            found += [Typed(alias.asname or alias.name, node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [Typed(alias.asname or alias.name, alias.name, None) for alias in node.names]
        else:
            assert isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name), ast.unparse(node)
            found.append(Typed(node.target.id, "types", "ModuleType"))
    assert len({one.name for one in found}) == len(found), "a name is typed twice"
    return {one.name: one for one in found}


def _eager_names(path: Path) -> set[str]:
    """What the module defines when it is loaded."""
    names = set()
    for node in _tree(path).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
    return names


def _what_is_named(place: str, original: str | None) -> object:
    """What ``from place import original`` gives, perhaps a module."""
    module = import_module(place)
    if original is None:
        return module
    return getattr(module, original) if hasattr(module, original) else import_module(f"{place}.{original}")


def test_the_lazy_packages_are_found() -> None:
    assert {"recurra", "recurra.layers", "recurra.models", "recurra.callbacks", "recurra.utils"} <= set(LAZY)


@pytest.mark.parametrize("package", LAZY)
def test_typed_names_are_the_public_names(package: str) -> None:
    module, typed = import_module(package), typed_names(LAZY[package])
    assert set(typed) | (_eager_names(LAZY[package]) & set(module.__all__)) == set(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", LAZY)
def test_typed_names_are_what_python_finds(package: str) -> None:
    from recurra.compat.finder import OldModule

    module = import_module(package)
    for name, place, original in typed_names(LAZY[package]).values():
        found = getattr(module, name)
        if original == "ModuleType":
            assert isinstance(found, OldModule), name
            continue
        expected = _what_is_named(place, original)
        if isinstance(found, OldModule):  # made from the table of old paths: its names are the other module's
            for one in found.__all__:
                assert getattr(found, one) is getattr(expected, one), (name, one)
        else:
            assert found is expected, name


@pytest.mark.parametrize("package", LAZY)
def test_lazy_tables_name_what_is_public(package: str) -> None:
    module = import_module(package)
    table = {name for attribute in ("_HOMES", "_home_of", "_NAMES") for name in _flat(getattr(module, attribute, {}))}
    assert table <= set(module.__all__)


def _flat(table: dict[str, str | tuple[str, ...]]) -> Iterator[str]:
    """The names of a table name -> module, or module -> names."""
    for key, value in table.items():
        if isinstance(value, str):
            yield key
        else:
            yield from value


def test_listed_names_can_be_had() -> None:
    for package in LAZY:
        module = sys.modules.get(package) or import_module(package)
        for name in dir(module):
            assert hasattr(module, name), f"{package}.{name}"
