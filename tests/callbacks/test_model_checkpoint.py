"""Checkpoints and logs on a disk that is full: an error that names the file, and an older file as it was."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import callbacks as c
from recurra.layers import LSTM, Dense
from recurra.models import Sequential, load_model
from tests.support.limited import small_files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of files' sizes")


def fit(*callbacks: c.Callback, epochs: int = 9) -> Any:
    model = Sequential([LSTM(19), Dense(1)])
    model.compile("adam", "mse")
    return model.fit(
        np.ones((5, 4, 3), "f4"), np.ones((5, 1), "f4"), epochs=epochs, verbose=0, callbacks=list(callbacks)
    )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("log.csv", c.CSVLogger),
        ("m.keras", c.ModelCheckpoint),
        ("m.weights.h5", lambda path: c.ModelCheckpoint(path, save_weights_only=True)),
        ("backup", c.BackupAndRestore),
    ],
)
def test_callbacks(tmp_path: Path, name: str, make: Any) -> None:
    path = tmp_path / name
    with small_files(200), pytest.raises(OSError, match=name) as said:
        fit(make(path))
    assert said.value.errno == errno.EFBIG
    assert str(said.value.filename).startswith(str(path))
    assert [file.name for file in tmp_path.iterdir()] == ([name] if name in ("log.csv", "backup") else [])


def test_an_older_checkpoint_stays(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    fit(c.ModelCheckpoint(path), epochs=1)
    before = path.read_bytes()
    with (
        small_files(len(before) // 2),
        pytest.raises(OSError, match="nothing was written, what was there before is unch"),
    ):
        fit(c.ModelCheckpoint(path))
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["m.keras"]


def test_a_slash_at_the_end_of_a_name(tmp_path: Path) -> None:
    model = Sequential([LSTM(3), Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 3, 2), "float32")
    model.fit(x, x[:, 0, :1], epochs=2, verbose=0, callbacks=[c.ModelCheckpoint(f"{tmp_path}/best/", monitor="loss")])
    np.testing.assert_array_equal(load_model(f"{tmp_path}/best/").predict(x, verbose=0), model.predict(x, verbose=0))
