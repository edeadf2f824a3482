"""One batch: forward, loss, gradients, update, metrics. What ``fit`` repeats, and nothing more."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import GradientTape, Tensor, Variable, value_of
from recurra.layers.base.context import set_mask, waiting_scores
from recurra.layers.base.layer import Layer
from recurra.layers.base.tracking import variables_of
from recurra.losses.labels import is_one_hot
from recurra.metrics.base import Mean
from recurra.optimizers.base import Optimizer
from recurra.training.compiled import CompiledLoss, CompiledMetrics, as_number
from recurra.training.replay.kept import Recordings, recordings_for
from recurra.training.scores import fusable, is_sparse, takes_scores
from recurra.training.structure import align, flatten_outputs
from recurra.tree import PLAIN, map_structure

NONE: frozenset[int] = frozenset()


class Compiled:
    """What ``compile`` was told, and the running averages of the epoch under way."""

    def __init__(
        self, optimizer: Optimizer | None, loss: CompiledLoss, metrics: CompiledMetrics, steps_per_execution: int
    ) -> None:
        self.optimizer, self.loss, self.metrics = optimizer, loss, metrics
        self.steps_per_execution = steps_per_execution
        self.tracker = Mean("loss")
        self.recordings: Recordings | None = None  # of the last stepper that trained

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recordings": None}

    def add_loss(self, value: float, size: int) -> None:
        self.tracker.total += value * size
        self.tracker.count += size

    def reset(self) -> None:
        self.tracker.reset_state()
        self.loss.reset_state()
        self.metrics.reset_state()

    def results(self) -> dict[str, Any]:
        """The loss, those of several outputs, the metrics: averages since the last reset."""
        found: dict[str, Any] = {"loss": self.tracker.result()}
        for tracker in self.loss.trackers:
            found[tracker.name] = tracker.result()
        if self.metrics.built:
            found.update(self.metrics.results())
        return found


class Stepper:
    """Runs single batches of a compiled model. Made at the start of fit or evaluate, when the model is built."""

    def __init__(self, model: Any, training: bool) -> None:
        self.model = model
        self.compiled: Compiled = model._compiled_state
        self.training = training
        self.guarded = False
        self.names: list[str] = list(self.compiled.loss.names)
        layers = model._flatten_layers()
        self.trainable = _trainable(model, layers)
        self.penalized = [v for v in self.trainable if v.regularizer is not None]
        self.callable_losses = [loss for layer in layers for loss in layer._callable_losses]
        self.extra_metrics = model._extra_metrics()
        self.fused: list[int] = []
        self.scores: frozenset[int] = NONE
        self.scores_wait = False
        if not model._overrides("compute_loss", "compute_metrics"):
            losses, metrics = self.compiled.loss.losses, self.compiled.metrics
            self.fused = [i for i in model._softmax_outputs() if i < len(losses) and fusable(losses[i])]
            if metrics.built and not metrics.metrics and _loss_is_unscaled(self.compiled.optimizer):
                scores = [i for i in model._score_outputs() if i < len(losses) and takes_scores(losses[i])]
                self.scores, self.scores_wait = frozenset(scores), True
        self.recordings = recordings_for(self) if training else None

    # --- parts --------------------------------------------------------------------------------------------------

    def _logits_for(self, y: Any) -> frozenset[int]:
        """The outputs to leave the softmax out of, as their labels are ids (or lazy one-hots), and `scores`."""
        if not self.fused:
            return self.scores
        targets, losses = align(y, self.names, "y"), self.compiled.loss.losses
        return self.scores.union(
            i for i in self.fused if (loss := losses[i]) is not None and (is_sparse(loss) or is_one_hot(targets[i]))
        )

    def forward(self, x: Any, logits: frozenset[int]) -> Any:
        """The model's outputs; those whose numbers are in `logits` without their softmax.

        Where only the loss reads them, its scores for many classes are not computed yet.
        """
        if not logits:
            return self.model(x, training=self.training)
        with waiting_scores(self.scores_wait):
            return self.model(x, training=self.training, logits=logits)

    def loss_of(self, x: Any, y: Any, outputs: Any, weight: Any, logits: frozenset[int]) -> Any:
        """The total loss of a batch: the compiled losses, regularizers and ``add_loss``."""
        model = self.model
        if model._overrides("compute_loss"):
            return model.compute_loss(x=x, y=y, y_pred=outputs, sample_weight=weight, training=self.training)
        return self.compiled_loss(y, outputs, weight, logits)

    def compiled_loss(self, y: Any, outputs: Any, weight: Any, logits: frozenset[int] = NONE) -> Any:
        predictions, _ = flatten_outputs(outputs)
        targets = align(y, self.names, "y")
        weights = align(weight, self.names, "sample_weight", repeat=True)
        total = self.compiled.loss(targets, predictions, weights, logits)
        for penalty in self.penalties():
            total = penalty if total is None else total + penalty
        if total is None:
            raise ValueError("there is nothing to train on: compile with a loss, or call add_loss")
        return total

    def penalties(self) -> list[Any]:
        """Losses of regularizers and of ``add_loss`` in the call just made."""
        owners = {id(owner): owner for owner in self.model._loss_owners}
        found = [loss for owner in owners.values() for loss in owner._losses]
        found.extend(loss() for loss in self.callable_losses)
        found = [ops.sum(loss) if getattr(loss, "ndim", 0) else loss for loss in found]  # as in Keras 3
        found.extend(variable.regularizer(variable) for variable in self.penalized)
        return found

    def measure(self, x: Any, y: Any, outputs: Any, weight: Any, logits: frozenset[int]) -> None:
        """Add the batch to the metrics."""
        if self.model._overrides("compute_metrics"):
            self.model.compute_metrics(x, y, map_structure(_plain, outputs, PLAIN), weight)
        else:
            self.update_metrics(y, outputs, weight, logits)

    def update_metrics(self, y: Any, outputs: Any, weight: Any, logits: frozenset[int] = NONE) -> None:
        """Add the batch to the compiled metrics."""
        metrics = self.compiled.metrics
        if not metrics.built or not metrics.metrics:
            return
        predictions, _ = flatten_outputs(outputs)
        predictions = [_plain(p) for p in predictions]
        for i, needed in enumerate(metrics.needs_probabilities):
            if needed and i in logits:
                predictions[i] = set_mask(ops.softmax(predictions[i]), getattr(predictions[i], "_keras_mask", None))
        targets = align(y, self.names, "y")
        weights = align(weight, self.names, "sample_weight", repeat=True)
        metrics.update_state(targets, predictions, weights)

    # --- whole steps --------------------------------------------------------------------------------------------

    def train(self, x: Any, y: Any, weight: Any, size: int) -> float:
        """Train on one batch; returns its loss. If that is not finite and the stepper guarded, nothing is updated."""
        optimizer, recordings = self.compiled.optimizer, self.recordings
        assert optimizer is not None and recordings is not None
        recorded = recordings.find(self, x, y, weight)
        if recorded is not None:
            return recorded.train(self, x, y, weight, size)
        logits = self._logits_for(y)
        with GradientTape() as tape:
            outputs = self.forward(x, logits)
            loss = self.loss_of(x, y, outputs, weight, logits)
            scaled = optimizer.scale_loss(loss)
        value = float(value_of(loss))
        if self.guarded and not math.isfinite(value):
            self.compiled.add_loss(value, size)
            return value
        if isinstance(scaled, Tensor) and self.trainable:
            optimizer.apply(tape.gradient(scaled, self.trainable), self.trainable)
        elif self.trainable:
            raise ValueError(
                "the loss does not depend on the weights: compute it from the predictions with recurra.ops "
                "(numpy functions lose the gradient)"
            )
        else:
            warnings.warn("the model has no trainable weights: nothing is learned", stacklevel=2)
        self.compiled.add_loss(value, size)
        self.measure(x, y, outputs, weight, logits)
        recordings.learn(self, x, y, weight, outputs, logits)
        return value

    def test(self, x: Any, y: Any, weight: Any, size: int) -> float:
        """Evaluate one batch; returns its loss."""
        logits = self._logits_for(y)
        outputs = self.forward(x, logits)
        value = float(value_of(self.loss_of(x, y, outputs, weight, logits)))
        self.compiled.add_loss(value, size)
        self.measure(x, y, outputs, weight, logits)
        return value

    def results(self) -> dict[str, Any]:
        """All running averages."""
        found = self.compiled.results()
        for metric in self.extra_metrics:
            found[metric.name] = as_number(metric.result())
        return found

    def reset(self) -> None:
        self.compiled.reset()
        for metric in self.extra_metrics:
            metric.reset_state()


def _trainable(model: Any, layers: list[Layer]) -> list[Variable]:
    """``model.trainable_weights``, from the layers that were found already where no class of the user's decides it."""
    kind: Any = type(model)
    if kind.trainable_weights is not Layer.trainable_weights or kind.weights is not Layer.weights:
        found: list[Variable] = model.trainable_weights
        return found
    return [variable for variable in variables_of(layers) if variable.trainable] if model._trainable else []


def _loss_is_unscaled(optimizer: Optimizer | None) -> bool:
    return optimizer is None or not optimizer.loss_scale_factor


def _plain(value: Any) -> Any:
    """A prediction as an array that still carries its mask."""
    if isinstance(value, Tensor):
        return set_mask(np.asarray(value.value), getattr(value, "_keras_mask", None))
    return value
