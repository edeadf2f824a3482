"""Circle loss (Sun et al., 2020): embeddings of one class together, those of others apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.losses.base import ConfiguredLoss
from recurra.losses.reduction import as_float, reduce_weighted
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike

_FAR_BELOW = -1e30


def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> Any:
    """One value for each embedding, 0 where it has no other of its class or none of another.

    y_true : (B,) or (B, 1) class ids;  y_pred : (B, D), each of length 1
    ref_labels, ref_embeddings : what they are compared with, (R,) and (R, D); themselves by default
    remove_diagonal : an embedding is not compared with itself
    gamma : scale;  margin : how near is near enough
    """
    pred = as_float(y_pred)
    labels = _ids(y_true)
    others = labels if ref_labels is None else _ids(ref_labels)
    references = pred if ref_embeddings is None else as_float(ref_embeddings)
    if len(pred.shape) != 2 or labels.shape[0] != pred.shape[0] or others.shape[0] != references.shape[0]:
        raise ValueError(
            f"y_pred must have shape (B, D) with one class id for each row, got {tuple(pred.shape)} and "
            f"{tuple(labels.shape)}"
        )
    distance = ops.maximum(1.0 - ops.matmul(pred, ops.transpose(references)), 0.0)
    same = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(others, 0))
    different = ops.logical_not(same)
    if remove_diagonal:
        rows, columns = (ops.cumsum(ops.ones_like(ids), 0) for ids in (labels, others))
        same = ops.logical_and(same, ops.not_equal(ops.expand_dims(rows, 1), ops.expand_dims(columns, 0)))
    pull = -gamma * (ops.maximum(margin + distance, 0.0) * (margin - distance))
    push = gamma * (ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance))
    near = ops.logsumexp(ops.where(same, pull, _FAR_BELOW), axis=1)
    far = ops.logsumexp(ops.where(different, push, _FAR_BELOW), axis=1)
    return ops.softplus(near + far)


def _ids(labels: Any) -> Any:
    """Class ids as (B,) int32."""
    if not isinstance(labels, KerasTensor):
        labels = np.asarray(value_of(labels))
    return ops.reshape(ops.cast(labels, "int32"), (-1,))


class Circle(ConfiguredLoss):
    """Circle loss, see :func:`recurra.losses.circle`. Embeddings whose loss is 0 do not count in the mean."""

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: str | None = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        pred = as_float(y_pred)
        values = self.call(y_true, pred if self.dtype is None else ops.cast(pred, self.dtype))
        return reduce_weighted(values, sample_weight, value_of(values) > 0, self.reduction)
