"""Losses of overlapping regions: Dice and Tversky."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra import ops
from recurra.config import epsilon
from recurra.losses.base import ConfiguredLoss
from recurra.losses.labels import float_pair
from recurra.typing import ArrayLike

Axes = int | Sequence[int] | None


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: Axes = None) -> Any:
    """``1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + eps)``, sums over `axis` (all axes without one)."""
    true, pred = float_pair(y_true, y_pred, fit=False)
    both = ops.sum(true * pred, axis=axis)
    return 1.0 - 2.0 * both / (ops.sum(true, axis=axis) + ops.sum(pred, axis=axis) + epsilon())


def tversky(y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Any:
    """``1 - b / (b + alpha * missed + beta * wrong + eps)`` with ``b = sum(y_true * y_pred)``.

    missed is ``sum((1 - y_pred) * y_true)``, wrong ``sum(y_pred * (1 - y_true))``: Keras has alpha there.
    Sums are over `axis` (all axes without one).
    """
    true, pred = float_pair(y_true, y_pred, fit=False)
    both = ops.sum(true * pred, axis=axis)
    missed, wrong = ops.sum((1.0 - pred) * true, axis=axis), ops.sum(pred * (1.0 - true), axis=axis)
    return 1.0 - both / (both + alpha * missed + beta * wrong + epsilon())


class Dice(ConfiguredLoss):
    """Dice loss, see :func:`recurra.losses.dice`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(ConfiguredLoss):
    """Tversky loss, see :func:`recurra.losses.tversky`."""

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
