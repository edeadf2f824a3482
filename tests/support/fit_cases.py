"""Small problems for tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.layers import Dense, Input
from recurra.models import Sequential


def line(seed: int = 3, dtype: str = "float32") -> Any:
    """A linear model from 3 numbers to 2, with weights drawn from `seed`."""
    model = Sequential([Input((3,), dtype=dtype), Dense(2, dtype=dtype)])
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    return model


def data(n: int = 10, seed: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)).astype("float32"), rng.normal(size=(n, 2)).astype("float32")


def words(n: int = 24, steps: int = 6, vocabulary: int = 12, seed: int = 8) -> Any:
    return np.random.default_rng(seed).integers(0, vocabulary, (n, steps))
