"""The reference has exactly the functions of the kernels' contract, with the same arguments."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import recurra._core
from recurra import reference


def _contract() -> dict[str, list[str]]:
    source = (Path(recurra._core.__path__[0]) / "kernels.pyi").read_text()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {f.name: [a.arg for a in f.args.args] for f in functions}


def test_functions_and_arguments() -> None:
    contract = _contract()
    assert {name for name in reference.__all__ if name != "Cache"} == set(contract)
    for name, arguments in contract.items():
        assert list(inspect.signature(getattr(reference, name)).parameters) == arguments, name


def test_build_config() -> None:
    assert reference.build_config()["isa"] == "reference"
    assert reference.build_config()["lanes"] == 1


def test_number_of_threads_is_kept() -> None:
    before = reference.get_num_threads()
    try:
        reference.set_num_threads(3)
        assert reference.get_num_threads() == 3
    finally:
        reference.set_num_threads(before)
