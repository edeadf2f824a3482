"""One token id for each row of logits."""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.reference import checks
from recurra.reference.random import row_uniforms

Array = np.ndarray[Any, Any]


def sample(logits: Array, temperature: float, top_k: int, seed: int, step: int) -> Array:
    """(B, V) -> (B,) int32, by inversion: the first id whose cumulated weight exceeds u times the total.

    weight_v = exp((logits_v - max) / temperature) in float64, zero outside the `top_k` greatest (the lower id wins a
    tie); u is row b's number in stream `step`. temperature 0: the id of the greatest logit, the lowest on ties.
    top_k 0: all ids.
    """
    checks.rank("logits", checks.floats("logits", logits), "(B, V)", 2)
    if logits.shape[1] < 1:
        raise ValueError(f"logits must have at least one column, got {logits.shape}")
    temperature = checks.number("temperature", temperature, 0)
    top_k = checks.integer("top_k", top_k, 0)
    drawable = np.isfinite(logits.max(axis=1))  # the greatest of a row with NaN is NaN
    if not drawable.all():
        row = int(np.flatnonzero(~drawable)[0])
        raise ValueError(f"logits must have a greatest finite value in each row, got NaN, inf or all -inf in row {row}")
    if temperature == 0:
        return logits.argmax(axis=1).astype(np.int32)
    values = logits.astype(np.float64)
    weights = np.exp((values - values.max(axis=1, keepdims=True)) / temperature)
    if 0 < top_k < logits.shape[1]:
        dropped = np.argsort(-values, axis=1, kind="stable")[:, top_k:]
        np.put_along_axis(weights, dropped, 0.0, axis=1)
    cumulated = np.cumsum(weights, axis=1)
    goal = row_uniforms(seed, step, len(logits)) * cumulated[:, -1]
    return (cumulated > goal[:, None]).argmax(axis=1).astype(np.int32)
