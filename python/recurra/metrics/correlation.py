"""How far predictions and truth go together: Pearson's and the concordance correlation."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.config import epsilon
from recurra.losses.reduction import same_rank
from recurra.metrics.base import MeanMetricWrapper, dense_labels
from recurra.typing import ArrayLike


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    pred = np.asarray(value_of(y_pred))
    pred = pred if pred.dtype.kind == "f" else pred.astype(np.float64)
    true, pred = same_rank(dense_labels(y_true).astype(pred.dtype), pred)
    return true, pred


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """The covariance over `axis` divided by both standard deviations; NaN where one of them is 0."""
    true, pred = _pair(y_true, y_pred)
    true = true - true.mean(axis, keepdims=True)
    pred = pred - pred.mean(axis, keepdims=True)
    with np.errstate(invalid="ignore"):
        true, pred = true / true.std(axis, keepdims=True), pred / pred.std(axis, keepdims=True)
    return np.asarray((true * pred).mean(axis))


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Twice the covariance over `axis`, divided by both variances and the square of the means' difference."""
    true, pred = _pair(y_true, y_pred)
    apart = true.mean(axis, keepdims=True) - pred.mean(axis, keepdims=True)
    covariance = (true - true.mean(axis, keepdims=True)) * (pred - pred.mean(axis, keepdims=True))
    scale = true.var(axis, keepdims=True) + pred.var(axis, keepdims=True) + apart**2 + epsilon()
    return np.asarray((2 * covariance / scale).mean(axis))


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of Pearson's correlation over `axis`."""

    direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "axis": self.axis}


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of the concordance correlation over `axis`."""

    direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "axis": self.axis}
