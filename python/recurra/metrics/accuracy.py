"""The accuracy family."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.config import floatx
from recurra.losses.reduction import check_shapes, same_rank
from recurra.metrics.base import MeanMetricWrapper, check_count, dense_labels, label_ids
from recurra.typing import ArrayLike


def _float(matches: Any) -> Array:
    return np.asarray(np.asarray(matches), floatx())


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Labels and predictions of one shape."""
    labels, predictions = same_rank(dense_labels(y_true), np.asarray(value_of(y_pred)))
    if labels.shape != predictions.shape:
        check_shapes(labels.shape, predictions.shape, broadcast=True)
    return labels, predictions


def _one_each(ids: Array, y_pred: ArrayLike) -> Array:
    """`y_pred` as an array of scores (..., V), one row for each of `ids`."""
    scores = np.asarray(value_of(y_pred))
    if ids.shape != scores.shape[:-1] or not scores.ndim:
        raise ValueError(
            f"y_true must have one label for each of the predictions {scores.shape[:-1]}, got {ids.shape} "
            f"for y_pred of shape {scores.shape}"
        )
    return scores


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where `y_pred` equals `y_true`, elementwise."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _float(y_true == y_pred)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """1 where ``y_pred > threshold`` equals `y_true`, elementwise."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _float(y_true == (y_pred > threshold))


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where the greatest prediction over the last axis is at the greatest label: (B, ..., V) -> (B, ...)."""
    ids = label_ids(y_true)
    if ids is None:
        ids = dense_labels(y_true).argmax(axis=-1)
    return _float(ids == _one_each(ids, y_pred).argmax(axis=-1))


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where the greatest prediction over the last axis is at the id `y_true`: (B, ...) or (B, ..., 1) labels."""
    ids, y_pred = dense_labels(y_true), np.asarray(value_of(y_pred))
    if ids.ndim == y_pred.ndim and ids.shape[-1] == 1:
        ids = ids[..., 0]
    matches = _float(ids == _one_each(ids, y_pred).argmax(axis=-1))
    return np.squeeze(matches, -1) if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def _in_top_k(ids: Array, y_pred: Array, k: int) -> Array:
    rows = y_pred.reshape(-1, y_pred.shape[-1])
    ids = ids.reshape(-1).astype(np.int64)
    own = rows[np.arange(len(rows)), ids]
    return np.asarray(((rows > own[:, None]).sum(axis=1) < k) & np.isfinite(own))


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """1 where the greatest label is among the `k` greatest predictions: (B, ..., V) -> (B, ...)."""
    ids = label_ids(y_true)
    if ids is None:
        ids = dense_labels(y_true).argmax(axis=-1)
    return _float(_in_top_k(ids, _one_each(ids, y_pred), k).reshape(ids.shape))


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """1 where the id `y_true` is among the `k` greatest predictions.

    from_sorted_ids : `y_pred` holds class ids, the best first, instead of scores
    """
    ids, y_pred = dense_labels(y_true), np.asarray(value_of(y_pred))
    if from_sorted_ids:
        best = y_pred.reshape(-1, y_pred.shape[-1])[:, :k]
        matches = (best == ids.reshape(-1, 1)).any(axis=1)
    else:
        matches = _in_top_k(ids, y_pred, k)
    return _float(np.reshape(matches, ids.shape))


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels."""

    direction = "up"

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often ``prediction > threshold`` equals the label."""

    direction = "up"

    def __init__(self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most likely class is the label's; one-hot labels."""

    direction = "up"
    ranks_only = True

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most likely class is the label; labels are class ids."""

    direction = "up"
    ranks_only = True

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label is among the `k` most likely classes; one-hot labels."""

    direction = "up"
    ranks_only = True

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        check_count("k", k)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label is among the `k` most likely classes; labels are class ids."""

    direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        check_count("k", k)
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k, self.from_sorted_ids = k, from_sorted_ids
        self.ranks_only = not from_sorted_ids
