from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.python import report, summary
from bench.python.summary import Group


def timing(case: str, family: str, ms: float, setting: str = "", dtype: str = "float32", **more: Any) -> dict[str, Any]:
    return {
        "case": case,
        "cell": "lstm",
        "mode": "training",
        "dtype": dtype,
        "threads": 1,
        "family": family,
        "setting": setting,
        "median_ms": ms,
        "q1_ms": ms * 0.9,
        "q3_ms": ms * 1.1,
        "min_ms": ms * 0.8,
        "contended": False,
        "gflops": 50.0,
        "rounds_ms": {"0": ms, "1": ms * 2, "2": ms},
        **more,
    }


RESULTS = [
    timing("32x50x50x50", "recurra", 2.0),
    timing("32x50x50x50", "torch", 6.0, "oneDNN"),
    timing("32x50x50x50", "torch", 5.0, "oneDNN off"),
    timing("32x50x50x50", "jax", 7.0),
    timing("1x1x128x128", "recurra", 1.0),
    timing("1x1x128x128", "jax", 10.0),
    timing("ragged-typical", "recurra", 10.0),
    timing("ragged-typical", "torch", 45.0, "PackedSequence", contended=True),
]
GROUP = Group("lstm", "training", 1, "float32")


def result(status: str = "complete") -> dict[str, Any]:
    peak = {
        "fma_gflops": 100.0,
        "isa": "v3",
        "sgemm_gflops": 80.0,
        "sgemm_by": "numpy",
        "read_gbytes": {"L2": 90.0, "L3": 40.0, "DRAM": 12.0},
    }
    return {
        "kind": "recurra-layers",
        "status": status,
        "reasons": [] if status == "complete" else ["JAX was missing (jax)"],
        "measured": "2026-01-01T00:00:00+00:00",
        "command": "python -m bench.python.run",
        "machine": {"cpu": "A CPU", "isa": "v3", "usable_cpus": 2, "caches": {}, "system": "Linux", "python": "3.11"},
        "held_to": None,
        "versions": {"torch": "2"},
        "peaks": {"1": peak},
        "results": RESULTS,
        "failures": [],
    }


def test_best_setting_and_best_peer() -> None:
    by_case = {row.case: row for row in summary.rows(RESULTS, GROUP)}
    assert list(by_case) == ["1x1x128x128", "32x50x50x50", "ragged-typical"]  # in the order of cases.py
    row = by_case["32x50x50x50"]
    assert row.best is not None and row.best["setting"] == "oneDNN off"
    assert row.peers.keys() == {"torch", "jax"}
    assert row.ratio == pytest.approx(2.5)


def test_ratio_is_that_of_shared_rounds() -> None:
    slow = timing("32x50x50x50", "torch", 0, rounds_ms={"0": 4.0, "1": 6.0, "3": 100.0})
    fast = timing("32x50x50x50", "recurra", 0, rounds_ms={"0": 2.0, "1": 2.0, "2": 1.0})
    ratio, (lower, upper) = summary.paired_ratio(slow, fast)
    assert (ratio, lower, upper) == (2.5, 2.25, 2.75)


def test_verdict_keeps_ragged_batches_apart() -> None:
    found = summary.verdict(summary.rows(RESULTS, GROUP))
    assert found.mean == pytest.approx((2.5 * 10) ** 0.5)
    assert (found.worst, found.worst_case) == (pytest.approx(2.5), "32x50x50x50")
    assert found.ragged == {"ragged-typical": pytest.approx(4.5)}


def test_float64_share() -> None:
    doubles = [timing("32x50x50x50", "recurra", 4.0, dtype="float64"), timing("64x250x32x32", "recurra", 1.0)]
    assert summary.float64_share(RESULTS + doubles) == pytest.approx(0.5)
    assert summary.float64_share(RESULTS) is None


def test_table_shows_times_best_setting_and_shares() -> None:
    text = report.markdown(result())
    assert "| 32×50×50×50 | 2 | 5 | 7 | PyTorch: oneDNN off | 2.50× | 2.50-2.50 | 50 | 50% | 62% |" in text
    assert "| LSTM training | 1 | 5.00× | 2.50× (32x50x50x50) | typical 4.50× |" in text
    assert "45~" in text  # contended
    assert "Incomplete" not in text


def test_incomplete_results_get_no_table(tmp_path: Path) -> None:
    report.write(result(), tmp_path, plots=False)
    assert (tmp_path / "table.md").exists()
    written = report.write(result("incomplete"), tmp_path, plots=False)
    assert not (tmp_path / "table.md").exists()
    assert "JAX was missing" in (tmp_path / "incomplete.md").read_text()
    assert json.loads((tmp_path / "result.json").read_text())["results"] == RESULTS
    assert written[0] == tmp_path / "result.json"


def test_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    written = report.write(result(), tmp_path)
    assert [path.name for path in written[2:]] == ["speedup.png", "roofline.png"]
    assert all(path.stat().st_size > 5000 for path in written[2:])
