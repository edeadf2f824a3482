"""Intersection over union of classes, from a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.metrics.base import Metric, check_count, dense_labels, with_mask
from recurra.typing import ArrayLike


class IoU(Metric):
    """Intersection over union: the mean over classes of tp / (tp + fp + fn).

    num_classes : how many classes there are; ids outside [0, num_classes) do not count
    target_class_ids : the classes that the mean is over
    ignore_class : an id of `y_true` that does not count
    sparse_y_true, sparse_y_pred : whether labels and predictions are ids, or the greatest along `axis` is the class

    >>> metric = IoU(num_classes=2, target_class_ids=[1])
    >>> metric.update_state([0, 1, 1, 1], [1, 1, 1, 0])
    >>> metric.result()
    0.5
    """

    _state = ("total_cm",)

    direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype, name)
        check_count("num_classes", num_classes)
        self.num_classes = int(num_classes)
        self.target_class_ids = list(target_class_ids)
        if any(not 0 <= one < self.num_classes for one in self.target_class_ids):
            raise ValueError(f"target_class_ids must be in [0, {num_classes}), got {target_class_ids}")
        self.ignore_class = ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.reset_state()

    def reset_state(self) -> None:
        self.total_cm = np.zeros((self.num_classes, self.num_classes))

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            sample_weight = with_mask(sample_weight, mask)
        truth, guess = dense_labels(y_true), np.asarray(value_of(y_pred))
        truth = (truth if self.sparse_y_true else truth.argmax(self.axis)).reshape(-1).astype(np.int64)
        guess = (guess if self.sparse_y_pred else guess.argmax(self.axis)).reshape(-1).astype(np.int64)
        if truth.shape != guess.shape:
            raise ValueError(f"{self.name}: there must be one label for each prediction: {len(truth)}, {len(guess)}")
        weight = np.asarray(1.0 if sample_weight is None else value_of(sample_weight), np.float64).reshape(-1)
        weight = np.broadcast_to(weight, truth.shape)
        inside = (truth >= 0) & (truth < self.num_classes) & (guess >= 0) & (guess < self.num_classes)
        if self.ignore_class is not None:
            inside &= truth != self.ignore_class
        np.add.at(self.total_cm, (truth[inside], guess[inside]), weight[inside])

    def result(self) -> float:
        right = np.diag(self.total_cm)[self.target_class_ids]
        union = (self.total_cm.sum(0) + self.total_cm.sum(1))[self.target_class_ids] - right
        there = union > 0
        return float((right[there] / union[there]).mean()) if there.any() else 0.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


def _without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in names}


class BinaryIoU(IoU):
    """:class:`IoU` of two classes: predictions of at least `threshold` are class 1.

    target_class_ids : the classes that the mean is over
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            sample_weight = with_mask(sample_weight, mask)
        guess: Array = (np.asarray(value_of(y_pred)) >= self.threshold).astype(np.int64)
        super().update_state(y_true, guess, sample_weight)

    def get_config(self) -> dict[str, Any]:
        left_out = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**_without(super().get_config(), *left_out), "threshold": self.threshold}


class MeanIoU(IoU):
    """:class:`IoU` over all `num_classes` classes; the other arguments are those of IoU."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: str | None = None, ignore_class: int | None = None,
        sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:  # fmt: skip
        every = range(num_classes) if isinstance(num_classes, (int, np.integer)) else ()
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """:class:`IoU` of one-hot labels; the arguments are those of IoU."""

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: str | None = None,
        ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """:class:`MeanIoU` of one-hot labels; the arguments are those of IoU."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")
