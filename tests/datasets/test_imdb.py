from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.datasets import imdb
from tests.support.keras_text import golden

REAL = os.environ.get("RECURRA_TEST_DATA")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lists = golden()["imdb"]["lists"]
    arrays = {}
    for name, values in lists.items():
        arrays[name] = np.array(values) if name[0] == "y" else np.empty(len(values), object)
        if name[0] == "x":
            arrays[name][:] = values
    file = tmp_path / "reviews.npz"
    np.savez(file, **arrays)
    return file


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("case", golden()["imdb"]["cases"], ids=lambda case: str(case[0]))
def test_reviews_are_keras_s(path: Path, case: Any) -> None:
    arguments, expected = case
    for (x, y), (expected_x, expected_y) in zip(imdb.load_data(path, **arguments), expected, strict=True):
        assert x.dtype == object and x.ndim == 1 and [type(row) for row in x] == [list] * len(x)
        assert list(x) == expected_x
        assert y.dtype == np.int64 and y.tolist() == expected_y


def test_the_largest_id_is_left_out_as_in_keras(path: Path) -> None:
    lists = golden()["imdb"]["lists"]
    largest = max(max(row) for row in lists["x_train"] + lists["x_test"]) + 3
    (train, _), (test, _) = imdb.load_data(path)
    ids = {word for row in [*train, *test] for word in row}
    assert largest not in ids and 2 in ids


def test_long_reviews_are_dropped_not_cut(path: Path) -> None:
    (train, labels), _ = imdb.load_data(path, maxlen=6)
    lengths = [len(row) + 1 for row in golden()["imdb"]["lists"]["x_train"]]
    assert sorted(map(len, train)) == sorted(length for length in lengths if length < 6)
    assert len(labels) == len(train)
    with pytest.raises(ValueError, match="maxlen=1 leaves no review in train or in test"):
        imdb.load_data(path, maxlen=1)


def test_arguments(path: Path) -> None:
    with pytest.warns(UserWarning, match="num_words"):
        assert imdb.load_data(path, nb_words=9)[0][0][0] == imdb.load_data(path, num_words=9)[0][0][0]
    with pytest.raises(TypeError, match="unknown arguments vocabulary"):
        imdb.load_data(path, vocabulary=3)


def test_a_name_is_looked_for_in_the_cache(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    wanted = tmp_path / "home" / "datasets" / "imdb.npz"
    message = f"put that file at {wanted}, or pass the path of a copy as path="
    with pytest.raises(ConnectionError) as raised:
        imdb.load_data()
    assert message in str(raised.value) and "tf-keras-datasets/imdb.npz cannot be downloaded" in str(raised.value)
    wanted.write_bytes(path.read_bytes())  # not Keras's file: its checksum tells
    with pytest.raises(ConnectionError, match="the file that is there now is another one"):
        imdb.load_data()
    assert len(imdb.load_data(wanted)[0][0]) == 7  # its path is taken as it is
    with pytest.raises(ConnectionError, match=r"imdb_word_index.json"):
        imdb.get_word_index()


def test_paths(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(imdb.load_data("reviews.npz")[0][0]) == 7
    with pytest.raises(FileNotFoundError, match=r"path: there is no file .*/none.npz"):
        imdb.load_data(tmp_path / "none.npz")
    other = tmp_path / "other.npz"
    np.savez(other, x_train=np.zeros(2))
    with pytest.raises(ValueError, match=r"has no y_train, x_test, y_test: it is not Keras's imdb.npz"):
        imdb.load_data(other)
    other.write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"is not a whole .npz file"):
        imdb.load_data(other)


def test_the_word_index(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_text(json.dumps({"the": 1, "film": 2}))
    assert imdb.get_word_index(path) == {"the": 1, "film": 2}
    for content in ("[1]", '{"the": "1"}', "{", "[" * 100_000):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"is not Keras's imdb_word_index.json"):
            imdb.get_word_index(path)
    path.write_bytes(b'{"caf\xe9": 1}')
    with pytest.raises(ValueError, match=r"is not Keras's imdb_word_index.json"):
        imdb.get_word_index(path)


@pytest.mark.skipif(not REAL, reason="RECURRA_TEST_DATA does not say where the data sets are")
def test_the_real_reviews() -> None:
    folder = Path(str(REAL), "imdb")
    (train, labels), (test, _) = imdb.load_data(folder / "imdb_keras_format.npz", num_words=10_000)
    assert len(train) == len(test) == 25_000 and labels.sum() == 12_500
    assert np.mean([len(row) for row in train]) == pytest.approx(238.71364)
    index = imdb.get_word_index(folder / "imdb_word_index.json")
    assert len(index) == 88_584 and index["the"] == 1
    words = {rank + 3: word for word, rank in index.items()}
    texts = {" ".join(words.get(i, "?") for i in row[1:7]) for row in train}
    assert "this film was just brilliant casting" in texts
