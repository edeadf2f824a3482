"""Text files in folders as a Dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.data import Dataset
from recurra.utils import text_dataset_from_directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in (("neg", 5), ("pos", 4), (".hidden", 1)):
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(count):
            (tmp_path / name / f"{i}.txt").write_bytes(f"{name} {i} é\r\n".encode())
    (tmp_path / "pos" / "deep" / "5.TXT").write_text("pos 5 é\r\n", encoding="utf-8", newline="")
    (tmp_path / "pos" / "readme.md").write_text("no text")
    return tmp_path


def read(dataset: Dataset) -> list[tuple[Any, Any]]:
    return [(text, np.asarray(label).tolist()) for texts, labels in dataset for text, label in zip(texts, labels)]  # noqa: B905


def test_sorted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = text_dataset_from_directory(folder, batch_size=4, shuffle=False)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert dataset.class_names == ["neg", "pos"] and len(dataset) == 3
    expected = [(f"neg {i} é\r\n", 0) for i in range(5)] + [(f"pos {i} é\r\n", 1) for i in (0, 1, 2, 3, 5)]
    assert read(dataset) == expected
    texts, labels = next(iter(dataset))
    assert texts.dtype == object and labels.dtype == np.int32


def test_shuffled_in_keras_s_order(folder: Path) -> None:
    dataset = text_dataset_from_directory(folder, seed=7, verbose=False, validation_split=0.3, subset="validation")
    order = np.arange(10)
    np.random.RandomState(7).shuffle(order)
    texts = [f"neg {i} é\r\n" for i in range(5)] + [f"pos {i} é\r\n" for i in (0, 1, 2, 3, 5)]
    assert sorted(read(dataset)) == sorted((texts[i], int(i >= 5)) for i in order[-3:])
    training, validation = text_dataset_from_directory(
        folder, seed=7, verbose=False, validation_split=0.3, subset="both"
    )
    alone = text_dataset_from_directory(folder, seed=7, verbose=False, validation_split=0.3, subset="training")
    assert sorted(read(training)) == sorted(read(alone)) and sorted(read(validation)) == sorted(read(dataset))
    assert sorted(read(training) + read(validation)) == sorted(zip(texts, [0] * 5 + [1] * 5, strict=True))
    assert read(training) != read(training)  # a new order in each walk
    assert read(validation) == read(validation)


def test_labels(folder: Path) -> None:
    def first(**arguments: Any) -> Any:
        return next(iter(text_dataset_from_directory(folder, shuffle=False, verbose=False, **arguments)))

    assert first(label_mode="binary")[1].tolist() == [[0.0]] * 5 + [[1.0]] * 5
    assert first(label_mode="categorical")[1].tolist() == [[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5
    assert first(class_names=["pos"])[1].tolist() == [0] * 5
    assert first(label_mode=None, max_length=3).tolist() == [".hi"] + ["neg"] * 5 + ["pos"] * 5  # whatever the folder
    assert first(labels=None, batch_size=None) == ".hidden 0 é\r\n"
    texts, labels = first(labels=list(range(11)))
    assert len(texts) == 11 and labels.tolist() == list(range(11))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_mode": "float"}, "label_mode must be"),
        ({"labels": "given"}, "labels must be 'inferred', None or a list"),
        ({"labels": [1, 2]}, "one label for each of the 11 files, got 2"),
        ({"labels": None, "class_names": ["neg"]}, "class_names is for labels='inferred'"),
        (
            {"class_names": ["neutral"]},
            r"names of folders in .*\['neg', 'pos'\], got \['neutral'\]",
        ),
        ({"class_names": ["neg"], "label_mode": "binary"}, r"needs exactly 2 classes, got \['neg'\]"),
        ({"validation_split": 0.2}, "validation_split and subset go together"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"validation_split": 2, "subset": "both"}, "validation_split must be between 0 and 1, got 2"),
        ({"validation_split": 0.2, "subset": "test"}, "subset must be"),
        ({"validation_split": 0.2, "subset": "training"}, "seed must be given"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "holds no .txt file"),
    ],
)
def test_wrong_arguments(folder: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        text_dataset_from_directory(folder, verbose=False, **arguments)
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        text_dataset_from_directory(folder / "nowhere")
