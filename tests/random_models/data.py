"""The numbers of a random model's data, each array drawn from a seed of its own. Code of descriptions calls these."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def normal(shape: Shape, dtype: str, seed: int) -> Array:
    """Standard normal numbers."""
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def uniform(shape: Shape, dtype: str, seed: int) -> Array:
    """Numbers in [0.05, 0.95]: probabilities, positive targets, sample weights."""
    return np.random.RandomState(seed).uniform(0.05, 0.95, shape).astype(dtype)


def labels(shape: Shape, dtype: str, seed: int) -> Array:
    """Zeros and ones."""
    return np.random.RandomState(seed).randint(0, 2, shape).astype(dtype)


def distribution(shape: Shape, dtype: str, seed: int) -> Array:
    """Positive numbers that sum to one along the last axis."""
    values = np.random.RandomState(seed).uniform(0.05, 0.95, shape)
    return (values / values.sum(axis=-1, keepdims=True)).astype(dtype)


def one_hot(shape: Shape, dtype: str, seed: int) -> Array:
    """A one among zeros along the last axis."""
    return np.eye(shape[-1], dtype=dtype)[np.random.RandomState(seed).randint(0, shape[-1], shape[:-1])]


def classes(shape: Shape, count: int, seed: int) -> Array:
    """Ids below `count`."""
    return np.random.RandomState(seed).randint(0, count, shape).astype("int32")


def kept_steps(shape: Shape, seed: int, padding: str) -> Array:
    """A mask (B, T) that keeps at least one step of each row.

    padding : "right", "left": rows of unequal lengths; "holes": any steps
    """
    random = np.random.RandomState(seed)
    rows, steps = shape[:2]
    if padding == "holes":
        keep = random.rand(rows, steps) < 0.6
        keep[np.arange(rows), random.randint(0, max(steps, 1), rows)] = True
        return keep
    lengths = random.randint(1, steps + 1, rows)[:, None]
    place = np.arange(steps)
    return place < lengths if padding == "right" else place >= steps - lengths


def ids(shape: Shape, vocabulary: int, seed: int, padding: str) -> Array:
    """Ids (B, T, ...) from 1 on, zeros where `padding` masks a step ("none": zeros anywhere)."""
    random = np.random.RandomState(seed)
    if padding == "none" or vocabulary < 2:
        return random.randint(0, vocabulary, shape).astype("int32")
    keep = kept_steps(shape, seed + 1, padding).reshape(*shape[:2], *[1] * (len(shape) - 2))
    return np.where(keep, random.randint(1, vocabulary, shape), 0).astype("int32")


def padded(shape: Shape, dtype: str, seed: int, padding: str, value: float) -> Array:
    """Normal numbers (B, T, ...) with `value` at the steps that `padding` masks."""
    keep = kept_steps(shape, seed + 1, padding).reshape(*shape[:2], *[1] * (len(shape) - 2))
    return np.where(keep, normal(shape, dtype, seed), np.asarray(value, dtype)).astype(dtype)
