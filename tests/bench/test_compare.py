from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import compare


def google(path: Path, **times_us: list[float]) -> Path:
    entries: list[dict[str, Any]] = []
    for name, values in times_us.items():
        for value in values:
            entries.append(
                {"name": name, "run_name": name, "run_type": "iteration", "real_time": value, "time_unit": "us"}
            )
        entries.append(
            {"name": f"{name}_mean", "run_name": name, "run_type": "aggregate", "real_time": 0, "time_unit": "us"}
        )
    path.write_text(json.dumps({"context": {}, "benchmarks": entries}))
    return path


def layers(path: Path, ms: float) -> Path:
    common = {"cell": "gru", "mode": "inference", "dtype": "float32", "threads": 2, "case": "1x1x128x128"}
    entries = [
        {**common, "family": "recurra", "median_ms": ms, "q1_ms": ms * 0.9, "q3_ms": ms * 1.1},
        {**common, "family": "recurra", "median_ms": ms * 9, "q1_ms": ms * 9, "q3_ms": ms * 9},
        {**common, "family": "torch", "median_ms": ms * 3, "q1_ms": ms * 3, "q3_ms": ms * 3},
    ]
    path.write_text(json.dumps({"kind": "recurra-layers", "results": entries}))
    return path


def test_google_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = google(tmp_path / "a.json", tile=[10.0, 11.0, 12.0], pack=[5.0], old=[1.0])
    after = google(tmp_path / "b.json", tile=[5.0, 5.5, 6.0], pack=[10.0], new=[1.0])
    assert compare.main([str(before), str(after)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["tile", "11", "us", "5.5", "us", "2.000", "faster"]
    assert lines[2].split() == ["pack", "5", "us", "10", "us", "0.500", "SLOWER"]
    assert lines[3].split()[-1] == "1.000"  # geometric mean of 2 and 1/2
    assert lines[4:] == ["only before: old", "only after: new"]


def test_layers_take_the_fastest_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = layers(tmp_path / "a.json", 2.0), layers(tmp_path / "b.json", 1.9)
    assert compare.main([str(before), str(after)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("gru inference float32 2t 1x1x128x128")
    assert line.split()[-5:] == ["2", "ms", "1.9", "ms", "1.053"]  # the quartiles overlap: no mark
    assert compare.main([str(before), str(after), "--family", "torch"]) == 0
    assert "6 ms" in capsys.readouterr().out


def test_files_of_two_kinds_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = google(tmp_path / "a.json", tile=[1.0]), layers(tmp_path / "b.json", 1.0)
    assert compare.main([str(before), str(after)]) == 2
    assert "one kind, got google-benchmark and recurra-layers" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "message"), [("[]", "one JSON object"), ("{}", "got kind None"), ("x", "Expecting")])
def test_other_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    assert compare.main([str(path), str(path)]) == 2
    assert message in capsys.readouterr().err


def test_nothing_in_common(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = google(tmp_path / "a.json", tile=[1.0]), google(tmp_path / "b.json", pack=[1.0])
    assert compare.main([str(before), str(after)]) == 2
    assert "in common" in capsys.readouterr().err


def test_seconds() -> None:
    assert [compare.seconds(v) for v in (2.0, 2e-3, 2e-6, 2e-9, 2e-12)] == ["2 s", "2 ms", "2 us", "2 ns", "0.002 ns"]
