"""Means that a layer logs of what it computes: Keras 2's ``add_metric``."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import value_of
from recurra.symbolic import KerasTensor


class RunningMean:
    """The mean of all numbers since the last reset."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, values: Any) -> None:
        """Take in one number or an array of them."""
        array = np.asarray(value_of(values))
        self.total += float(array.sum(dtype=np.float64))
        self.count += array.size


class OwnMetrics:
    """Part of :class:`recurra.layers.Layer`."""

    name: str
    _means: dict[str, RunningMean] | None = None

    def add_metric(self, value: Any, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Log the mean of `value`, one number or several, computed in this call: Keras 2's.

        name : under which it is logged
        aggregation : "mean" is the only one
        """
        if name is None:
            raise ValueError(f"{self.name}: add_metric needs a name under which the value is logged")
        if aggregation not in ("mean", None):
            raise ValueError(f"{self.name}: aggregation must be 'mean', got {aggregation!r}")
        if self._means is None:
            self._means = {}
        mean = self._means.setdefault(name, RunningMean())
        if not isinstance(value, KerasTensor):
            mean.add(value)
