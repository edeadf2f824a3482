"""Losses of probabilities: cross-entropies, Kullback-Leibler divergence, Poisson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.config import epsilon
from recurra.losses.base import ConfiguredLoss, PlainLoss
from recurra.losses.fused import binary_column, class_ids
from recurra.losses.labels import float_pair, is_one_hot
from recurra.losses.reduction import as_float
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``sum(y_true * log(y_true / y_pred))`` over the last axis, both clipped to ``[eps, 1]``."""
    true, pred = float_pair(y_true, y_pred)
    true, pred = ops.clip(true, epsilon(), 1.0), ops.clip(pred, epsilon(), 1.0)
    return ops.sum(true * ops.log(true / pred), axis=-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """``mean(y_pred - y_true * log(y_pred + eps))`` over the last axis."""
    true, pred = float_pair(y_true, y_pred)
    return ops.mean(pred - true * ops.log(pred + epsilon()), axis=-1)


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """``mean(-(y log p + (1 - y) log(1 - p)))`` over `axis`.

    y_pred : probabilities, clipped to ``[eps, 1 - eps]``, or with `from_logits` any numbers
    label_smoothing : in [0, 1]; labels become ``y * (1 - s) + s / 2``
    """
    true, pred = float_pair(y_true, y_pred, broadcast=False)
    true = _smoothed(value_of(true), label_smoothing, (2,), 0)
    if isinstance(pred, KerasTensor) or isinstance(true, KerasTensor):
        return ops.mean(ops.binary_crossentropy(true, pred, from_logits), axis=axis)
    if pred.shape[-1:] == (1,) and true.shape == pred.shape and axis in (-1, len(pred.shape) - 1):
        return binary_column(true, pred, from_logits)
    return ops.mean(ops.binary_crossentropy(true, pred, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy times ``(1 - p_t)**gamma``, ``p_t`` the probability given to the right answer.

    y_true, y_pred, from_logits, label_smoothing, axis : as for :func:`binary_crossentropy`
    apply_class_balancing : also weight positives by `alpha` and negatives by ``1 - alpha``
    """
    true, pred = float_pair(y_true, y_pred, broadcast=False)
    true = _smoothed(value_of(true), label_smoothing, (2,), 0)
    if from_logits:
        pred = ops.sigmoid(pred)
    wrong = 1.0 - (true * pred + (1.0 - true) * (1.0 - pred))
    each = ops.power(wrong, gamma) * ops.binary_crossentropy(true, pred)
    if apply_class_balancing:
        each = each * (true * alpha + (1.0 - true) * (1.0 - alpha))
    return ops.mean(each, axis=axis)


def _smoothed(y_true: Any, smoothing: float, shape: tuple[Any, ...], axis: int) -> Any:
    """Labels, a share of `smoothing` of them spread over the classes, which stand at `axis` of `shape`."""
    if not smoothing:
        return y_true
    if isinstance(smoothing, str) or not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], got {smoothing!r}")
    return y_true * (1.0 - smoothing) + smoothing / shape[axis]


def classes_last(y_pred: Any, axis: int) -> Any:
    """`y_pred` with the classes on the last axis."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ValueError(f"axis must be an int, got {axis!r}")
    if axis in (-1, len(y_pred.shape) - 1):
        return y_pred
    order = [i for i in range(len(y_pred.shape)) if i != axis % len(y_pred.shape)]
    return ops.transpose(y_pred, (*order, axis % len(y_pred.shape)))


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """``-sum(y_true * log p)`` over `axis`.

    y_true : one-hot or soft labels of the predictions' shape; a lazy one-hot is read by its ids, never filled in
    y_pred : probabilities, first divided by their sum and clipped to ``[eps, 1 - eps]``; or logits
    label_smoothing : in [0, 1]; labels become ``y * (1 - s) + s / V``
    """
    pred = as_float(y_pred)
    if is_one_hot(y_true) and not label_smoothing and axis in (-1, len(pred.shape) - 1):
        if tuple(y_true.shape) != tuple(pred.shape):
            raise ValueError(f"y_true must have the predictions' shape {tuple(pred.shape)}, got {tuple(y_true.shape)}")
        ids = class_ids(y_true.ids, pred.shape).reshape(pred.shape[:-1])
        return ops.sparse_categorical_crossentropy(ids, pred, from_logits)
    true, pred = float_pair(y_true, pred, fit=False, broadcast=False)
    true = _smoothed(value_of(true), label_smoothing, pred.shape, axis)
    return ops.categorical_crossentropy(true, pred, from_logits, axis)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """``sum(-alpha (1 - p)**gamma y_true log p)`` over `axis`, clipped as categorical cross-entropy is.

    alpha : a number, or one for each class; the others as for :func:`categorical_crossentropy`
    """
    true, pred = float_pair(y_true, y_pred)
    true = _smoothed(value_of(true), label_smoothing, pred.shape, axis)
    if from_logits:
        pred = ops.softmax(pred, axis=axis)
    p = ops.clip(pred / ops.sum(pred, axis=axis, keepdims=True), epsilon(), 1.0 - epsilon())
    return ops.sum(ops.power(1.0 - p, gamma) * ops.log(p) * (true * -np.asarray(alpha, p.dtype)), axis=axis)


def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """``-log p[y_true]`` over `axis`: categorical cross-entropy for labels that are class ids.

    y_true : ids of the predictions' shape without `axis`, or with a trailing axis of size 1
    y_pred, from_logits : as for :func:`categorical_crossentropy`
    ignore_class : positions with this label give 0 and, in :class:`SparseCategoricalCrossentropy`, do not count
    """
    if isinstance(y_true, KerasTensor) or isinstance(y_pred, KerasTensor):
        if ignore_class is not None:
            raise ValueError(f"ignore_class must be None for symbolic tensors, got {ignore_class!r}")
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    pred = classes_last(as_float(y_pred), axis)
    labels = np.asarray(value_of(y_true))
    rows = pred.shape[:-1]
    if labels.shape not in (rows, (*rows, 1)):
        raise ValueError(
            f"y_true must have one class id for each prediction: shape {rows} or {(*rows, 1)}, got {labels.shape}"
        )
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(class_ids(labels, pred.shape).reshape(rows), pred, from_logits)
    valid = labels.reshape(rows) != ignore_class
    ids = class_ids(np.where(valid, labels.reshape(rows), 0), pred.shape).reshape(rows)
    return ops.where(valid, ops.sparse_categorical_crossentropy(ids, pred, from_logits), np.zeros((), pred.dtype))


sparse_categorical_crossentropy.of_ids = True  # type: ignore[attr-defined]


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float = 0.5) -> Any:
    """``(1 - p**q) / q`` for the probability p of the label: cross-entropy for q near 0, absolute error near 1.

    y_true : class ids of the predictions' shape without the last axis, or with one of size 1
    """
    pred = as_float(y_pred)
    if isinstance(y_true, KerasTensor) or isinstance(pred, KerasTensor):
        hot = ops.one_hot(y_true, pred.shape[-1])
        p = ops.sum(pred * (ops.squeeze(hot, -2) if len(hot.shape) > len(pred.shape) else hot), axis=-1)
        return (1.0 - ops.power(p, q)) / q
    ids = class_ids(y_true, pred.shape).reshape(pred.shape[:-1])
    p = ops.squeeze(ops.take_along_axis(pred, ids[..., None], axis=-1), -1)
    return (1.0 - ops.power(p, q)) / q


class KLDivergence(PlainLoss):
    """Kullback-Leibler divergence, see :func:`recurra.losses.kl_divergence`."""

    function, default_name = kl_divergence, "kl_divergence"


class Poisson(PlainLoss):
    """Poisson loss, see :func:`recurra.losses.poisson`."""

    function, default_name = poisson, "poisson"


class BinaryCrossentropy(ConfiguredLoss):
    """Cross-entropy of yes-or-no labels, see :func:`recurra.losses.binary_crossentropy`."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class BinaryFocalCrossentropy(ConfiguredLoss):
    """Binary cross-entropy that looks at the hard samples, see :func:`recurra.losses.binary_focal_crossentropy`."""

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalCrossentropy(ConfiguredLoss):
    """Cross-entropy of one-hot or soft labels, see :func:`recurra.losses.categorical_crossentropy`."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(ConfiguredLoss):
    """Categorical cross-entropy for the hard samples, see :func:`recurra.losses.categorical_focal_crossentropy`."""

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype,
            alpha=alpha, gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(ConfiguredLoss):
    """Cross-entropy of labels that are class ids, see :func:`recurra.losses.sparse_categorical_crossentropy`."""

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.ignore_class = ignore_class

    def valid(self, y_true: ArrayLike, y_pred: Any) -> Any:
        if self.ignore_class is None:
            return None
        labels = np.asarray(value_of(y_true))
        valid: Any = labels != self.ignore_class
        return valid[..., 0] if labels.ndim == len(y_pred.shape) and labels.shape[-1] == 1 else valid


class CategoricalGeneralizedCrossEntropy(ConfiguredLoss):
    """Generalised cross-entropy for labels that may be wrong (Zhang and Sabuncu, 2018).

    q : in (0, 1), see :func:`recurra.losses.categorical_generalized_cross_entropy`
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be in (0, 1), got {q}")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
