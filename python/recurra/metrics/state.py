"""The numbers that a metric keeps, as the Variables that Keras lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Variable
from recurra.typing import ArrayLike

if TYPE_CHECKING:
    from recurra.metrics.base import Metric

__all__ = ["StateVariable"]


class StateVariable(Variable):
    """An attribute of a metric as a Variable: reading gives what the metric holds, assigning changes it."""

    __slots__ = ("_attribute", "_metric")

    def __init__(self, metric: Metric, attribute: str) -> None:
        self._metric, self._attribute = metric, attribute
        held = getattr(metric, attribute)
        super().__init__(self.value, name=attribute, trainable=False)
        setattr(metric, attribute, held)  # as it was: the line above has set it through the dtype

    @property
    def value(self) -> Any:
        return np.array(getattr(self._metric, self._attribute), self._metric.dtype)

    @value.setter
    def value(self, new: Any) -> None:
        held = getattr(self._metric, self._attribute)
        array = np.array(new, np.float64)
        setattr(self._metric, self._attribute, array if isinstance(held, np.ndarray) else float(array))

    def assign(self, value: ArrayLike) -> Variable:
        """Let the metric hold `value`, of the same shape."""
        new = np.asarray(value)
        if new.shape != self.value.shape:
            raise ValueError(f"{self.name}: value must have shape {self.value.shape}, got {new.shape}")
        self.value = new
        return self
