"""Which compiled variant is picked, what RECURRA_ISA may say, and what happens where it cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

import pytest

import recurra
from recurra._core import select

COMPILED = [isa for isa in select.runnable() if isa in select.built()]


def _fresh(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter that imports the same recurra."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RECURRA_")}
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**inherited, "PYTHONPATH": path, **environment},
    )


PICKED = "from recurra._core.select import build_config; print(build_config()['isa'])"


def test_the_best_runnable_variant_is_picked() -> None:
    assert select.choose(None) == select.choose("") == COMPILED[0]
    assert _fresh(PICKED).stdout.strip() == COMPILED[0]


@pytest.mark.parametrize("isa", [*COMPILED, "reference"])
def test_a_variant_can_be_forced(isa: str) -> None:
    assert select.choose(isa) == isa
    done = _fresh(PICKED, RECURRA_ISA=isa.upper() + " ")
    assert done.stdout.strip() == isa, done.stderr


@pytest.mark.parametrize(
    ("alias", "isa"),
    [("avx2", "v3"), ("x86-64-v3", "v3"), ("baseline", "v2"), ("AVX512", "v4"), ("numpy", "reference")],
)
def test_aliases(alias: str, isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "built", lambda: ("v4", "v3", "v2"))
    monkeypatch.setattr(select, "runnable", lambda: ("v4", "v3", "v2", "native"))
    assert select.choose(alias) == isa


def test_an_unknown_name_is_an_error() -> None:
    done = _fresh(PICKED, RECURRA_ISA="mmx")
    assert done.returncode != 0
    assert "ImportError: RECURRA_ISA must be one of native, v2, v3, v4, reference, got 'mmx'" in done.stderr


def test_what_was_not_built_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "built", lambda: ("v2",))
    monkeypatch.setattr(select, "runnable", lambda: ("v4", "v3", "v2", "native"))
    with pytest.raises(ImportError, match=r"RECURRA_ISA=avx2 asks for .* not hold: it has v2"):
        select.choose("avx2")
    assert select.choose(None) == "v2"


def test_what_the_processor_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "built", lambda: ("v4", "v3", "v2"))
    monkeypatch.setattr(select, "runnable", lambda: ("v2", "native"))
    with pytest.raises(ImportError, match=r"RECURRA_ISA=v3 asks for instructions .* it can run v2, native"):
        select.choose("v3")
    assert select.choose(None) == "v2"


def test_nothing_compiled_is_an_error_and_no_silent_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "built", lambda: ())
    with pytest.raises(ImportError, match=r"built are none, .*RECURRA_ISA=reference"):
        select.choose(None)
    assert select.choose("reference") == "reference"


def test_a_module_that_does_not_load_is_an_error(tmp_path: os.PathLike[str]) -> None:
    broken = f"""
import recurra._core
open({str(tmp_path)!r} + "/_core_{COMPILED[0]}.py", "w").write("raise ImportError('undefined symbol')")
recurra._core.__path__.insert(0, {str(tmp_path)!r})
import recurra._core.select
"""
    done = _fresh(broken)
    assert done.returncode != 0
    assert "ImportError: undefined symbol" in done.stderr


def test_build_config() -> None:
    config = recurra.build_config()
    assert set(config) == {
        "version",
        "isa",
        "available",
        "compiler",
        "flags",
        "eigen",
        "lanes",
        "int8",
        "threads",
        "cpus",
    }
    assert config["isa"] in config["available"]
    assert config["available"] == [*COMPILED, "reference"]
    assert config["version"] == recurra.__version__
    assert config["threads"] == recurra.get_num_threads()


def test_modules_say_what_they_are() -> None:
    for isa in COMPILED:
        config = import_module(f"recurra._core._core_{isa}").build_config()
        assert config["isa"] == isa
        assert config["version"] == recurra.__version__
        assert "-ffast-math" not in config["flags"]
        assert config["lanes"] == {"v2": 4, "v3": 8, "v4": 16}.get(isa, config["lanes"])


def test_all_variants_load_side_by_side() -> None:
    code = "\n".join(f"import recurra._core._core_{isa} as {isa}" for isa in COMPILED)
    code += "\nimport numpy\n" + "\n".join(
        f"assert {isa}.softmax_forward(numpy.zeros((2, 3)))[0, 0] == 1 / 3" for isa in COMPILED
    )
    done = _fresh(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["RECURRA_OPENMP", "RECURRA_VNNI"])
def test_switches_are_0_or_1(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "0", "1"):
        monkeypatch.setenv(name, value)
        select.check_switches()
    found = _fresh("import recurra; recurra.get_num_threads()", **{name: "off"})
    assert found.returncode == 1 and f"{name} must be 0 or 1, got 'off'" in found.stderr
