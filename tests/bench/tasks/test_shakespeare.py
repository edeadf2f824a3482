"""The bench of the character model on some lines of verse: that every setting runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.tasks import shakespeare
from tests.support.cli_cases import VERSE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "input.txt").write_text(VERSE * 30, encoding="utf-8")
    return tmp_path


def test_every_setting_runs(data: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, setting in shakespeare.SETTINGS.items():
        small = setting._replace(network={**setting.network, "units": 9})
        monkeypatch.setitem(shakespeare.SETTINGS, name, small)
        assert shakespeare.main([str(data), "--setting", name, "--seeds", "1", "--slice", "1200"]) == 0
        said = capsys.readouterr()
        assert said.out.startswith(f"{name}, seed 1: ") and "nats a character held out" in said.out
        assert said.err.count("epoch") >= 1
    shakespeare.main([str(data / "input.txt"), "--setting", "quick", "--seeds", "2", "3", "--json", "--slice", "900"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["seed"] for one in found] == [2, 3] and {one["characters"] for one in found} == {900}
    assert all(0 < one["loss"] < 4 and one["best_epoch"] == 1 and one["cpu_seconds"] >= 0 for one in found)
