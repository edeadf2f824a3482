"""Parts of a run put together."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from bench.cases import CASES, MODES, THREADS
from bench.cells import COMPARED
from bench.python import join
from bench.python.run import left_out


def part(cells: list[str], threads: list[int], cases: list[str] | None = None, ms: float = 2.0) -> dict[str, Any]:
    """What a run of these writes; the peer takes twice as long."""
    cases = cases or list(CASES)
    results = [
        {
            "case": case, "cell": cell, "mode": mode, "dtype": "float32", "threads": n, "family": family,
            "setting": "ops", "median_ms": ms * times, "q1_ms": ms * times, "q3_ms": ms * times, "min_ms": ms,
            "samples": 3, "contended": False, "gflops": 1.0, "max_difference": 0.0,
            "rounds_ms": {"0": ms * times, "1": ms * times}, "loads": [],
        }
        for n, cell, case, mode in itertools.product(threads, cells, cases, MODES)
        for family, times in (("recurra", 1), ("torch", 2))
    ]  # fmt: skip
    reasons = left_out(cases, cells, MODES, threads)
    peak = {"threads": 1, "isa": "v3", "fma_gflops": 10 * ms, "sgemm_gflops": 9.0, "sgemm_by": "numpy"}
    return {
        "kind": "recurra-layers", "status": "incomplete" if reasons else "complete", "reasons": reasons,
        "measured": f"2026-01-0{int(ms)}T00:00:00+00:00", "held_to": None, "results": results, "failures": [],
        "command": f"python -m bench.python.run --cells {' '.join(cells)} --out /somewhere/{ms}",
        "machine": {"cpu": "C", "isa": "v3", "usable_cpus": 2, "caches": {}, "system": "S", "python": "3"},
        "peaks": {str(n): {**peak, "read_gbytes": {"L2": 40 - ms}} for n in threads}, "versions": {"torch": "2"},
    }  # fmt: skip


def parts() -> list[dict[str, Any]]:
    return [part([cell], [n], ms=2.0 + n) for n in reversed(THREADS) for cell in reversed(list(COMPARED))]


def test_parts_of_everything_are_complete_and_in_order() -> None:
    result = join.join(parts())
    assert result["status"] == "complete" and result["reasons"] == []
    whole = part(list(COMPARED), list(THREADS))
    assert {join.problem_of(r) for r in result["results"]} == {join.problem_of(r) for r in whole["results"]}
    assert len(result["results"]) == len(whole["results"])
    order = [(r["cell"], r["threads"]) for r in result["results"]]
    assert list(dict.fromkeys(order)) == list(itertools.product(COMPARED, THREADS))
    assert result["peaks"]["1"]["fma_gflops"] == 30 and list(result["peaks"]) == ["1", "2"]
    assert result["measured"] == "2026-01-03T00:00:00+00:00 to 2026-01-04T00:00:00+00:00"
    assert "/somewhere" not in result["command"] and result["command"].count("--cells") == len(COMPARED)


def test_what_no_part_measured_is_said() -> None:
    result = join.join(parts()[1:])
    missing = [reason for reason in result["reasons"] if reason.startswith("not measured: ")]
    assert result["status"] == "incomplete" and len(missing) == len(CASES) * len(MODES) == len(result["reasons"])
    assert all(parts()[0]["results"][0]["cell"] in reason for reason in missing)


def test_the_last_run_of_a_problem_counts() -> None:
    again = part(["lstm"], [2], ["32x50x50x50"], ms=8.0)
    result = join.join([*parts(), again])
    times = {join.problem_of(r): r["median_ms"] for r in result["results"] if r["family"] == "recurra"}
    assert times["32x50x50x50", "lstm", "training", "float32", "2"] == 8
    assert times["32x50x50x50", "lstm", "training", "float32", "1"] == 3
    assert result["status"] == "complete"
    assert join.join([again, *parts()])["results"] == join.join(parts())["results"]


def test_a_peer_left_out_or_a_failure_makes_it_incomplete_until_all_of_it_ran_again() -> None:
    without, failed = part(["gru"], [1]), part(["gru"], [1])
    without["reasons"].append("JAX was left out")
    problem = {name: failed["results"][0][name] for name in join.PROBLEM}
    failed["failures"].append({**problem, "threads": "1", "family": "jax", "setting": "scan", "error": "no"})
    failed["reasons"].append("jax failed: no")
    others = [p for p in parts() if p["results"][0]["cell"] != "gru" or p["results"][0]["threads"] != 1]
    assert join.join([*others, without])["reasons"] == ["JAX was left out"]
    assert join.join([*others, failed])["reasons"] == ["jax failed: no"]
    for bad in (without, failed):
        assert join.join([bad, *others, part(["gru"], [1])])["status"] == "complete"


@pytest.mark.parametrize("name", ["machine", "versions", "held_to", "kind"])
def test_runs_that_differ_are_refused(name: str) -> None:
    other = copy.deepcopy(part(["gru"], [1]))
    other[name] = "another"
    with pytest.raises(ValueError, match=f"must have the same {name}, got .* and 'another'"):
        join.join([part(["lstm"], [1]), other])


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = []
    for n, each in enumerate(parts()):
        folders.append(tmp_path / str(n))
        folders[-1].mkdir()
        (folders[-1] / "result.json").write_text(json.dumps(each))
    assert join.main([*map(str, folders), "--out", str(tmp_path / "all")]) == 0
    table = (tmp_path / "all" / "table.md").read_text()
    assert "## LSTM inference, 1 thread" in table and "Incomplete" not in table and "| 2.00× |" in table
    with pytest.raises(SystemExit):
        join.main([str(tmp_path / "none"), "--out", str(tmp_path / "all")])
    assert "none" in capsys.readouterr().err
