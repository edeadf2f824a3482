"""``Model.add_metric``: means of symbolic tensors, logged beside the compiled metrics."""

from __future__ import annotations

from typing import Any

from recurra.layers.base.layer import Layer
from recurra.symbolic import KerasTensor


class ModelMetrics(Layer):
    """Part of :class:`recurra.models.Model`."""

    _graph: Any

    def add_metric(self, value: Any, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Log the mean of a symbolic tensor of this model's graph, for each epoch; in a `call`, of a number: Keras 2's.

        name : under which it is logged
        aggregation : "mean" is the only one

        >>> from recurra import ops
        >>> from recurra.layers import Dense, Input, LSTM
        >>> from recurra.models import Model
        >>> x = Input((None, 8))
        >>> h = LSTM(16)(x)
        >>> model = Model(x, Dense(1)(h))
        >>> model.add_metric(ops.mean(ops.square(h)), name="activity")
        >>> [metric.name for metric in model.metrics]
        ['activity']
        """
        if not isinstance(value, KerasTensor) or self._graph is None:
            super().add_metric(value, name, aggregation)
            return
        if name is None:
            raise ValueError(f"{self.name}: add_metric needs a name under which the value is logged")
        from recurra.layers.add_metric import AddMetric

        layer = AddMetric(name, aggregation, dtype=value.dtype)
        self._add_ends([layer(value)])

    def _add_ends(self, ends: list[KerasTensor]) -> None:
        raise NotImplementedError
