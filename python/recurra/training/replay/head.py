"""From the outputs of the steps to the loss, and back to the gradients of these outputs.

Common losses of one output without sample weights, masks and penalties are computed on arrays (:class:`DirectLoss`),
everything else under a tape as in the ordinary step (:class:`TapedLoss`, :class:`SeveralLosses`). All give the same
bits as that step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from recurra import losses
from recurra.autograd import Array, GradientTape, Tensor, filled, value_of
from recurra.layers.base.context import set_mask
from recurra.losses.base import Loss, LossFunctionWrapper
from recurra.losses.fused import binary_column_values, class_ids, clipped_values
from recurra.optimizers.base import Optimizer
from recurra.symbolic import map_symbolic
from recurra.training.replay.layers import Settings

#: values of a loss for labels and predictions, and the way from the gradient of each value, the same number for all, to
#: the predictions'
Values = Callable[[Any, Array], "tuple[Array, Callable[[Any], Array]]"]


class Result(NamedTuple):
    """What a head made of one batch.

    value : the loss
    outputs : the model's, for the metrics
    backward : called without arguments, gives the gradient of the last step's output, and those of the trained
        variables that the loss itself depends on: None, or one or None for each
    """

    value: float
    outputs: Any
    backward: Callable[[], tuple[Any, Any]]


class TapedLoss:
    """The calls after the last step, any loss, weights and penalties, under a tape."""

    def __init__(self, tail: list[Callable[[Any], Any]], logits: frozenset[int]) -> None:
        self.tail, self.logits = tail, logits

    def is_current(self) -> bool:
        return True

    def __call__(self, stepper: Any, z: Array, mask: Any, y: Any, weight: Any) -> Result:
        with GradientTape() as tape:
            first = outputs = set_mask(tape.watch(z), mask)
            for call in self.tail:
                outputs = call(outputs)
            loss = stepper.compiled_loss(y, outputs, weight, self.logits)
            scaled = stepper.compiled.optimizer.scale_loss(loss)

        def backward() -> tuple[Any, Any]:
            dz, *others = tape.gradient(scaled, [first, *stepper.trainable])
            return dz, others

        plain = set_mask(outputs.value, getattr(outputs, "_keras_mask", None)) if type(outputs) is Tensor else outputs
        return Result(float(value_of(loss)), plain, backward)


class SeveralLosses:
    """The losses of several outputs, with all that belongs to them, under a tape.

    graph : of the model, whose outputs are given in its structure
    """

    def __init__(self, graph: Any, logits: frozenset[int]) -> None:
        self.graph, self.logits = graph, logits

    def is_current(self) -> bool:
        return True

    def __call__(self, stepper: Any, values: Any, masks: Any, y: Any, weight: Any) -> Result:
        tensors = self.graph.output_tensors
        with GradientTape() as tape:
            firsts = {
                id(tensor): set_mask(tape.watch(value), mask)
                for tensor, value, mask in zip(tensors, values, masks, strict=True)
            }
            outputs = map_symbolic(self.graph._given, lambda tensor: firsts[id(tensor)])
            loss = stepper.compiled_loss(y, outputs, weight, self.logits)
            scaled = stepper.compiled.optimizer.scale_loss(loss)

        def backward() -> tuple[Any, Any]:
            found = tape.gradient(scaled, [*firsts.values(), *stepper.trainable])
            given = dict(zip(firsts, found, strict=False))
            return [given.pop(id(tensor), None) for tensor in tensors], found[len(firsts) :]

        return Result(float(value_of(loss)), outputs, backward)


class DirectLoss:
    """The mean of one loss over a batch, on arrays."""

    def __init__(self, optimizer: Optimizer, loss: Loss, values: Values) -> None:
        self.values, self.optimizer = values, optimizer
        self._settings = Settings(loss, "reduction", "dtype", "fn", "_kwargs")
        self._loss, self._settings_kept = loss, dict(loss._kwargs)  # type: ignore[attr-defined]

    def is_current(self) -> bool:
        return (
            self._settings.hold()
            and self._loss._kwargs == self._settings_kept  # type: ignore[attr-defined]
            and not self.optimizer.loss_scale_factor
        )

    def __call__(self, stepper: Any, z: Array, mask: Any, y: Any, weight: Any) -> Result:
        values, pull = self.values(y, z)
        kind, count = z.dtype.type, values.size
        loss = float(kind(np.add.reduce(values, axis=None) / count))
        return Result(loss, z, lambda: (pull(kind(1) / kind(count)), None))


def head_for(
    stepper: Any, tail: list[Callable[[Any], Any]], logits: frozenset[int], y: Any, weight: Any, z: Any
) -> Any:
    """The head for batches like these labels and weights, where the last step gives arrays like `z`."""
    values = None
    compiled = stepper.compiled
    if stepper.model._graph._single is None:
        return SeveralLosses(stepper.model._graph, logits)
    if not tail and weight is None and getattr(z, "_keras_mask", None) is None and not stepper.penalized:
        loss = compiled.loss.losses[0]
        plain = type(compiled.optimizer).scale_loss is Optimizer.scale_loss and compiled.loss.weights[0] == 1.0
        if plain and not compiled.optimizer.loss_scale_factor and type(y) is np.ndarray:
            values = _values_of(loss, bool(logits), y, z)
    if values is None:
        return TapedLoss(tail, logits)
    return DirectLoss(compiled.optimizer, loss, values)


def _values_of(loss: Any, logits: bool, y: Array, z: Array) -> Values | None:
    """The function on arrays for a loss object, if there is one for such labels and predictions."""
    if not isinstance(loss, LossFunctionWrapper) or not type(loss).__module__.startswith("recurra."):
        return None
    if loss.reduction not in ("sum_over_batch_size", "mean") or loss.dtype is not None or z.ndim < 2:
        return None
    if logits:
        plain = loss.fn is losses.sparse_categorical_crossentropy and loss._kwargs.get("ignore_class") is None
        return _of_logits if plain and not loss._kwargs.get("from_logits") else None
    like = y.shape == z.shape or (y.ndim == 1 and z.ndim == 2 and z.shape[1] == 1)
    if not like or y.dtype.kind not in "biuf":
        return None
    if loss.fn is losses.mean_squared_error:
        return _squared
    if loss.fn is losses.mean_absolute_error:
        return _absolute
    settings = loss._kwargs
    column = z.shape[-1] == 1 and settings.get("axis", -1) in (-1, z.ndim - 1)
    if loss.fn is losses.binary_crossentropy and column and not settings.get("label_smoothing"):
        return _binary_logits if settings.get("from_logits") else _binary
    return None


def _labels(y: Array, z: Array) -> Array:
    """Labels in the dtype and shape of the predictions."""
    if y.dtype is z.dtype and y.shape == z.shape:
        return y
    labels: Array = np.asarray(y, z.dtype).reshape(z.shape)
    return labels


def _from_number(values: Array, pull: Callable[[Array], Array]) -> tuple[Array, Callable[[Any], Array]]:
    """The same, for a way back that asks for an array."""
    return values, lambda d: pull(filled(values.shape, values.dtype, d))


def _of_logits(y: Array, z: Array) -> tuple[Array, Callable[[Any], Array]]:
    return _from_number(*clipped_values(class_ids(y, z.shape), z))


def _binary(y: Array, z: Array) -> tuple[Array, Callable[[Any], Array]]:
    return _from_number(*binary_column_values(_labels(y, z), z, False))


def _binary_logits(y: Array, z: Array) -> tuple[Array, Callable[[Any], Array]]:
    return _from_number(*binary_column_values(_labels(y, z), z, True))


def _mean_of_last(each: Array) -> Array:
    means: Array = each.reshape(each.shape[:-1]) if each.shape[-1] == 1 else each.mean(axis=-1)
    return means


def _squared(y: Array, z: Array) -> tuple[Array, Callable[[Any], Array]]:
    error, kind = z - _labels(y, z), z.dtype.type
    return _mean_of_last(np.square(error)), lambda d: kind(2) * (d / kind(z.shape[-1])) * error


def _absolute(y: Array, z: Array) -> tuple[Array, Callable[[Any], Array]]:
    error, kind = z - _labels(y, z), z.dtype.type
    return _mean_of_last(np.abs(error)), lambda d: d / kind(z.shape[-1]) * np.sign(error)
