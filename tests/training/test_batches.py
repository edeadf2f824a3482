"""Batches cut from arrays."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.training.batches import ArraySource, as_arrays, make_batch, rows_at, unpack

DRAW = np.random.default_rng(4)
ARRAYS = {
    "plain": DRAW.standard_normal((11, 3, 2), dtype=np.float32),
    "transposed": DRAW.standard_normal((2, 3, 11)).T,
    "windows": np.lib.stride_tricks.sliding_window_view(DRAW.standard_normal(14), 4),
    "reversed": DRAW.integers(0, 9, (11, 2))[::-1],
    "no_features": np.empty((11, 0, 2)),
    "numbers": np.arange(11),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_rows_at(name: str) -> None:
    array, key = ARRAYS[name], np.array([7, 0, 10, 7])
    found = rows_at(array, key)
    np.testing.assert_array_equal(found, array[key], strict=True)
    assert not np.shares_memory(found, array)
    assert rows_at(array, slice(2, 5)).shape == (3, *array.shape[1:])


@pytest.mark.parametrize("name", ARRAYS)
def test_a_shuffled_epoch_gives_each_sample_once(name: str) -> None:
    array = ARRAYS[name]
    batches = list(ArraySource(array, array, batch_size=4, seed=1, shuffle=True).epoch(2))
    assert [batch.size for batch in batches] == [4, 4, 3]
    order = np.random.default_rng([1, 2]).permutation(11)
    np.testing.assert_array_equal(np.concatenate([batch.x for batch in batches]), array[order])
    for batch in batches:
        np.testing.assert_array_equal(batch.x, batch.y)


def test_batches_in_lists() -> None:
    x1, x2, y, w = np.ones((4, 2)), np.ones((4, 3)), np.zeros(4), np.full(4, 0.5)
    for batch in ([[x1, x2], y], ([x1, x2], y), [(x1, x2), y, w], [{"a": x1}, y], [x1, y]):
        x, labels, weight = unpack(batch)
        assert x is batch[0] and labels is y and weight is (w if len(batch) == 3 else None)
    assert make_batch([[x1, x2], y]).size == 4


def test_structures_of_arrays_stay_structures_and_lists_of_numbers_become_arrays() -> None:
    a, b = np.ones((3, 2)), np.zeros((3, 4, 1))
    found = as_arrays([a, {"b": b, "c": [[1, 2], [3, 4], [5, 6]]}, (b, (a,))], "x")
    assert found[0] is a and found[1]["b"] is b and found[1]["c"].shape == (3, 2)
    assert found[2][0] is b and found[2][1][0] is a
    assert as_arrays([[1.0, 2.0], [3.0, 4.0]], "x").shape == (2, 2)
    with pytest.raises(ValueError, match=r"x\[1\]\['b'\] must be an array, but its rows have different lengths"):
        as_arrays([a, {"b": [[1], [2, 3], [4]]}], "x")
