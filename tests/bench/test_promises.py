"""The bench of what is promised about times: every cell runs on denormals, and its arithmetic is right."""

from __future__ import annotations

import time

import pytest

from bench.python import promises
from recurra._core.cells import CELLS


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_runs(cell: str) -> None:
    promises.step(cell, (2, 3, 4, 5), 1e-40)()


def test_medians_are_of_each_call() -> None:
    slow, fast = promises.medians([lambda: time.sleep(0.02), lambda: None], 3)
    assert slow > 0.02 > fast


def test_a_broken_bound_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(promises, "denormals", lambda rounds: [("denormals a", 1.1, 1.2), ("denormals b", 1.3, 1.2)])
    assert promises.main(["denormals"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split()[-1] == "1.10"
    assert printed[1].endswith("over 1.2")
