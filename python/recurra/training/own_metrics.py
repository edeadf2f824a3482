"""What layers log of themselves, as metrics of the model: those kept as attributes, and the means of ``add_metric``."""

from __future__ import annotations

from typing import Any

from recurra.layers.base.own_metrics import RunningMean
from recurra.metrics import Metric


class AddedMean(Metric):
    """A mean of ``add_metric``, which the layer keeps."""

    def __init__(self, name: str, mean: RunningMean) -> None:
        super().__init__(name=name)
        self._mean = mean

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in numbers of one's own.

        sample_weight : None: all count alike
        """
        if sample_weight is not None:
            raise ValueError(f"{self.name}: sample_weight must be None")
        self._mean.add(values)

    def reset_state(self) -> None:
        self._mean.total, self._mean.count = 0.0, 0

    def result(self) -> float:
        return self._mean.total / self._mean.count if self._mean.count else 0.0


def metrics_of(model: Any) -> list[Metric]:
    """The metrics that a model and its layers keep as attributes, and those of ``add_metric``."""
    found: list[Metric] = []
    for layer in model._flatten_layers():
        for value in vars(layer).values():
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, Metric) and item not in found:
                    found.append(item)
        for name, mean in (layer._means or {}).items():
            found.append(AddedMean(name, mean))
    return found
