"""Metrics counted from right and wrong decisions: precision, recall, F scores, areas under curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.config import epsilon
from recurra.limits import check_size
from recurra.losses.reduction import same_rank
from recurra.metrics.base import Metric, check_count, dense_labels, with_mask
from recurra.typing import ArrayLike

_FLOOR = -1e10


def _ratio(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)


def _thresholds(values: float | Sequence[float] | None, default: float) -> list[float]:
    if values is None:
        return [default]
    found = [float(v) for v in np.ravel(values)]
    if any(not 0 <= v <= 1 for v in found):
        raise ValueError(f"thresholds must be in [0, 1], got {values!r}")
    return found


class _Counts(Metric):
    """True and false positives and negatives at one or more thresholds, as float64 arrays (thresholds[, labels])."""

    _state: tuple[str, ...] = ("true_positives", "true_negatives", "false_positives", "false_negatives")

    def __init__(
        self,
        thresholds: list[float],
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        per_label: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        if top_k is not None:
            check_count("top_k", top_k)
        self.top_k, self.class_id, self.per_label = top_k, class_id, per_label
        self.label_weights: Array | None = None
        self.reset_state()

    def reset_state(self) -> None:
        zeros = np.zeros(len(self.thresholds))
        self.true_positives, self.false_positives = zeros, zeros.copy()
        self.true_negatives, self.false_negatives = zeros.copy(), zeros.copy()

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            sample_weight = with_mask(sample_weight, mask)
        scores = np.asarray(value_of(y_pred))
        if scores.dtype.kind != "f":
            scores = scores.astype(self.dtype)
        scores, truth = same_rank(scores, dense_labels(y_true))
        if scores.shape != truth.shape:
            raise ValueError(f"{self.name}: y_true must have the predictions' shape {scores.shape}, got {truth.shape}")
        weight = np.ones((1,) * scores.ndim)
        if sample_weight is not None:
            weight = np.asarray(value_of(sample_weight), np.float64)
            weight = weight.reshape(weight.shape + (1,) * (scores.ndim - weight.ndim))
        if self.top_k is not None:
            order = np.argsort(-scores, axis=-1, kind="stable")[..., : self.top_k]
            kept = np.full_like(scores, _FLOOR)
            np.put_along_axis(kept, order, np.take_along_axis(scores, order, -1), -1)
            scores = kept
        if self.class_id is not None:
            if scores.ndim < 2:
                raise ValueError(f"{self.name}: class_id needs predictions (..., classes), got shape {scores.shape}")
            truth, scores = truth[..., self.class_id, None], scores[..., self.class_id, None]
        if self.label_weights is not None and not self.per_label:
            weight = weight * self.label_weights
        self._count(truth.astype(bool), scores, np.broadcast_to(weight, scores.shape))

    def _count(self, truth: Array, scores: Array, weight: Array) -> None:
        if self.per_label:
            columns = [self._sums(truth[:, j], scores[:, j], weight[:, j]) for j in range(scores.shape[1])]
            counts = [np.stack(parts, axis=1) for parts in zip(*columns, strict=True)]
            if self.true_positives.ndim == 1:
                shape = (len(self.thresholds), scores.shape[1])
                self.true_positives, self.false_positives = np.zeros(shape), np.zeros(shape)
                self.true_negatives, self.false_negatives = np.zeros(shape), np.zeros(shape)
        else:
            counts = list(self._sums(truth.reshape(-1), scores.reshape(-1), weight.reshape(-1)))
        tp, fp, fn, tn = counts
        self.true_positives = self.true_positives + tp
        self.false_positives = self.false_positives + fp
        self.false_negatives = self.false_negatives + fn
        self.true_negatives = self.true_negatives + tn

    def _sums(self, truth: Array, scores: Array, weight: Array) -> tuple[Array, Array, Array, Array]:
        """For each threshold the weights of positives and negatives with a score above it, and the rest."""
        limits = np.asarray(self.thresholds, scores.dtype)
        rank = np.argsort(limits, kind="stable")
        # how many thresholds, in ascending order, each score exceeds
        bucket = np.searchsorted(limits[rank], scores, side="left")
        above = []
        for chosen in (truth, ~truth):
            sums = np.bincount(bucket[chosen], weights=weight[chosen], minlength=len(limits) + 1)
            total = sums.sum()
            over = np.empty(len(limits))
            over[rank] = sums[::-1].cumsum()[::-1][1:]
            above.append((over, total - over))
        (tp, fn), (fp, tn) = above
        return tp, fp, fn, tn


class _OneCount(_Counts):
    which = ""

    def __init__(
        self, thresholds: float | Sequence[float] | None = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(_thresholds(thresholds, 0.5), name=name, dtype=dtype)
        self.init_thresholds = thresholds

    def result(self) -> Any:
        counts = getattr(self, self.which)
        return float(counts[0]) if len(counts) == 1 else counts.copy()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_OneCount):
    """How many (what weight of) positives were predicted above the threshold."""

    which, direction, _state = "true_positives", "up", ("true_positives",)


class TrueNegatives(_OneCount):
    """How many negatives were predicted at or below the threshold."""

    which, direction, _state = "true_negatives", "up", ("true_negatives",)


class FalsePositives(_OneCount):
    """How many negatives were predicted above the threshold."""

    which, direction, _state = "false_positives", "down", ("false_positives",)


class FalseNegatives(_OneCount):
    """How many positives were predicted at or below the threshold."""

    which, direction, _state = "false_negatives", "down", ("false_negatives",)


class _Share(_Counts):
    direction = "up"

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(_thresholds(thresholds, 0.5 if top_k is None else _FLOOR), top_k, class_id, name, dtype)
        self.init_thresholds = thresholds

    def _result(self, wrong: Array) -> Any:
        share = _ratio(self.true_positives, self.true_positives + wrong)
        return float(share[0]) if len(share) == 1 else share

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Share):
    """``TP / (TP + FP)``: how many of the predicted positives are positive.

    thresholds : a number or list in [0, 1], 0.5 by default
    top_k : only the k best predictions of a row count as positive
    class_id : look at this class alone
    """

    _state = ("true_positives", "false_positives")

    def result(self) -> Any:
        return self._result(self.false_positives)


class Recall(_Share):
    """``TP / (TP + FN)``: how many of the positives were predicted. Arguments as :class:`Precision`."""

    _state = ("true_positives", "false_negatives")

    def result(self) -> Any:
        return self._result(self.false_negatives)


class AUC(_Counts):
    """The area under the ROC or precision-recall curve, by Riemann sums over `num_thresholds` thresholds.

    curve : "ROC" or "PR"
    summation_method : "interpolation", "minoring" or "majoring"
    thresholds : inner thresholds of one's own, in place of even ones
    multi_label : average over the columns of (B, labels), weighted by `label_weights`
    from_logits : predictions pass through a sigmoid first
    """

    direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if str(curve).upper() not in ("ROC", "PR"):
            raise ValueError(f"curve must be 'ROC' or 'PR', got {curve!r}")
        if str(summation_method).lower() not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                f"summation_method must be 'interpolation', 'minoring' or 'majoring', got {summation_method!r}"
            )
        if num_labels and not multi_label:
            raise ValueError("num_labels is for multi_label=True only")
        if thresholds is None:
            check_count("num_thresholds", num_thresholds, 2)
            check_size("num_thresholds", num_thresholds)
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        else:
            inner = sorted(_thresholds(thresholds, 0.5))
        self.init_thresholds = None if thresholds is None else inner
        self.num_thresholds = len(inner) + 2
        self.curve, self.summation_method = str(curve).upper(), str(summation_method).lower()
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        super().__init__([-epsilon(), *inner, 1.0 + epsilon()], name=name, dtype=dtype, per_label=multi_label)
        self.label_weights = None if label_weights is None else np.asarray(label_weights, np.float64)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        if self.from_logits:
            from recurra import ops

            mask = getattr(y_pred, "_keras_mask", None)
            y_pred = ops.sigmoid(np.asarray(value_of(y_pred)))
            if mask is not None:
                sample_weight = with_mask(sample_weight, mask)
        if self.num_labels and np.shape(value_of(y_pred))[1:] != (self.num_labels,):
            raise ValueError(
                f"y_pred must have shape (B, num_labels) = (B, {self.num_labels}), got {np.shape(value_of(y_pred))}"
            )
        super().update_state(y_true, y_pred, sample_weight)

    def _over_labels(self, areas: Array) -> float:
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean())
        return float(_ratio(np.sum(areas * self.label_weights), self.label_weights.sum()))

    def result(self) -> float:
        tp, fp, tn, fn = self.true_positives, self.false_positives, self.true_negatives, self.false_negatives
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(self._interpolated_pr())
        recall = _ratio(tp, tp + fn)
        if self.curve == "ROC":
            x, y = _ratio(fp, fp + tn), recall
        else:
            x, y = recall, _ratio(tp, tp + fp)
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        else:
            heights = (np.minimum if self.summation_method == "minoring" else np.maximum)(y[:-1], y[1:])
        return self._over_labels(((x[:-1] - x[1:]) * heights).sum(axis=0))

    def _interpolated_pr(self) -> Array:
        """Precision between two thresholds follows the true hyperbola, not a straight line."""
        tp, positive = self.true_positives, self.true_positives + self.false_positives
        dtp, dp = tp[:-1] - tp[1:], positive[:-1] - positive[1:]
        slope = _ratio(dtp, np.maximum(dp, 0))
        intercept = tp[1:] - slope * positive[1:]
        both = (positive[:-1] > 0) & (positive[1:] > 0)
        ratio = np.where(both, _ratio(positive[:-1], np.maximum(positive[1:], 0)), 1.0)
        area = _ratio(slope * (dtp + intercept * np.log(ratio)), np.maximum(tp[1:] + self.false_negatives[1:], 0))
        return np.asarray(area.sum(axis=0))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self.from_logits,
            "thresholds": self.init_thresholds,
        }
