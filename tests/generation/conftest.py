"""A model small enough to enumerate: the next token depends on the last two."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest


class Trigrams:
    """log p(next | last two tokens) from a random table; the state is the last token."""

    def __init__(self, vocabulary: int, seed: int) -> None:
        logits = np.random.default_rng(seed).normal(0.0, 1.5, (vocabulary, vocabulary, vocabulary))
        self.table = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        self.vocabulary = vocabulary
        self.steps = 0

    def initial_state(self, batch_size: int) -> Any:
        return (np.zeros(batch_size, np.int64),)

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        self.steps += 1
        return self.table[state[0], ids], (ids.astype(np.int64),)

    def log_probability(self, prompt: list[int], ids: tuple[int, ...]) -> float:
        tokens = [0, *prompt, *ids]
        triples = zip(tokens, tokens[1:], tokens[2:], strict=False)
        return float(sum(self.table[t] for t in list(triples)[len(prompt) - 1 :]))

    def best(self, prompt: list[int], length: int) -> list[tuple[float, tuple[int, ...]]]:
        everything = itertools.product(range(self.vocabulary), repeat=length)
        return sorted(((self.log_probability(prompt, ids), ids) for ids in everything), reverse=True)


@pytest.fixture
def trigrams() -> Trigrams:
    return Trigrams(4, 1)
