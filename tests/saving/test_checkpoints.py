"""Weights under a prefix, and the latest of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recurra import train
from recurra.saving import FileFormatError, checkpoints


def touch(path: Path, seconds: int) -> Path:
    path.write_bytes(b"")
    os.utime(path, (seconds, seconds))
    return path


def test_the_recorded_prefix_wins(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        touch(tmp_path / f"ckpt_{number}.weights.h5", 1000 * number)
    checkpoints.record(tmp_path / "ckpt_2")
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / "ckpt_2")
    (tmp_path / "ckpt_2.weights.h5").unlink()
    assert train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt_3.weights.h5")


def test_odd_names_are_recorded(tmp_path: Path) -> None:
    name = 'a "quoted" \\ name {epoch}'
    touch(tmp_path / f"{name}.weights.h5", 1)
    checkpoints.record(tmp_path / name)
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / name)


def test_equal_times_are_told_apart_by_number(tmp_path: Path) -> None:
    for number in (9, 10, 2):
        touch(tmp_path / f"ckpt_{number}.weights.h5", 5)
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / "ckpt_10.weights.h5")


def test_another_state_file(tmp_path: Path) -> None:
    touch(tmp_path / "a.weights.h5", 9)
    touch(tmp_path / "b.weights.h5", 1)
    (tmp_path / "state").write_text('model_checkpoint_path: "b"\n')
    assert train.latest_checkpoint(tmp_path, latest_filename="state") == str(tmp_path / "b")


def test_none_where_there_is_nothing(tmp_path: Path) -> None:
    assert train.latest_checkpoint(tmp_path) is None
    assert train.latest_checkpoint(tmp_path / "missing") is None
    (tmp_path / "checkpoint").write_bytes(b"\xff\xfe nonsense")
    assert train.latest_checkpoint(tmp_path) is None


def test_tensorflow_formats_are_refused(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(b"")
    with pytest.raises(FileFormatError, match="a TensorFlow SavedModel folder, which only TensorFlow reads"):
        checkpoints.refuse_tensorflow(saved)
    folder = tmp_path / "tf"
    folder.mkdir()
    (folder / "ckpt_1.index").write_bytes(b"")
    for path in (folder, folder / "ckpt_1", folder / "ckpt_1.index"):
        with pytest.raises(FileFormatError, match="in TensorFlow's own format"):
            checkpoints.refuse_tensorflow(path)
    checkpoints.refuse_tensorflow(tmp_path / "other.weights.h5")
