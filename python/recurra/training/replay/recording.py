"""The recorded step of a model: made at the first batch of a shape, replayed for the next ones of that shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from recurra.training.replay.head import head_for
from recurra.training.replay.layers import DenseStep, Sums

if TYPE_CHECKING:
    from recurra.training.step import Stepper


class Recording:
    """The recorded training step for batches of one shape.

    chain : the layers' steps, a :class:`.chain.Chain` or :class:`.branches.Branches`
    axes : how many axes the first step's input has more (1) or fewer (-1) than the batch's, as its last axis of size 1
    """

    def __init__(self, stepper: Stepper, chain: Any, logits: frozenset[int], axes: int, batch: Any) -> None:
        self.steps, self.settings, self.axes = chain.steps, chain.settings, axes
        first = chain.steps[0]
        takes_floats = isinstance(first, DenseStep) or getattr(first, "embedding", False) is None
        self.dtype = stepper.model._numpy_dtype if takes_floats else None  # what batches are converted to
        self.graph = stepper.model._graph
        self.head = head_for(stepper, chain.tail, logits, *batch)
        self.logits = logits
        self.keys = [id(variable) for variable in stepper.trainable]
        self.measures = bool(stepper.compiled.metrics.metrics) or stepper.model._overrides("compute_metrics")

    def is_current(self, model: Any) -> bool:
        """Whether model, layers and loss have the settings that they had."""
        if model._graph is not self.graph:
            return False
        for settings in self.settings:
            if not settings.hold():
                return False
        for step in self.steps:
            if not step.is_current():
                return False
        return bool(self.head.is_current())

    def forward(self, x: Any) -> tuple[Any, Any]:
        """The last step's output, and its mask."""
        value: Any = x
        if self.dtype is not None and value.dtype is not self.dtype:
            value = value.astype(self.dtype)
        if self.axes:
            value = value[..., None] if self.axes > 0 else value[..., 0]
        mask: Any = None
        for step in self.steps:
            value, mask = step.forward(value, mask)
        return value, mask

    def backward(self, d: Any, sums: Sums) -> None:
        """Add the gradients of the steps' variables to `sums`, from the gradient of the last step's output."""
        for step in reversed(self.steps):
            d = step.backward(d, sums)

    def train(self, stepper: Stepper, x: Any, y: Any, weight: Any, size: int) -> float:
        """As :meth:`Stepper.train`."""
        compiled = stepper.compiled
        value, mask = self.forward(x)
        loss: float
        loss, outputs, backward = self.head(stepper, value, mask, y, weight)
        if stepper.guarded and not math.isfinite(loss):
            compiled.add_loss(loss, size)
            return loss
        d, own = backward()
        sums = Sums()
        if own is not None:
            sums.update({key: one for key, one in zip(self.keys, own, strict=True) if one is not None})
        self.backward(d, sums)
        compiled.optimizer.apply(list(map(sums.get, self.keys)), stepper.trainable)  # type: ignore[union-attr]
        compiled.add_loss(loss, size)
        if self.measures:
            stepper.measure(x, y, outputs, weight, self.logits)
        return loss
