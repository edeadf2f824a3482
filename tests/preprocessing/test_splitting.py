"""Two Datasets of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.data import Dataset
from recurra.utils import split_dataset

X, Y = np.arange(33.0).reshape(11, 3), np.arange(11)


def numbers(dataset: Any) -> list[int]:
    return [int(np.asarray(one).reshape(-1)[0]) for one in dataset]


@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        ({"left_size": 0.8}, range(9), range(9, 11)),
        ({"right_size": 3}, range(8), range(8, 11)),
        ({"left_size": 2, "right_size": 0.25}, range(2), range(8, 11)),
        ({"left_size": 4, "right_size": 7}, range(4), range(4, 11)),
    ],
)
def test_sizes(sizes: dict[str, Any], left: range, right: range) -> None:
    for given in (Y, Dataset.from_tensor_slices(Y), list(Y)):
        found = split_dataset(given, **sizes)
        assert [numbers(part) for part in found] == [list(left), list(right)]


def test_the_order_is_keras_s() -> None:
    left, right = split_dataset(Y, left_size=0.5, shuffle=True, seed=1337)
    assert [numbers(left), numbers(right)] == [[0, 4, 1, 10, 3, 7], [6, 2, 5, 8, 9]]
    again = split_dataset(Y, left_size=0.5, shuffle=True)
    assert sorted(numbers(again[0]) + numbers(again[1])) == list(range(11))


def test_structures() -> None:
    for given in ((X, Y), [X, Y], Dataset.from_tensor_slices((X, Y))):
        left, right = split_dataset(given, right_size=4)
        x, y = next(iter(right.batch(4)))
        np.testing.assert_array_equal(x, X[7:])
        np.testing.assert_array_equal(y, Y[7:])
        assert len(left) == 7
    named, _ = split_dataset({"a": X, "b": Y}, left_size=1)
    assert list(next(iter(named))) == ["a", "b"]


def test_batches_are_split_by_rows() -> None:
    left, right = split_dataset(Dataset.from_tensor_slices(Y).batch(4), left_size=6)
    assert [part.tolist() for part in left] == [[0, 1, 2, 3], [4, 5]]
    assert [part.tolist() for part in right] == [[6, 7, 8, 9], [10]]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({}, "one of left_size and right_size must be given"),
        ({"left_size": 0}, "left_size must be an integer between 0 and 11, or a float between 0 and 1, got 0"),
        ({"right_size": 1.0}, "right_size must be .* got 1.0"),
        ({"left_size": 11}, "left_size must be .* got 11"),
        ({"left_size": 0.7, "right_size": 0.7}, "must not be more than all 11"),
        ({"left_size": 0.01}, "both parts must hold an element"),
    ],
)
def test_errors(sizes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        split_dataset(Y, **sizes)
    with pytest.raises(ValueError, match="at least two elements, got none"):
        split_dataset(Dataset.from_tensor_slices(Y).take(0), left_size=1)
