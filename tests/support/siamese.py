"""A functional model with shared layers, two inputs and a dict of outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.layers import LSTM, Add, Concatenate, Dense, Embedding, Input
from recurra.models import Model

RNG = np.random.default_rng(0)


def siamese() -> Any:
    a, b = Input((6,), dtype="int32", name="a"), Input((6,), dtype="int32", name="b")
    table, shared = Embedding(9, 4, mask_zero=True, name="table"), LSTM(3, name="shared")
    left, right = shared(table(a)), shared(table(b))
    both = Concatenate(name="both")([left, right])
    return Model([a, b], {"same": Dense(1, "sigmoid", name="s")(both), "sum": Add(name="add")([left, right])})


def ids(n: int = 5) -> Any:
    return [RNG.integers(0, 9, (n, 6)), RNG.integers(0, 9, (n, 6))]
