"""The harness end to end on recurra alone: worker process, answers, alternation, command line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import recurra
from bench.python import peaks, run
from bench.python.alternate import Alternation, Pace
from bench.python.load import Load, Meter, pick_cpus
from bench.python.peers import FAMILIES
from bench.python.session import Session, WorkerError, environment


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import recurra from where this process has it."""
    here = str(Path(recurra.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])))


def test_alternation_over_a_worker(importable: None) -> None:
    said: list[str] = []
    with Session("recurra", 1) as session:
        assert session.ask("versions")["versions"]["recurra"] == recurra.__version__
        alternation = Alternation({"recurra": session}, Pace(rounds=3, slice=0.01, pilot=0.005, warmup=1), said.append)
        alternation.run("1x1x128x128", "lstm", "training", "float32", 1)
        alternation.run("1x1x128x128", "gru_reset_before", "inference", "float32", 1)
        with pytest.raises(WorkerError, match="got '2x2x2x2'"):
            session.ask("prepare", case="2x2x2x2", cell="lstm", mode="training", dtype="float32")
    assert alternation.failures == []
    training, inference = alternation.results
    assert (training["family"], training["cell"], inference["cell"]) == ("recurra", "lstm", "gru_reset_before")
    assert 0 < training["min_ms"] <= training["q1_ms"] <= training["median_ms"] <= training["q3_ms"]
    assert training["gflops"] == pytest.approx(3 * 2 * 4 * 128 * 256 / training["median_ms"] / 1e6)
    assert training["samples"] >= 3 and len(training["loads"]) >= 3
    assert len(said) == 2


def test_a_worker_that_ends_is_reported() -> None:
    with Session("no such family", 1) as session, pytest.raises(WorkerError, match="no such family"):
        session.ask("versions")


def test_environment_holds_peers_to_an_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--some_flag")
    held = environment(1, "v3")
    assert held["ATEN_CPU_CAPABILITY"] == "avx2" and held["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert held["MKL_ENABLE_INSTRUCTIONS"] == "AVX2" and held["OMP_NUM_THREADS"] == "1"
    assert held["XLA_FLAGS"].startswith("--some_flag ") and held["XLA_FLAGS"].endswith("--xla_cpu_max_isa=AVX2")
    assert "ATEN_CPU_CAPABILITY" not in environment(2, None) or "ATEN_CPU_CAPABILITY" in os.environ


def test_what_is_left_out_makes_the_result_incomplete() -> None:
    everything = run.parse([])
    names, reasons = run.families(everything)
    missing = [f.title for f in FAMILIES.values() if f.missing() and f.required]
    assert len(reasons) == len(missing)
    names, reasons = run.families(run.parse(["--peers", "--threads", "1", "--cases", "64,100,256,256", "--quick"]))
    assert names in (["recurra"], [])
    text = "; ".join(reasons)
    for expected in ("PyTorch was", "OpenVINO was", "threads left out: 2", "cases left out: 1x1x128x128", "quick"):
        assert expected in text


def test_unknown_case_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.parse(["--cases", "3x3"])
    assert "got '3x3'" in capsys.readouterr().err


def test_contention() -> None:
    assert not Load(1.0, 1, own=1.0, foreign=0.05, waiting=0.0).contended
    assert Load(1.0, 1, own=0.8, foreign=0.2, waiting=0.0).contended
    assert Load(1.0, 1, own=0.9, foreign=None, waiting=0.1).contended
    assert not Load(1.0, 1, own=1.0, foreign=0.0, waiting=0.5).contended  # its own threads wait for each other
    assert not Load(1.0, 2, own=1.5, foreign=0.0, waiting=0.2).contended
    meter = Meter()
    sum(range(200_000))
    load = meter.read()
    assert load.seconds > 0 and load.own > 0
    assert json.loads(json.dumps(load.as_dict()))["contended"] in (True, False)


def test_more_threads_than_cores() -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not tell which CPUs a process may use")
    assert len(pick_cpus(1)) == 1
    with pytest.raises(ValueError, match=r"threads must be at most the .* cores"):
        pick_cpus(100_000)


def test_peaks_library(tmp_path: Path) -> None:
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        pytest.skip("needs a C++ compiler")
    library = peaks.compile_library(tmp_path)
    isa = library.bench_best_isa()
    assert library.bench_supported(isa) and not library.bench_supported(b"v9")
    lanes = {b"v2": 4, b"v3": 8, b"v4": 16, b"native": 4}[isa]
    assert library.bench_fma(isa, 1000) == 2 * lanes * 12 * 1000
