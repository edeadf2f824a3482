"""The losses of scores: cross-entropies that take the place of a softmax, or of the whole last product."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import losses, ops
from recurra.autograd import GradientTape, Tensor, no_grad, value_of
from recurra.losses.base import Loss, LossFunctionWrapper
from recurra.losses.fused import class_ids, clipped_from_logits
from recurra.losses.labels import is_one_hot, without_masked
from recurra.losses.reduction import reduce_weighted
from recurra.ops.projection import ProjectedScores
from recurra.typing import Array


def fusable(loss: Loss | None) -> bool:
    """Whether `loss` is a plain categorical cross-entropy of probabilities, so that logits can take their place."""
    settings = _settings(loss)
    return settings is not None and not settings.get("from_logits") and not settings.get("label_smoothing")


def takes_scores(loss: Loss | None) -> bool:
    """Whether `loss` is a plain cross-entropy of logits and class ids, which can compute the logits too."""
    settings = _settings(loss)
    return settings is not None and bool(settings.get("from_logits")) and loss is not None and is_sparse(loss)


def _settings(loss: Loss | None) -> dict[str, Any] | None:
    """The settings of a categorical cross-entropy over the last axis in the predictions' dtype; None for others."""
    if type(loss) is LossFunctionWrapper:
        if loss.fn not in (losses.sparse_categorical_crossentropy, losses.categorical_crossentropy):
            return None
    elif type(loss) not in (losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy):
        return None
    assert isinstance(loss, LossFunctionWrapper)
    settings = loss._kwargs
    return settings if settings.get("axis", -1) == -1 and loss.dtype is None else None


def is_sparse(loss: Loss) -> bool:
    """Whether the labels of this (fusable) loss are class ids."""
    return isinstance(loss, losses.SparseCategoricalCrossentropy) or (
        isinstance(loss, LossFunctionWrapper) and loss.fn is losses.sparse_categorical_crossentropy
    )


def loss_of_logits(y_true: Any, y_pred: Any, sample_weight: Any, loss: Any, factor: float = 1.0) -> Any:
    """A fusable loss of logits: what it would give for their softmax, clipping included; or one of logits.

    factor : what the caller multiplies the loss with
    """
    mask = getattr(y_pred, "_keras_mask", None)
    if mask is not None:
        y_true = without_masked(y_true, mask)
    valid = loss.valid(y_true, y_pred)
    ids = y_true.ids if is_one_hot(y_true) else np.asarray(value_of(y_true))
    if valid is not None:
        ids = np.where(valid, ids.reshape(valid.shape), 0)
        mask = valid if mask is None else np.asarray(mask, bool) & valid
    ids = class_ids(ids, y_pred.shape)

    def reduced(values: Any) -> Any:
        return reduce_weighted(values, sample_weight, mask, loss.reduction)

    upstream = _gradient_of(reduced, factor, y_pred) if isinstance(y_pred, ProjectedScores) else None
    if not loss._kwargs.get("from_logits"):
        return reduced(clipped_from_logits(ids, y_pred, upstream))
    labels = ids.reshape(y_pred.shape[:-1])
    if isinstance(y_pred, ProjectedScores):
        return reduced(y_pred.cross_entropy(labels, upstream=upstream))
    return reduced(ops.softmax_cross_entropy(y_pred, labels))


def _gradient_of(reduced: Any, factor: float, scores: ProjectedScores) -> Array | None:
    """The gradient of ``factor * mean(reduced(values))``, which is linear, for one value to each row of scores."""
    if scores.tape is None:
        return None
    with GradientTape() as tape:
        values = tape.watch(np.zeros(scores.shape[:-1], scores.dtype))
        total = reduced(values)
        if len(total.shape):
            total = ops.mean(total)
        if factor != 1.0:
            total = total * factor
    if not isinstance(total, Tensor):
        return None
    with no_grad():  # the tape of the step is open; it is told of this gradient in another way
        found: Array | None = tape.gradient(total, values)
    return found
