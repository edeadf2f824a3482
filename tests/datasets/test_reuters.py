"""Newswires, from a made-up file, as Keras's code would give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.datasets import reuters

RANDOM = np.random.RandomState(0)
LISTS = [RANDOM.randint(1, 30, RANDOM.randint(1, 9)).tolist() for _ in range(23)]
LABELS = RANDOM.randint(0, 46, 23)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    x = np.empty(len(LISTS), object)
    x[:] = LISTS
    np.savez(tmp_path / "wires.npz", x=x, y=LABELS)
    return tmp_path / "wires.npz"


def by_hand(num_words: Any, skip_top: int, maxlen: Any, split: float, start: Any, oov: Any, shift: int) -> Any:
    order = np.arange(23)
    np.random.RandomState(113).shuffle(order)
    pairs = []
    for k in order:
        row = ([] if start is None else [start]) + [w + shift for w in LISTS[k]]
        if not maxlen or len(row) < maxlen:
            pairs.append((row, LABELS[k]))
    limit = num_words or max(max(row) for row, _ in pairs)
    done = []
    for row, label in pairs:
        keep = [skip_top <= w < limit for w in row]
        done.append(([w if k else oov for w, k in zip(row, keep, strict=True) if k or oov is not None], label))
    first = int(len(done) * (1 - split))
    return done[:first], done[first:]


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ({}, (None, 0, None, 0.2, 1, 2, 3)),
        ({"num_words": 15, "test_split": 0.5}, (15, 0, None, 0.5, 1, 2, 3)),
        ({"maxlen": 6, "skip_top": 7}, (None, 7, 6, 0.2, 1, 2, 3)),
        ({"start_char": None, "oov_char": None, "index_from": 0, "num_words": 20}, (20, 0, None, 0.2, None, None, 0)),
    ],
)
def test_as_keras_would(path: Path, arguments: dict[str, Any], values: Any) -> None:
    for (x, y), wanted in zip(reuters.load_data(path, **arguments), by_hand(*values), strict=True):
        assert x.dtype == object and list(x) == [row for row, _ in wanted]
        assert y.tolist() == [label for _, label in wanted]


def test_words_and_topics(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(json.dumps({"the": 1, "of": 2}))
    assert reuters.get_word_index(tmp_path / "index.json") == {"the": 1, "of": 2}
    topics = reuters.get_label_names()
    assert len(set(topics)) == 46 and (topics[0], topics[3], topics[-1]) == ("cocoa", "earn", "lead")


def test_errors(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="maxlen=1 leaves no newswire"):
        reuters.load_data(path, maxlen=1)
    with pytest.raises(ValueError, match=r"test_split must be in \[0, 1\), got 1"):
        reuters.load_data(path, test_split=1)
    np.savez(tmp_path / "other.npz", x=LABELS)
    with pytest.raises(ValueError, match=r"other.npz is not Keras's reuters.npz"):
        reuters.load_data(tmp_path / "other.npz")
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"is not Keras's reuters_word_index.json"):
        reuters.get_word_index(tmp_path / "bad.json")
