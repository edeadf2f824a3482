"""Calls on two threads beside PyTorch's: its OpenMP threads run them, in every order of imports, and after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import recurra
from recurra._core.select import core

PACKAGE = Path(recurra.__file__).parents[1]

PROGRAM = """
import hashlib, os, sys
{imports}
from recurra._core.select import core

torch.set_num_threads(2)
recurra.set_num_threads(2)
draw = np.random.default_rng(0)
x, W, U, b = (draw.normal(size=shape).astype("f4") for shape in ((33, 40, 50), (50, 200), (50, 200), (200,)))

def digest():
    a = torch.ones(300, 300)
    (a @ a).relu().sum()
    y, states, cache = core.recurrent_forward(
        "lstm", x, (None, None), (W / 7, U / 7, b), None, None, None, None, "tanh", "sigmoid", False, True, False, True,
        None, None, None)
    dx, _, dweights = core.recurrent_backward(cache, y, (None, None), True)
    return hashlib.sha256(b"".join(array.tobytes() for array in (y, *states, dx, *dweights))).hexdigest()

found = {{digest() for _ in range(20)}}
read, write = os.pipe()
child = os.fork()
if child == 0:  # without OpenMP's threads, and without torch: its own pool hangs in a child
    torch.set_num_threads(1)
    os.write(write, digest().encode())
    os._exit(0)
found.add(os.read(read, 64).decode())
assert os.waitpid(child, 0)[1] == 0
print(*found)
"""
IMPORTS = {"torch first": "import numpy as np, torch, recurra", "recurra first": "import numpy as np, recurra, torch"}


def run(imports: str, openmp: str) -> str:
    environment = {**os.environ, "RECURRA_OPENMP": openmp, "PYTHONPATH": str(PACKAGE)}
    code = PROGRAM.format(imports=imports)
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(core.build_config()["isa"] == "reference", reason="the reference has no threads")
def test_the_same_bits_on_any_threads() -> None:
    found = {run(imports, openmp) for imports in IMPORTS.values() for openmp in ("1", "0")}
    assert len(found) == 1 and len(found.pop()) == 64
