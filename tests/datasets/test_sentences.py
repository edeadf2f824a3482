from __future__ import annotations

from collections import Counter

import numpy as np

from recurra.datasets import sentences
from recurra.preprocessing.text import text_to_word_sequence


def test_the_split_is_fixed_and_balanced() -> None:
    (x_train, y_train), (x_test, y_test) = sentences.load_data()
    assert len(x_train) == len(y_train) == 240 and len(x_test) == len(y_test) == 60
    assert y_train.dtype == np.int64 and y_train.sum() == 120 and y_test.sum() == 30
    rows = sentences.read()
    assert [row.text for row in rows if row.split == "test"] == x_test
    cells = Counter((row.split, row.label, row.subject) for row in rows)
    assert len(cells) == 24 and set(cells.values()) == {20, 5}


def test_every_sentence_is_one_of_its_own() -> None:
    texts = [" ".join(text_to_word_sequence(row.text)) for row in sentences.read()]
    assert len(set(texts)) == 300
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) >= 4 and max(lengths) >= 15
    negations = {"not", "no", "never", "nothing", "nobody", "don't", "didn't", "can't", "isn't", "couldn't", "wouldn't"}
    for label in (0, 1):
        negated = [row for row in sentences.read() if row.label == label and negations & set(row.text.lower().split())]
        assert len(negated) >= 25


def test_the_held_out_ones_can_be_told_apart_by_their_words() -> None:
    """Logistic regression on the words of the 240, by plain gradient descent."""
    (x_train, y_train), (x_test, y_test) = sentences.load_data()
    columns = {word: k for k, word in enumerate(sorted({w for x in x_train for w in text_to_word_sequence(x)}))}

    def bags(texts: list[str]) -> np.ndarray:
        rows = np.zeros((len(texts), len(columns) + 1))
        rows[:, -1] = 1
        for row, text in zip(rows, texts, strict=True):
            row[[columns[word] for word in text_to_word_sequence(text) if word in columns]] = 1
        return rows

    x, weights = bags(x_train), np.zeros(len(columns) + 1)
    for _ in range(400):
        error = 1 / (1 + np.exp(-x @ weights)) - y_train
        weights -= 0.05 * (x.T @ error + 0.3 * weights)
    assert np.mean((bags(x_test) @ weights > 0) == y_test) >= 0.9
