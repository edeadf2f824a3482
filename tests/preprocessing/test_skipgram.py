from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.preprocessing.sequence import make_sampling_table, skipgrams
from tests.support.keras_text import golden


def test_sampling_table_is_keras_s() -> None:
    np.testing.assert_allclose(make_sampling_table(12, 1e-4), golden()["sampling_table"], rtol=1e-14)
    assert (np.diff(make_sampling_table(1000)[1:]) > 0).all() and make_sampling_table(3, 10.0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("case", golden()["skipgrams"], ids=lambda case: str(case[2])[:60])
def test_pairs_are_keras_s(case: Any) -> None:
    ids, size, arguments, expected = case
    random.seed(5)
    couples, labels = skipgrams(ids, size, **arguments)
    assert [couples, labels] == expected
    random.seed(5)
    assert skipgrams(np.array(ids), size, **arguments) == (couples, labels)


@given(ids=st.lists(st.integers(0, 6), max_size=9), window=st.integers(0, 4), ratio=st.sampled_from([0.0, 0.7, 2.0]))
def test_true_pairs_are_the_neighbours(ids: list[int], window: int, ratio: float) -> None:
    couples, labels = skipgrams(ids, 7, window_size=window, negative_samples=ratio)
    true = sorted(couple for couple, label in zip(couples, labels, strict=True) if label)
    near = [(i, j) for i in range(len(ids)) for j in range(len(ids)) if i != j and abs(i - j) <= window]
    assert true == sorted([ids[i], ids[j]] for i, j in near if ids[i] and ids[j])
    random_ones = [couple for couple, label in zip(couples, labels, strict=True) if not label]
    assert len(random_ones) == int(len(true) * ratio)
    assert all(1 <= other <= 6 and word in ids for word, other in random_ones)


def test_a_sampling_table_thins_out_centres() -> None:
    table = [0.0, 1.0, 0.0]
    couples, _ = skipgrams([1, 2, 1, 2], 3, window_size=1, negative_samples=0, sampling_table=table)
    assert {couple[0] for couple in couples} == {1} and len(couples) == 3


def test_labels_are_lists_of_their_own() -> None:
    _, labels = skipgrams([1, 2, 3], 4, categorical=True, shuffle=False)
    assert labels[0] == [0, 1] and labels[-1] == [1, 0]
    labels[0][0] = 9
    assert labels[1] == [0, 1]


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="vocabulary_size must be at least 2 to draw random words, got 1"):
        skipgrams([1, 2], 1)
    with pytest.raises(ValueError, match="window_size must be at least 0"):
        skipgrams([1, 2], 3, window_size=-1)
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        make_sampling_table(0)
    with pytest.raises(ValueError, match="sampling_factor must be positive"):
        make_sampling_table(3, 0.0)
