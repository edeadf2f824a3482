"""The recorded step of a model: made at the first batch of a shape, replayed for the next ones of that shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array, thread_state
from recurra.ops.projection import ProjectedScores
from recurra.training.replay.chain import Chain, chain_of
from recurra.training.replay.head import head_for
from recurra.training.replay.layers import DenseStep, RecurrentStep

if TYPE_CHECKING:
    from recurra.training.step import Stepper

MOST_SHAPES = 256  #: shapes of batches for which a recording is kept


class Recording:
    """The recorded training step for batches of one shape.

    chain : the layers' steps
    axes : how many axes the first step's input has more (1) or fewer (-1) than the batch's, as its last axis of size 1
    """

    def __init__(self, stepper: Stepper, chain: Chain, logits: frozenset[int], axes: int, batch: Any) -> None:
        self.steps, self.axes = chain.steps, axes
        first = chain.steps[0]
        takes_floats = isinstance(first, DenseStep) or (isinstance(first, RecurrentStep) and first.embedding is None)
        self.dtype = stepper.model._numpy_dtype if takes_floats else None  # what batches are converted to
        self.graph = stepper.model._graph
        self.head = head_for(stepper, chain.tail, logits, *batch)
        self.logits = logits
        self.places = _places(stepper.trainable, chain)
        self.measures = bool(stepper.compiled.metrics.metrics) or stepper.model._overrides("compute_metrics")

    def is_current(self, model: Any) -> bool:
        """Whether model, layers and loss have the settings that they had."""
        if model._graph is not self.graph:
            return False
        for step in self.steps:
            if not step.is_current():
                return False
        return bool(self.head.is_current())

    def train(self, stepper: Stepper, x: Array, y: Any, weight: Any, size: int) -> float:
        """As :meth:`Stepper.train`."""
        compiled = stepper.compiled
        value: Any = x
        if self.dtype is not None and value.dtype is not self.dtype:
            value = value.astype(self.dtype)
        if self.axes:
            value = value[..., None] if self.axes > 0 else value[..., 0]
        mask: Any = None
        for step in self.steps:
            value, mask = step.forward(value, mask)
        loss: float
        loss, outputs, backward = self.head(stepper, value, mask, y, weight)
        if stepper.guarded and not math.isfinite(loss):
            compiled.add_loss(loss, size)
            return loss
        d, own = backward()
        gradients: list[Any] = []
        for step in reversed(self.steps):
            d, found = step.backward(d)
            gradients.append(found)
        ordered = [None if place is None else gradients[place[0]][place[1]] for place in self.places]
        if own is not None:
            ordered = [_sum(first, second) for first, second in zip(own, ordered, strict=True)]
        compiled.optimizer.apply(ordered, stepper.trainable)  # type: ignore[union-attr]
        compiled.add_loss(loss, size)
        if self.measures:
            stepper.measure(x, y, outputs, weight, self.logits)
        return loss


def _sum(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _places(trainable: list[Any], chain: Chain) -> list[tuple[int, int] | None]:
    """For each trained variable the step, counted from the last, and the number of its gradient; None: the head's."""
    found = {
        id(variable): (place, number)
        for place, step in enumerate(reversed(chain.steps))
        for number, variable in enumerate(step.variables)
    }
    return [found.get(id(variable)) for variable in trainable]


class Recordings:
    """The recorded steps of one ``fit``, by the batches' shapes. Belongs to a stepper, which its methods are given."""

    def __init__(self, stepper: Stepper) -> None:
        model = stepper.model
        self.possible = bool(stepper.trainable) and not (
            model.run_eagerly or stepper.callable_losses or model._overrides("compute_loss") or len(stepper.names) != 1
        )
        self._known: dict[Any, Recording] = {}

    def find(self, stepper: Stepper, x: Any, y: Any, weight: Any) -> Recording | None:
        """The recorded step for a batch, if there is one and the model is what it was."""
        if not self.possible or thread_state.tape is not None:
            return None
        key = _key(x, y, weight)
        found = None if key is None else self._known.get(key)
        if found is None:
            return None
        for variable in stepper.trainable:
            if not variable.trainable:
                return None
        if found.is_current(stepper.model):
            return found
        self._known.clear()
        return None

    def learn(self, stepper: Stepper, x: Any, y: Any, weight: Any, outputs: Any, logits: frozenset[int]) -> None:
        """Record the step for batches like this one, which the ordinary step was just made for."""
        key = _key(x, y, weight) if self.possible else None
        if key is None or key in self._known:
            return
        model = stepper.model
        in_blocks = isinstance(outputs, ProjectedScores)  # of many classes, made block by block: never whole in memory
        chain = None if model._loss_owners or in_blocks else chain_of(model, bool(logits))
        if chain is None:
            self.possible = False
            return
        if len(self._known) >= MOST_SHAPES:
            self._known.clear()
        self._known[key] = Recording(stepper, chain, logits, _axes(model, x), (y, weight, outputs))


def _key(x: Any, y: Any, weight: Any) -> Any:
    """What batches must have in common; None for those that are not recorded."""
    if type(x) is not np.ndarray or x.dtype.kind not in "biuf" or not x.size or isinstance(y, (list, tuple, dict)):
        return None
    if weight is not None and type(weight) is not np.ndarray:
        return None
    labels = None if y is None else (type(y), y.shape, y.dtype)
    return x.shape, x.dtype, labels, None if weight is None else weight.shape


def _axes(model: Any, x: Array) -> int:
    return len(model._graph.input_tensors[0].shape) - x.ndim
