"""Drawings of training runs, as files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from recurra.layers import LSTM, Dense
from recurra.models import Sequential
from tests.support.limited import small_files


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files' sizes")
@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ""])
def test_a_drawing_is_written_whole_or_not_at_all(tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    model = Sequential([LSTM(3), Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(np.ones((5, 4, 3), "f4"), np.ones((5, 1), "f4"), epochs=3, verbose=0)
    path = tmp_path / f"loss{ending}"
    history.plot(path=str(path))
    (written,) = tmp_path.iterdir()
    assert written.name == f"loss{ending or '.png'}"
    before = written.read_bytes()
    assert before.startswith({".svg": b"<?xml", ".pdf": b"%PDF"}.get(ending, b"\x89PNG"))
    with small_files(1000), pytest.raises(OSError, match="nothing was written, what was there before is unch") as said:
        history.plot(path=str(path))
    assert said.value.filename == str(written)
    assert written.read_bytes() == before and list(tmp_path.iterdir()) == [written]


@pytest.mark.parametrize("epochs", [1, 2])
def test_epochs_are_whole_numbers(epochs: int) -> None:
    pytest.importorskip("matplotlib")
    model = Sequential([LSTM(3), Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(np.ones((5, 4, 3), "f4"), np.ones((5, 1), "f4"), epochs=epochs, verbose=0)
    figure = history.plot()
    figure.draw_without_rendering()
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == list(range(1, epochs + 1))
