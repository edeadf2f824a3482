"""Penalties on weights or outputs, added to the loss: Keras's regularizers.

>>> import numpy as np
>>> from recurra import regularizers
>>> float(regularizers.L2(0.5)(np.array([1.0, 2.0])))
2.5
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra import ops
from recurra.registry import Registry
from recurra.typing import ArrayLike

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip


def _factor(value: ArrayLike, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating, np.integer)):
        raise ValueError(f"{name} must be a non-negative number, got {value!r}")
    if value < 0 or math.isnan(value) or math.isinf(value):
        raise ValueError(f"{name} must be a non-negative finite number, got {value}")
    return float(value)


class Regularizer:
    """Base of all regularizers: define ``__call__(x)``, written with ``recurra.ops``, which returns the penalty."""

    _keras_module = "keras.regularizers"

    def __call__(self, x: ArrayLike) -> Any:
        raise TypeError(f"{type(self).__name__} must define __call__(x)")

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        return cls(**config)


class L1L2(Regularizer):
    """``l1 * sum(abs(x)) + l2 * sum(square(x))``."""

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: ArrayLike) -> Any:
        total: Any = 0.0
        if self.l1:
            total = total + self.l1 * ops.sum(ops.abs(x))
        if self.l2:
            total = total + self.l2 * ops.sum(ops.square(x))
        return total

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum(abs(x))``."""

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _factor(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: ArrayLike) -> Any:
        return self.l1 * ops.sum(ops.abs(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(square(x))``."""

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: ArrayLike) -> Any:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Half of `factor` times the mean absolute cosine between different rows (or columns) of a matrix.

    mode : "rows" or "columns"
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode must be 'rows' or 'columns', got {mode!r}")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer needs a matrix, got shape {tuple(x.shape)}")
        rows = x if self.mode == "rows" else ops.transpose(x)
        norms = ops.sqrt(ops.maximum(ops.sum(ops.square(rows), axis=1, keepdims=True), 1e-12))
        rows = rows / norms
        count = rows.shape[0]
        cosines = ops.matmul(rows, ops.transpose(rows)) * (1.0 - np.eye(count, dtype=rows.dtype))
        pairs = count * (count - 1.0) / 2.0
        return self.factor * 0.5 * ops.sum(ops.abs(cosines)) / max(pairs, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1, l2, orthogonal_regularizer = L1, L2, OrthogonalRegularizer


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """An :class:`L1L2` whose two factors are 0.01 unless given."""
    return L1L2(l1, l2)


_objects: dict[str, Any] = {
    "l1": L1, "l2": L2, "l1_l2": l1_l2, "l1l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer,
    "L1": L1, "L2": L2, "L1L2": L1L2, "OrthogonalRegularizer": OrthogonalRegularizer,
}  # fmt: skip
_registry = Registry("regularizer", _objects)


def get(identifier: Any) -> Any:
    """The regularizer for None, a name, a configuration, a class, an instance or a callable."""
    return l1_l2() if identifier == "l1_l2" else _registry.get(identifier)


def serialize(regularizer: Any) -> Any:
    """The configuration of a regularizer."""
    return _registry.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The regularizer that a configuration describes."""
    return _registry.deserialize(config, custom_objects)
