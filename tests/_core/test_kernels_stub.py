"""kernels.pyi is the contract: every variant has exactly its functions, with its arguments in its order."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest

import recurra._core


def _contract() -> dict[str, list[str]]:
    source = (Path(recurra._core.__path__[0]) / "kernels.pyi").read_text()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {f.name: [a.arg for a in f.args.args] for f in functions}


CONTRACT = _contract()


def test_functions(compiled: ModuleType) -> None:
    found = {name for name in dir(compiled) if not name.startswith("_") and callable(getattr(compiled, name))}
    assert found == set(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_arguments(compiled: ModuleType, name: str) -> None:
    line = (getattr(compiled, name).__doc__ or "").splitlines()[0]
    inside = re.fullmatch(rf"{name}\((.*)\) -> .*", line)
    assert inside, line
    found = [argument.split(":")[0].strip() for argument in re.split(r", (?=\w+: )", inside[1]) if argument]
    expected = CONTRACT[name]
    assert len(found) == len(expected), line
    if found and not found[0].startswith("arg"):  # named in the binding: then by the contract's names
        assert found == expected


@pytest.mark.parametrize("name", CONTRACT)
def test_a_wrong_number_of_arguments_is_an_error(compiled: ModuleType, name: str) -> None:
    function, count = getattr(compiled, name), len(CONTRACT[name])
    with pytest.raises(TypeError):
        function(*[None] * (count + 1))
    if count:
        with pytest.raises(TypeError):
            function(*[None] * (count - 1))
