"""Paths of each kind, and what is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.callbacks import BackupAndRestore, CSVLogger, ModelCheckpoint
from recurra.models import Sequential, load_model

X = np.random.default_rng(3).normal(size=(5, 4, 3)).astype("float32")


class Named:
    def __init__(self, name: Any) -> None:
        self.name = name

    def __fspath__(self) -> Any:
        return self.name


KINDS: dict[str, Callable[[Path], Any]] = {
    "str": str,
    "Path": lambda path: path,
    "bytes": os.fsencode,
    "os.PathLike": lambda path: Named(str(path)),
    "os.PathLike of bytes": lambda path: Named(os.fsencode(path)),
    "with a line break": lambda path: path.parent / f"a\n b{path.name}",
    "bytes that are no UTF-8": lambda path: os.fsencode(path.parent) + b"/\xff\xfe" + os.fsencode(path.name),
    "long": lambda path: path.parent.joinpath(*["d" * 200] * 12, path.name),
}
if sys.platform != "linux":  # file systems of others refuse some names
    for _kind in ("with a line break", "bytes that are no UTF-8", "long"):
        del KINDS[_kind]


def made() -> Sequential:
    model = Sequential([layers.Input((4, 3)), layers.LSTM(2), layers.Dense(2)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_any_name(kind: str, tmp_path: Path) -> None:
    model = made()
    expected = model.predict(X, verbose=0)
    for name in ("m.keras", "m.h5"):
        path = KINDS[kind](tmp_path / name)
        model.save(path)
        np.testing.assert_array_equal(load_model(path).predict(X, verbose=0), expected)
        assert os.path.isfile(path)
    for name in ("w.weights.h5", "w.h5", "prefix"):
        path = KINDS[kind](tmp_path / name)
        model.save_weights(path)
        other = made()
        other.load_weights(path)
        np.testing.assert_array_equal(other.predict(X, verbose=0), expected)
    log, best, backup = (KINDS[kind](tmp_path / name) for name in ("log.csv", "best.keras", "backup"))
    callbacks = [CSVLogger(log), ModelCheckpoint(best), BackupAndRestore(backup, delete_checkpoint=False)]
    model.fit(X, X[:, 0, :2], verbose=0, callbacks=callbacks)
    assert os.path.isfile(log) and os.path.isfile(best) and os.path.isdir(backup)


@pytest.mark.parametrize("wrong", [3, 2.5, ["m.keras"], object()])
def test_what_is_no_path(wrong: Any) -> None:
    model = made()
    for call in (model.save, load_model):
        with pytest.raises(
            TypeError, match=r"filepath must be a path \(str, bytes or os.PathLike\) or a binary file, got"
        ):
            call(wrong)
    for call in (model.save_weights, model.load_weights, ModelCheckpoint):
        with pytest.raises(TypeError, match=r"filepath must be a path \(str, bytes or os.PathLike\), got"):
            call(wrong)
    with pytest.raises(TypeError, match="backup_dir must be a path"):
        BackupAndRestore(wrong)


def test_an_empty_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = made()
    with pytest.raises(ValueError, match="filepath must be a name, got an empty one"):
        model.save_weights("")
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "w" / "")
    with pytest.raises(FileNotFoundError):
        model.load_weights("")
