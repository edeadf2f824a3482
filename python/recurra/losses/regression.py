"""Losses of numbers: errors squared, absolute, relative, and the angle between vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.config import epsilon
from recurra.losses.base import ConfiguredLoss, PlainLoss
from recurra.losses.labels import float_pair
from recurra.typing import ArrayLike


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean((y_true - y_pred)**2)`` over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    return ops.mean(ops.square(pred - true), axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean(|y_true - y_pred|)`` over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    return ops.mean(ops.abs(pred - true), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``100 * mean(|y_true - y_pred| / max(|y_true|, eps))`` over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    floor = np.asarray(epsilon(), pred.dtype)
    return ops.mean(ops.abs((true - pred) / ops.maximum(ops.abs(true), floor)), axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean((log(1 + y_true) - log(1 + y_pred))**2)`` over the last axis, both at least eps."""
    true, pred = float_pair(y_true, y_pred)
    floor = np.asarray(epsilon(), pred.dtype)
    first = ops.log(ops.maximum(pred, floor) + 1.0)
    second = ops.log(ops.maximum(true, floor) + 1.0)
    return ops.mean(ops.square(first - second), axis=-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Any:
    """``e**2 / 2`` where ``|e| <= delta``, else ``delta |e| - delta**2 / 2``; mean over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    error = pred - true
    size = ops.abs(error)
    near = value_of(size) <= delta
    return ops.mean(ops.where(near, ops.square(error) * 0.5, size * delta - 0.5 * delta * delta), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    error = pred - true
    return ops.mean(error + ops.softplus(error * -2.0) - float(np.log(2.0)), axis=-1)


def _unit(x: Any, axis: int) -> Any:
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x / ops.sqrt(ops.maximum(square, np.asarray(1e-12, x.dtype)))


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Any:
    """Minus the cosine of the angle between `y_true` and `y_pred` along `axis`: -1 where they agree."""
    true, pred = float_pair(y_true, y_pred)
    return -ops.sum(_unit(true, axis) * _unit(pred, axis), axis=axis)


class MeanSquaredError(PlainLoss):
    """Mean of squared errors, see :func:`recurra.losses.mean_squared_error`."""

    function, default_name = mean_squared_error, "mean_squared_error"


class MeanAbsoluteError(PlainLoss):
    """Mean of absolute errors, see :func:`recurra.losses.mean_absolute_error`."""

    function, default_name = mean_absolute_error, "mean_absolute_error"


class MeanAbsolutePercentageError(PlainLoss):
    """Mean of absolute errors in percent, see :func:`recurra.losses.mean_absolute_percentage_error`."""

    function, default_name = mean_absolute_percentage_error, "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(PlainLoss):
    """Mean of squared errors of logarithms, see :func:`recurra.losses.mean_squared_logarithmic_error`."""

    function, default_name = mean_squared_logarithmic_error, "mean_squared_logarithmic_error"


class LogCosh(PlainLoss):
    """Mean of log-cosh errors, see :func:`recurra.losses.log_cosh`."""

    function, default_name = log_cosh, "log_cosh"


class CosineSimilarity(ConfiguredLoss):
    """Minus the cosine similarity along `axis`, see :func:`recurra.losses.cosine_similarity`."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(ConfiguredLoss):
    """Huber loss: squared near zero, absolute beyond `delta`, see :func:`recurra.losses.huber`."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)
