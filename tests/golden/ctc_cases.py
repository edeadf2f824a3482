"""The input of make_ctc.py and of tests/ops/test_ctc.py."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    logits: Any  # (B, T, C)
    labels: Any  # (B, L)
    counts: Any  # (B,) labels that count
    steps: Any  # (B,) steps that count
    factor: Any  # (B,)


def draw() -> Case:
    random = np.random.RandomState(5)
    logits = 2 * random.standard_normal((6, 11, 5))
    labels = random.randint(1, 5, (6, 4))
    labels[0] = [2, 2, 3, 3]  # equal neighbours need a blank between them
    counts, steps = np.array([4, 0, 2, 1, 3, 4]), np.array([11, 5, 3, 9, 7, 6])
    labels[5] = [1, 2, 1, 2]
    return Case(logits, labels, counts, steps, random.standard_normal(6))
