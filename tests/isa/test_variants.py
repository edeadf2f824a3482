"""Every variant in a process of its own, and what instructions the oldest one holds."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recurra._core import select

ROOT = Path(__file__).parents[1]
PICKED = select.build_config()["isa"]
OTHERS = [isa for isa in (*select.runnable(), "reference") if isa != PICKED and isa in (*select.built(), "reference")]
ROOMS = [
    "ops",
    "layers",
    "test_autograd.py",
]  # what stands on the kernels directly; tests/_core covers these themselves


@pytest.mark.parametrize("isa", OTHERS)
def test_the_library_on_another_variant(isa: str) -> None:
    environment = {**os.environ, "PYTEST_ADDOPTS": "", "RECURRA_ISA": isa, "PYTHONPATH": os.pathsep.join(sys.path)}
    rooms = [str(ROOT / room) for room in ROOMS if (ROOT / room).exists()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *rooms],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT.parent,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout)


def _module(isa: str) -> str:
    spec = importlib.util.find_spec(f"recurra._core.{isa}")
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize("module", ["_core_v2", "_cpuinfo"])
def test_the_oldest_variant_holds_no_avx_register(module: str) -> None:
    if "v2" not in select.built():
        pytest.skip("v2 is not built here")
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", _module(module)], capture_output=True, text=True, check=True
    ).stdout
    assert "ret" in listing
    found = re.findall(r"^.*%[yz]mm\d+.*$|^\s+\w+:\s+v[a-z0-9]+ .*%xmm\d+.*$", listing, re.M)
    assert not found, found[:5]


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize(("isa", "register"), [("v3", "ymm"), ("v4", "zmm")])
def test_newer_variants_use_their_registers(isa: str, register: str) -> None:
    if isa not in select.built():
        pytest.skip(f"{isa} is not built here")
    module = _module(f"_core_{isa}")
    listing = subprocess.run(["objdump", "-d", module], capture_output=True, text=True, check=True).stdout
    assert listing.count(f"%{register}") > 1000
    assert (isa == "v4") == ("%zmm" in listing)
