"""Hinge losses: predictions are to be right by a margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.losses.base import PlainLoss
from recurra.losses.labels import float_pair
from recurra.typing import ArrayLike


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; other labels as they are."""
    values = value_of(y_true)
    return y_true * 2.0 - 1.0 if np.all((values == 0) | (values == 1)) else y_true


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis; labels -1 and 1, or 0 and 1."""
    true, pred = float_pair(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(true) * pred, 0.0), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis; labels -1 and 1, or 0 and 1."""
    true, pred = float_pair(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(true) * pred, 0.0)), axis=-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``max(max((1 - y_true) * y_pred) - sum(y_true * y_pred) + 1, 0)`` over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    right = ops.sum(true * pred, axis=-1)
    wrong = ops.max((1.0 - true) * pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


class Hinge(PlainLoss):
    """Hinge loss, see :func:`recurra.losses.hinge`."""

    function, default_name = hinge, "hinge"


class SquaredHinge(PlainLoss):
    """Squared hinge loss, see :func:`recurra.losses.squared_hinge`."""

    function, default_name = squared_hinge, "squared_hinge"


class CategoricalHinge(PlainLoss):
    """Hinge loss over classes, see :func:`recurra.losses.categorical_hinge`."""

    function, default_name = categorical_hinge, "categorical_hinge"
