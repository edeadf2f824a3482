"""The n-gram model against the formula, written with dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from recurra.tasks import NGram

V = 7


def probability(tokens: list[int], history: tuple[int, ...], word: int, order: int) -> float:
    """Kneser-Ney by the book: counts at the highest order, distinct predecessors below."""
    padded = [0] * (order - 1) + tokens
    grams = {
        n: Counter(tuple(padded[i - n + 1 : i + 1]) for i in range(order - 1, len(padded))) for n in range(1, order + 1)
    }
    counts = {order: dict(grams[order])}
    for n in range(1, order):
        counts[n] = dict(Counter(gram[1:] for gram in grams[n + 1]))

    def p(h: tuple[int, ...]) -> float:
        lower = p(h[1:]) if h else 1 / V
        own = counts[len(h) + 1]
        once, twice = (sum(c == k for c in own.values()) for k in (1, 2))
        discount = once / (once + 2 * twice) if once and twice else 0.5
        after = {gram[-1]: c for gram, c in own.items() if gram[:-1] == h}
        if not after:
            return lower
        total = sum(after.values())
        return (max(after.get(word, 0) - discount, 0) + discount * len(after) * lower) / total

    return p(history)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 60])
def test_the_formula(order: int, length: int) -> None:
    rng = np.random.default_rng(order + 10 * length)
    tokens = rng.choice(V, length, p=[0, 0.3, 0.3, 0.2, 0.1, 0.1, 0]).tolist()
    test = [*tokens[: length // 2], *rng.integers(0, V, 25).tolist()]
    padded = [0] * (order - 1) + test
    expected = [probability(tokens, tuple(padded[i : i + order - 1]), test[i], order) for i in range(len(test))]
    found = NGram(np.array(tokens), V, order=order).log_probabilities(np.array(test))
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_sum_to_one(order: int) -> None:
    rng = np.random.default_rng(order)
    model = NGram(rng.integers(1, V, 90), V, order=order, start=0)
    for _ in range(20):
        before = rng.integers(0, V, rng.integers(0, 6))
        total = sum(np.exp(model.log_probabilities(np.append(before, word))[-1]) for word in range(V))
        assert total == pytest.approx(1.0)


def test_errors() -> None:
    with pytest.raises(ValueError, match="order must be >= 1, got 0"):
        NGram(np.array([1]), V, order=0)
    with pytest.raises(ValueError, match="ids must not be empty"):
        NGram(np.array([], int), V, order=2)
    with pytest.raises(ValueError, match=r"ids must be in \[0, 7\)"):
        NGram(np.array([1, 7]), V, order=2)
    with pytest.raises(ValueError, match="ids must be integers"):
        NGram(np.array([1]), V, order=2).log_probabilities(np.array([0.5]))
    assert NGram(np.array([1]), V, order=3).log_probabilities(np.array([], int)).shape == (0,)
