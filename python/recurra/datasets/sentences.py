"""Three hundred short reviews, written for this package: films, restaurants, hotels, gadgets, books, services.

Half are positive (1), half negative (0), many with negation ("not bad at all", "I can't say I liked this film"). A
fixed fifth, balanced by label and subject, is held out. What is said of one thing, for and against, is on one side, so
that "pizza" or "dentist" tells nothing about the label. They come with the package under its licence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]

_FILE = Path(__file__).with_name("sentences.tsv")


class Sentence(NamedTuple):
    """One line of the file."""

    split: str
    """"train" or "test"."""
    label: int
    """1 positive, 0 negative."""
    subject: str
    """"film", "restaurant", "hotel", "gadget", "book" or "service"."""
    text: str


def read() -> list[Sentence]:
    """All sentences with their split, label and subject, in the file's order."""
    rows = []
    for line in _FILE.read_text(encoding="utf-8").splitlines()[1:]:
        split, label, subject, text = line.split("\t")
        rows.append(Sentence(split, int(label), subject, text))
    return rows


def load_data() -> tuple[tuple[list[str], Labels], tuple[list[str], Labels]]:
    """The sentences and their labels.

    returns : ``(x_train, y_train), (x_test, y_test)``: 240 and 60 strings, int64 labels; both balanced

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> int(y_train.sum()), int(y_test.sum())
    (120, 30)
    """
    parts: list[Any] = []
    for split in ("train", "test"):
        rows = [row for row in read() if row.split == split]
        parts.append(([row.text for row in rows], np.array([row.label for row in rows], np.int64)))
    return parts[0], parts[1]
