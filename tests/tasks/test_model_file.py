"""Model files: whole or not at all, and refused with one clear error where they are something else."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import LanguageModel, SentimentClassifier
from recurra.tasks.model_file import check_destination, describe_archive, read_archive, write_archive


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "a.rlm"
    model = LanguageModel(units=5, embedding=3, seed=1)
    model.fit("a small text, " * 9, epochs=1, window=7, batch_size=2, verbose=0)
    model.save(path)
    return path


def test_description(saved: Path) -> None:
    found = describe_archive(saved)
    assert found["format"] == 1 and found["task"] == "language_model" and found["config"]["units"] == 5


def test_the_wrong_task(saved: Path) -> None:
    with pytest.raises(ValueError, match="must hold a sentiment classifier, got a language model"):
        SentimentClassifier.load(saved)


def test_other_files(saved: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no model", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.txt is not a model that recurra's tasks saved"):
        LanguageModel.load(text)
    packed = tmp_path / "other.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme", "no model")
    with pytest.raises(ValueError, match="is a zip file, but not one that recurra's tasks saved"):
        describe_archive(packed)
    with pytest.raises(FileNotFoundError):
        LanguageModel.load(tmp_path / "none.rlm")


def rewrite(source: Path, target: Path, name: str, content: bytes | None) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.namelist():
            if item != name:
                new.writestr(item, old.read(item))
            elif content is not None:
                new.writestr(item, content)


@pytest.mark.parametrize("part", ["vocabulary.json", "model.keras"])
def test_a_missing_part(saved: Path, tmp_path: Path, part: str) -> None:
    broken = tmp_path / "broken.rlm"
    rewrite(saved, broken, part, None)
    with pytest.raises(ValueError, match="damaged"):
        LanguageModel.load(broken)


@pytest.mark.parametrize("share", [0.2, 0.7, 0.98])
def test_a_cut_file(saved: Path, tmp_path: Path, share: float) -> None:
    broken = tmp_path / "cut.rlm"
    whole = saved.read_bytes()
    broken.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"cut\.rlm"):
        LanguageModel.load(broken)


def test_another_format(saved: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.rlm"
    description = json.dumps({**describe_archive(saved), "format": 99}).encode()
    rewrite(saved, newer, "recurra.json", description)
    with pytest.raises(ValueError, match="must have format 1, got 99"):
        LanguageModel.load(newer)


class Failing:
    """A model whose saving fails halfway."""

    def save(self, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.rlm"
    path.write_bytes(b"the old one")
    with pytest.raises(OSError, match="disk full"):
        write_archive(path, "language_model", {}, "{}", Failing())
    assert path.read_bytes() == b"the old one"
    assert os.listdir(tmp_path) == ["model.rlm"]


def test_destinations(tmp_path: Path) -> None:
    check_destination(tmp_path / "new.rlm")
    with pytest.raises(IsADirectoryError, match="must be the name of a file"):
        check_destination(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_destination(tmp_path / "no" / "x.rlm")


def test_reading_executes_nothing(saved: Path, tmp_path: Path) -> None:
    """A layer that the file names is looked up among the known ones, never imported from where the file says."""
    evil = tmp_path / "evil.rlm"
    with zipfile.ZipFile(saved) as archive:
        (tmp_path / "model.keras").write_bytes(archive.read("model.keras"))
    with zipfile.ZipFile(tmp_path / "model.keras") as inner:
        config: dict[str, Any] = json.loads(inner.read("config.json"))
        config["config"]["layers"][-1].update(module="os", class_name="system", config={"command": "touch x"})
    rewrite(tmp_path / "model.keras", tmp_path / "evil.keras", "config.json", json.dumps(config).encode())
    rewrite(saved, evil, "model.keras", (tmp_path / "evil.keras").read_bytes())
    with pytest.raises((ValueError, TypeError)):
        read_archive(evil, "language_model")
