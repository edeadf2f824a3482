"""Limits on weights, applied after each update: Keras's constraints.

>>> import numpy as np
>>> from recurra import constraints
>>> constraints.get("non_neg")(np.array([-1.0, 2.0]))
array([0., 2.])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.config import epsilon
from recurra.registry import Registry
from recurra.typing import ArrayLike, Axis

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm",
    "non_neg", "serialize", "unit_norm",
]  # fmt: skip


class Constraint:
    """Base of all constraints: define ``__call__(w)``, which returns the weights as they are allowed to be."""

    _keras_module = "keras.constraints"

    def __call__(self, w: ArrayLike) -> Array:
        raise TypeError(f"{type(self).__name__} must define __call__(w)")

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        return cls(**config)


def _norm(w: Array, axis: Axis) -> Array:
    axis = tuple(axis) if isinstance(axis, list) else axis
    norms: Array = np.sqrt(np.sum(np.square(w), axis=axis, keepdims=True))
    return norms


class MaxNorm(Constraint):
    """Scale a vector of weights (along `axis`) down to norm `max_value` where it is longer."""

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: ArrayLike) -> Array:
        value = value_of(w)
        norms = _norm(value, self.axis)
        result: Array = value * (np.clip(norms, 0, self.max_value) / (epsilon() + norms)).astype(value.dtype)
        return result

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Weights are at least zero."""

    def __call__(self, w: ArrayLike) -> Array:
        w = value_of(w)
        result: Array = np.maximum(w, 0)
        return result


class UnitNorm(Constraint):
    """A vector of weights (along `axis`) has norm 1."""

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        value = value_of(w)
        result: Array = value / (epsilon() + _norm(value, self.axis)).astype(value.dtype)
        return result

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """A vector of weights (along `axis`) is scaled towards a norm in [min_value, max_value].

    rate : 1 scales all the way, a smaller number only part of it at each step
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: ArrayLike) -> Array:
        value = value_of(w)
        norms = _norm(value, self.axis)
        desired = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        result: Array = value * (desired / (epsilon() + norms)).astype(value.dtype)
        return result

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
maxnorm, nonneg, unitnorm = MaxNorm, NonNeg, UnitNorm  # as early Keras 2 spelt them

_objects: dict[str, Any] = {
    "max_norm": MaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm,
    "maxnorm": MaxNorm, "nonneg": NonNeg, "unitnorm": UnitNorm,
    "MaxNorm": MaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm, "MinMaxNorm": MinMaxNorm,
}  # fmt: skip
_registry = Registry("constraint", _objects)


def get(identifier: Any) -> Any:
    """The constraint for None, a name, a configuration, a class, an instance or a callable."""
    return _registry.get(identifier)


def serialize(constraint: Any) -> Any:
    """The configuration of a constraint."""
    return _registry.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint that a configuration describes."""
    return _registry.deserialize(config, custom_objects)
