"""The examples in docstrings: each `>>>` of the package runs, and gives what stands below it."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import recurra

PACKAGE = Path(recurra.__file__).parent
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text("utf-8")]
MODULES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("recurra.torch"):
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    with np.printoptions(legacy=False):
        found = doctest.testmod(import_module(name))
    assert found.failed == 0 and found.attempted > 0


def test_examples_are_found() -> None:
    assert {"recurra.autograd", "recurra.layers.masking", "recurra.tasks.language_model"} <= set(MODULES)
