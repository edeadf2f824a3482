"""normalize, set_random_seed, clear_session, Progbar, PyDataset, and the front door."""

from __future__ import annotations

import io
import random
import sys
from typing import Any

import numpy as np
import pytest

import recurra.utils
from recurra.utils import Progbar, PyDataset, clear_session, normalize, set_random_seed
from recurra.utils.progbar import clock, duration


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_normalize(rng: np.random.Generator, axis: int, order: float) -> None:
    x = rng.normal(size=(3, 4, 2))
    x[1] = 0
    expected = np.linalg.norm(x, order, axis, keepdims=True)
    np.testing.assert_allclose(normalize(x, axis, order), x / np.where(expected == 0, 1, expected))


def test_normalize_of_other_forms(rng: np.random.Generator) -> None:
    np.testing.assert_allclose(normalize([3.0, 4.0]), [0.6, 0.8])
    x = rng.normal(size=(3, 4))
    assert np.linalg.norm(normalize(x, axis=None)) == pytest.approx(1)
    with pytest.raises(ValueError, match="x must hold numbers"):
        normalize(["a"])


def test_one_seed_for_everything() -> None:
    from recurra.random import derive_seed

    def draw() -> tuple[Any, ...]:
        return random.random(), np.random.rand(), derive_seed()

    set_random_seed(5)
    first = draw()
    assert draw() != first
    set_random_seed(5)
    assert draw() == first
    set_random_seed(6)
    assert all(a != b for a, b in zip(draw(), first, strict=True))
    for wrong, error in ((-1, ValueError), (2**32, ValueError), (1.5, TypeError), ("1", TypeError), (True, TypeError)):
        with pytest.raises(error, match="seed must be"):
            set_random_seed(wrong)  # type: ignore[arg-type]


def test_names_start_over() -> None:
    from recurra.registry import auto_name

    clear_session()
    assert [auto_name("lstm"), auto_name("lstm")] == ["lstm", "lstm_1"]
    clear_session()
    assert auto_name("lstm") == "lstm"


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


def test_batches_by_number() -> None:
    class Two(PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> int:
            return 10 * index

    data = Two()
    assert data.num_batches == 2 and list(data) == [0, 10]
    data.on_epoch_begin()
    data.on_epoch_end()
    with pytest.raises(TypeError, match="PyDataset must define __len__"):
        len(PyDataset())
    with pytest.raises(TypeError, match="PyDataset must define __getitem__"):
        PyDataset()[0]
    assert recurra.utils.Sequence is PyDataset


def test_the_front_door() -> None:
    for name in recurra.utils.__all__:
        assert getattr(recurra.utils, name) is not None
    assert set(recurra.utils.__all__) <= set(dir(recurra.utils))
    with pytest.raises(AttributeError, match=r"module 'recurra.utils' has no attribute 'nothing'"):
        _ = recurra.utils.nothing


def test_importing_utils_imports_nothing_else() -> None:
    import subprocess

    code = "import sys, recurra.utils; print(sorted(m for m in sys.modules if m.split('.')[0] in ('numpy', 'tqdm')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
