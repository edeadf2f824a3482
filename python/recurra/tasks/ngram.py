"""An n-gram model with interpolated Kneser-Ney smoothing: what a language model should beat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recurra.typing import Array


class _Order(NamedTuple):
    """The n-grams of one length, and what is known of their contexts, the n-grams of one token less."""

    codes: Array  # ascending: the context's number times V, plus the last token
    counts: Array  # less the discount
    totals: Array  # of each context: c(h)
    left: Array  # of each context: D N(h), what is left for the shorter context


class NGram:
    """p(token | the `order` - 1 tokens before it), from counts.

    With c the counts, N(h) the number of distinct tokens after a context h, and h' the context without its first one::

        p(w | h) = max(c(h w) - D, 0) / c(h) + D N(h) / c(h) · p(w | h')

    down to single tokens, which are mixed with 1/V in the same way; a context that never occurred leaves p(w | h').
    Below the highest order c(h w) counts the distinct tokens before h w. D = n1 / (n1 + 2 n2) for n1 n-grams that occur
    once and n2 that occur twice, or 0.5 without any of either (Kneser and Ney 1995; Chen and Goodman 1999).

    ids : (N,) integers in [0, `vocabulary`), what to count
    order : n >= 1
    start : the id that stands before the first token

        >>> model = NGram(np.array([2, 3, 2, 3, 2, 4]), 5, order=2)
        >>> p = np.exp([model.log_probabilities(np.array([2, token]))[1] for token in range(5)])
        >>> p.round(2), float(p.sum().round(6))
        (array([0.02, 0.02, 0.1 , 0.6 , 0.27]), 1.0)
    """

    def __init__(self, ids: Array, vocabulary: int, *, order: int, start: int = 0) -> None:
        if order < 1:
            raise ValueError(f"order must be >= 1, got {order}")
        if not len(ids):
            raise ValueError("ids must not be empty: there is nothing to count")
        self.order, self.vocabulary, self.start = order, vocabulary, start
        tokens = self._padded(ids)
        numbers: list[Array] = [np.zeros(len(tokens), np.int64)]  # at each place, of the n-gram that ends there
        found: list[tuple[Array, Array]] = []
        for _ in range(order):
            codes, number = np.unique(self._code(numbers[-1], tokens), return_inverse=True)
            number = number.ravel()
            found.append((codes, np.bincount(number[order - 1 :], minlength=len(codes))))
            numbers.append(number)
        for k in range(order - 1):  # below the highest order: how many distinct tokens stand before
            codes, longer = found[k][0], found[k + 1][1]
            suffix = np.zeros(len(longer), np.int64)
            suffix[numbers[k + 2][order - 1 :]] = numbers[k + 1][order - 1 :]
            found[k] = codes, np.bincount(suffix[longer > 0], minlength=len(codes))
        self._orders: list[_Order] = []
        contexts = 1
        for codes, counts in found:
            discount = _discount(counts)
            context = codes // vocabulary
            totals = np.bincount(context, counts, minlength=contexts)
            left = discount * np.bincount(context, counts > 0, minlength=contexts)
            self._orders.append(_Order(codes, np.maximum(counts - discount, 0.0), totals, left))
            contexts = len(codes)

    def log_probabilities(self, ids: Array) -> Array:
        """The natural log probability of each token given those before it, (N,) float64."""
        tokens = self._padded(ids)
        p = np.full(len(tokens), 1 / self.vocabulary)
        number = np.zeros(len(tokens), np.int64)
        for codes, counts, totals, left in self._orders:
            context = _before(number)
            code = self._code(number, tokens)
            at = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
            known = (context >= 0) & (codes[at] == code)
            total = np.where(context >= 0, totals[context], 0.0)
            own = np.where(known, counts[at], 0.0) + left[context] * p
            p = np.where(total > 0, own / np.where(total > 0, total, 1.0), p)
            number = np.where(known, at, -1)
        found: Array = np.log(p[self.order - 1 :])
        return found

    def _padded(self, ids: Array) -> Array:
        tokens = np.asarray(ids)
        if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
            raise ValueError(f"ids must be integers of shape (N,), got {tokens.dtype} {tokens.shape}")
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < self.vocabulary):
            raise ValueError(f"ids must be in [0, {self.vocabulary}), got {tokens.min()} to {tokens.max()}")
        return np.concatenate([np.full(self.order - 1, self.start, np.int64), tokens.astype(np.int64)])

    def _code(self, numbers: Array, tokens: Array) -> Array:
        """Of the n-gram of one token more that ends at each place; negative where its context never occurred."""
        context = _before(numbers)
        code: Array = np.where(context >= 0, context * self.vocabulary + tokens, -1)
        return code


def _before(numbers: Array) -> Array:
    """At each place, the number of the n-gram that ends one token before. (The first places are padding.)"""
    return np.concatenate([numbers[:1] * 0, numbers[:-1]])


def _discount(counts: Array) -> float:
    once, twice = int(np.sum(counts == 1)), int(np.sum(counts == 2))
    return once / (once + 2 * twice) if once and twice else 0.5
