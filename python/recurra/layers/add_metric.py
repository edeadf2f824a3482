"""A layer that logs the mean of what comes in."""

from __future__ import annotations

from typing import Any

from recurra.layers.base.layer import Layer
from recurra.layers.base.own_metrics import RunningMean


class AddMetric(Layer):
    """Logs the mean of its input, one number or several, and hands it on.

    What ``Model.add_metric`` puts into a functional model's graph, as in Keras 2.

    metric_name : under which it is logged
    aggregation : "mean" is the only one
    """

    def __init__(self, metric_name: str, aggregation: str | None = "mean", **kwargs: Any) -> None:
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.metric_name, self.aggregation = metric_name, aggregation
        if aggregation not in ("mean", None):
            raise ValueError(f"{self.name}: aggregation must be 'mean', got {aggregation!r}")
        self._means = {metric_name: RunningMean()}

    def call(self, inputs: Any) -> Any:
        self.add_metric(inputs, self.metric_name, self.aggregation)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def _warn_mask_lost(self) -> None:
        """Nothing: a number has no steps."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "metric_name": self.metric_name, "aggregation": self.aggregation}
