"""Progbar."""

from __future__ import annotations

import io

import numpy as np
import pytest

from recurra.utils import Progbar
from recurra.utils.progbar import clock, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_in_a_terminal() -> None:
    screen = Terminal()
    bar = Progbar(4, width=8, interval=0, stream=screen, stateful_metrics=["lr"])
    bar.update(1, [("loss", 4.0), ("lr", 0.5)])
    bar.add(3, [("loss", 8.0), ("lr", 0.25)])
    lines = screen.getvalue().split("\r")
    assert lines[1].startswith("1/4 ━━──────") and "loss: 4.0000" in lines[1]
    assert lines[2].startswith("4/4 ━━━━━━━━") and lines[2].endswith("\n")
    assert "loss: 7.0000" in lines[2] and "lr: 0.2500" in lines[2]  # (4 + 3 * 8) / 4, and the last


def test_a_bar_in_a_file_writes_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose, lines in ((0, 0), (1, 1), (2, 1)):
        bar = Progbar(3, verbose=verbose, unit_name="sample")
        for _ in range(3):
            bar.add(1, [("tiny", 1e-5)])
        written = capsys.readouterr().out
        assert written.count("\n") == lines and written.count("/sample") == lines
        assert not lines or "tiny: 1.0000e-05" in written


def test_a_bar_without_a_known_end(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Progbar(None)
    bar.add(2)
    bar.update(5, [("loss", np.array([1.0, 3.0]))], finalize=True)
    assert capsys.readouterr().out.startswith("5/unknown")
    with pytest.raises(ValueError, match="verbose must be 0, 1 or 2, got 3"):
        Progbar(3, verbose=3)


def test_durations() -> None:
    assert [clock(s) for s in (7.4, 67, 7267)] == ["7s", "1:07", "2:01:07"]
    assert [duration(s) for s in (0, 12e-6, 0.0031, 2.2)] == ["0s", "12us", "3ms", "2s"]
