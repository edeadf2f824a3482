"""Whole programs written for TensorFlow and Keras, run by ``recurra run`` with no line changed.

The programs lie in programs/. Each ends with assertions about what it learned, so that an exit code of 0 says that it
ran to its end and learned it. None needs a name that is missing.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import recurra
from recurra.compat.installing import real_packages

PROGRAMS = Path(__file__).parent / "programs"
NAMES = sorted(path.name for path in PROGRAMS.iterdir() if path.suffix in (".py", ".ipynb"))
#: programs that set their weights and keep the order of their data, and so print the same losses anywhere
SAME_NUMBERS = [name for name in NAMES if name.startswith("same_numbers_")]


def run(program: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(recurra.__file__).parents[1])}
    path = shutil.copy(PROGRAMS / program, folder)  # the figures of a notebook are written beside it
    command = [sys.executable, "-W", "ignore", "-m", "recurra", "run", *options, path]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_there_are_enough() -> None:
    assert len(NAMES) >= 25 and len(SAME_NUMBERS) >= 5


@pytest.mark.parametrize("program", NAMES)
def test_runs_unchanged(program: str, tmp_path: Path) -> None:
    ran = run(program, tmp_path, *(["--force"] if real_packages() else []))
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "recurra stood in for" in ran.stderr and "missing" not in ran.stderr


@pytest.mark.parametrize("program", [name for name in NAMES if name.endswith(".py")])
def test_imports_are_those_of_the_other_libraries(program: str) -> None:
    tree = ast.parse((PROGRAMS / program).read_text("utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith("recurra") for module in modules)
    assert any(module.split(".")[0] in ("tensorflow", "keras") for module in modules)


def losses(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"^loss (\S+)$", text, re.MULTILINE)]


@pytest.mark.skipif(find_spec("tensorflow") is None and find_spec("keras") is None, reason="needs Keras")
@pytest.mark.parametrize("program", SAME_NUMBERS)
def test_losses_are_those_of_keras(program: str, tmp_path: Path) -> None:
    text = (PROGRAMS / program).read_text("utf-8")
    if "import tensorflow" in text or "from tensorflow" in text:
        pytest.importorskip("tensorflow")
    command = [sys.executable, "-W", "ignore", str(PROGRAMS / program)]
    theirs = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "modified by an inplace operation" in theirs.stderr:
        pytest.skip("Keras on PyTorch cannot train a stateful layer")
    assert theirs.returncode == 0, theirs.stderr[-2000:]
    ours = run(program, tmp_path, "--force")
    assert ours.returncode == 0, ours.stderr[-2000:]
    wanted = losses(theirs.stdout)
    assert len(wanted) >= 5
    assert losses(ours.stdout) == pytest.approx(wanted, rel=1e-4, abs=1e-4)
