"""Drawing tokens from logits."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest


def test_greedy_takes_the_lowest_of_equals(reference: ModuleType) -> None:
    logits = np.array([[1.0, 3.0, 3.0, 0.0], [-1.0, -5.0, -2.0, -1.0]])
    np.testing.assert_array_equal(reference.sample(logits, 0.0, 0, 1, 1), [1, 0])


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.5, 0), (2.0, 3), (1.0, 1)])
def test_frequencies(reference: ModuleType, dtype: np.dtype, temperature: float, top_k: int) -> None:
    logits = np.array([0.3, -1.0, 1.2, 1.1, -0.2], dtype)
    weights = np.exp(logits.astype(float) / temperature)
    if top_k:
        weights[np.argsort(-logits, kind="stable")[top_k:]] = 0
    drawn = reference.sample(np.tile(logits, (20000, 1)), temperature, top_k, 9, 3)
    assert drawn.dtype == np.int32
    np.testing.assert_allclose(np.bincount(drawn, minlength=5) / 20000, weights / weights.sum(), atol=0.012)


def test_a_row_depends_on_its_place_alone(reference: ModuleType, rng: np.random.Generator) -> None:
    logits = rng.normal(size=(50, 30))
    whole = reference.sample(logits, 1.0, 10, 3, 4)
    np.testing.assert_array_equal(reference.sample(logits[:7], 1.0, 10, 3, 4), whole[:7])
    assert (reference.sample(logits, 1.0, 10, 3, 5) != whole).any()
    assert (reference.sample(logits, 1.0, 10, 4, 4) != whole).any()


def test_excluded_ids_are_never_drawn(reference: ModuleType) -> None:
    logits = np.full((200, 6), -np.inf)
    logits[:, [1, 4]] = [0.0, 3.0]
    assert set(reference.sample(logits, 1.0, 0, 1, 1)) == {1, 4}
    ties = np.zeros((300, 6))
    assert set(reference.sample(ties, 1.0, 2, 1, 1)) == {0, 1}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_errors(reference: ModuleType, bad: float) -> None:
    logits = np.zeros((3, 4))
    logits[1, 2] = bad
    with pytest.raises(ValueError, match=r"logits must .*row 1"):
        reference.sample(logits, 1.0, 0, 1, 1)
    with pytest.raises(ValueError, match="temperature"):
        reference.sample(np.zeros((3, 4)), -1.0, 0, 1, 1)
    with pytest.raises(ValueError, match="top_k"):
        reference.sample(np.zeros((3, 4)), 1.0, -1, 1, 1)
    with pytest.raises(ValueError, match=r"logits must have shape \(B, V\)"):
        reference.sample(np.zeros(4), 1.0, 0, 1, 1)
