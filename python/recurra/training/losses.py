"""Losses as functions: one value for each sample (or step), the mean or sum over the last axis.

Each takes ``(y_true, y_pred)`` as arrays, or with `y_pred` tracked by a tape, and is differentiable in `y_pred`.
Numbers follow Keras 3. The classes with reductions are in ``loss_classes.py``; the front door is ``recurra.losses``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Tensor, value_of
from recurra.config import epsilon
from recurra.models.symbolic import KerasTensor
from recurra.training.crossentropy import binary_column, class_ids
from recurra.training.reduction import as_float, check_shapes, same_rank


def is_one_hot(labels: Any) -> bool:
    """Whether `labels` is a lazy one-hot (``recurra.utils.to_categorical``) whose ids can be read directly."""
    return hasattr(labels, "ids") and hasattr(labels, "num_classes")


def _pair(y_true: Any, y_pred: Any, fit: bool = True, broadcast: bool = True) -> tuple[Any, Any]:
    """Both as floats of one dtype and, where a trailing axis of size 1 differs and `fit`, one rank.

    broadcast : whether an axis of size 1 may stand for each place on it, with a warning
    raises : ValueError where the shapes differ otherwise
    """
    y_pred = as_float(y_pred)
    if not isinstance(y_true, (Tensor, KerasTensor)):
        y_true = np.asarray(y_true, y_pred.dtype)
    elif y_true.dtype != y_pred.dtype:
        y_true = ops.cast(y_true, y_pred.dtype)
    if fit:
        y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        check_shapes(y_true.shape, y_pred.shape, broadcast)
    return y_true, y_pred


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """``mean((y_true - y_pred)**2)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """``mean(|y_true - y_pred|)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """``100 * mean(|y_true - y_pred| / max(|y_true|, eps))`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    floor = np.asarray(epsilon(), y_pred.dtype)
    return ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), floor)), axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """``mean((log(1 + y_true) - log(1 + y_pred))**2)`` over the last axis, both at least eps."""
    y_true, y_pred = _pair(y_true, y_pred)
    floor = np.asarray(epsilon(), y_pred.dtype)
    first = ops.log(ops.maximum(y_pred, floor) + 1.0)
    second = ops.log(ops.maximum(y_true, floor) + 1.0)
    return ops.mean(ops.square(first - second), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """``e**2 / 2`` where ``|e| <= delta``, else ``delta |e| - delta**2 / 2``; mean over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    size = ops.abs(error)
    near = value_of(size) <= delta
    return ops.mean(ops.where(near, ops.square(error) * 0.5, size * delta - 0.5 * delta * delta), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(error * -2.0) - float(np.log(2.0)), axis=-1)


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; other labels as they are."""
    values = value_of(y_true)
    return y_true * 2.0 - 1.0 if np.all((values == 0) | (values == 1)) else y_true


def hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis; labels -1 and 1, or 0 and 1."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis; labels -1 and 1, or 0 and 1."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """``max(max((1 - y_true) * y_pred) - sum(y_true * y_pred) + 1, 0)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """``sum(y_true * log(y_true / y_pred))`` over the last axis, both clipped to ``[eps, 1]``."""
    y_true, y_pred = _pair(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, epsilon(), 1.0), ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """``mean(y_pred - y_true * log(y_pred + eps))`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + epsilon()), axis=-1)


def _unit(x: Any, axis: int) -> Any:
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x / ops.sqrt(ops.maximum(square, np.asarray(1e-12, x.dtype)))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between `y_true` and `y_pred` along `axis`: -1 where they agree."""
    y_true, y_pred = _pair(y_true, y_pred)
    return -ops.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """``mean(-(y log p + (1 - y) log(1 - p)))`` over `axis`.

    y_pred : probabilities, clipped to ``[eps, 1 - eps]``, or with `from_logits` any numbers
    label_smoothing : in [0, 1]; labels become ``y * (1 - s) + s / 2``
    """
    y_true, y_pred = _pair(y_true, y_pred, broadcast=False)
    y_true = value_of(y_true)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if isinstance(y_pred, KerasTensor) or isinstance(y_true, KerasTensor):
        return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)
    if y_pred.shape[-1:] == (1,) and y_true.shape == y_pred.shape and axis in (-1, len(y_pred.shape) - 1):
        return binary_column(y_true, y_pred, from_logits)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy times ``(1 - p_t)**gamma``, ``p_t`` the probability given to the right answer.

    apply_class_balancing : also weight positives by `alpha` and negatives by ``1 - alpha``
    """
    y_true, y_pred = _pair(y_true, y_pred, broadcast=False)
    y_true = value_of(y_true)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    wrong = 1.0 - (y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred))
    each = ops.power(wrong, gamma) * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        each = each * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return ops.mean(each, axis=axis)


def _smoothed(y_true: Any, smoothing: float, shape: tuple[Any, ...], axis: int) -> Any:
    """Labels, a share of `smoothing` of them spread over the classes, which stand at `axis` of `shape`."""
    return y_true * (1.0 - smoothing) + smoothing / shape[axis] if smoothing else y_true


def _classes(y_pred: Any, axis: int) -> Any:
    """`y_pred` with the classes on the last axis."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ValueError(f"axis must be an int, got {axis!r}")
    if axis in (-1, len(y_pred.shape) - 1):
        return y_pred
    order = [i for i in range(len(y_pred.shape)) if i != axis % len(y_pred.shape)]
    return ops.transpose(y_pred, (*order, axis % len(y_pred.shape)))


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """``-sum(y_true * log p)`` over `axis`.

    y_true : one-hot or soft labels of the predictions' shape; a lazy one-hot is read by its ids, never filled in
    y_pred : probabilities, first divided by their sum and clipped to ``[eps, 1 - eps]``; or logits
    label_smoothing : in [0, 1]; labels become ``y * (1 - s) + s / V``
    """
    y_pred = as_float(y_pred)
    if is_one_hot(y_true) and not label_smoothing and axis in (-1, len(y_pred.shape) - 1):
        if tuple(y_true.shape) != tuple(y_pred.shape):
            raise ValueError(
                f"y_true must have the predictions' shape {tuple(y_pred.shape)}, got {tuple(y_true.shape)}"
            )
        ids = class_ids(y_true.ids, y_pred.shape).reshape(y_pred.shape[:-1])
        return ops.sparse_categorical_crossentropy(ids, y_pred, from_logits)
    y_true, y_pred = _pair(y_true, y_pred, fit=False, broadcast=False)
    y_true = _smoothed(value_of(y_true), label_smoothing, y_pred.shape, axis)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """``sum(-alpha (1 - p)**gamma y_true log p)`` over `axis`, clipped as categorical cross-entropy is."""
    y_true, y_pred = _pair(y_true, y_pred)
    y_true = _smoothed(value_of(y_true), label_smoothing, y_pred.shape, axis)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.clip(y_pred / ops.sum(y_pred, axis=axis, keepdims=True), epsilon(), 1.0 - epsilon())
    return ops.sum(ops.power(1.0 - p, gamma) * ops.log(p) * (y_true * -np.asarray(alpha, p.dtype)), axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """``-log p[y_true]`` over `axis`: categorical cross-entropy for labels that are class ids.

    y_true : ids of the predictions' shape without `axis`, or with a trailing axis of size 1
    ignore_class : positions with this label give 0 and, in :class:`SparseCategoricalCrossentropy`, do not count
    """
    if isinstance(y_true, KerasTensor) or isinstance(y_pred, KerasTensor):
        if ignore_class is not None:
            raise ValueError(f"ignore_class must be None for symbolic tensors, got {ignore_class!r}")
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    y_pred = _classes(as_float(y_pred), axis)
    labels = np.asarray(value_of(y_true))
    rows = y_pred.shape[:-1]
    if labels.shape not in (rows, (*rows, 1)):
        raise ValueError(
            f"y_true must have one class id for each prediction: shape {rows} or {(*rows, 1)}, got {labels.shape}"
        )
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(class_ids(labels, y_pred.shape).reshape(rows), y_pred, from_logits)
    valid = labels.reshape(rows) != ignore_class
    ids = class_ids(np.where(valid, labels.reshape(rows), 0), y_pred.shape).reshape(rows)
    return ops.where(valid, ops.sparse_categorical_crossentropy(ids, y_pred, from_logits), np.zeros((), y_pred.dtype))
