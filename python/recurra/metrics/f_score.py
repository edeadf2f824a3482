"""F scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.config import epsilon
from recurra.losses.reduction import same_rank
from recurra.metrics.base import Metric, dense_labels
from recurra.typing import ArrayLike


class FBetaScore(Metric):
    """``(1 + b**2) P R / (b**2 P + R)`` of precision P and recall R of each class.

    average : None (one score for each class), "micro" (all decisions together), "macro" (mean), "weighted" (mean by
        the number of positives)
    threshold : scores above it are positive; None: the greatest of each row
    """

    _state = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")

    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"average must be None, 'micro', 'macro' or 'weighted', got {average!r}")
        if not isinstance(beta, (int, float)) or not beta > 0:
            raise ValueError(f"beta must be a number > 0, got {beta!r}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1] or None, got {threshold!r}")
        self.average, self.beta, self.threshold = average, float(beta), threshold
        self.reset_state()

    def reset_state(self) -> None:
        self.true_positives: Array = np.zeros(())
        self.false_positives: Array = np.zeros(())
        self.false_negatives: Array = np.zeros(())
        self.intermediate_weights: Array = np.zeros(())

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        scores = np.asarray(value_of(y_pred), np.float64)
        truth, scores = same_rank(np.asarray(dense_labels(y_true), np.float64), scores)
        if scores.ndim != 2 or truth.shape != scores.shape:
            raise ValueError(
                f"{self.name}: y_true and y_pred must have one shape (B, classes), got {truth.shape}, {scores.shape}"
            )
        if self.threshold is None:
            chosen = (scores >= scores.max(axis=-1, keepdims=True)) & (np.abs(scores) > 1e-9)
        else:
            chosen = scores > self.threshold
        weight = np.ones((1, 1)) if sample_weight is None else np.asarray(value_of(sample_weight)).reshape(-1, 1)
        axis = None if self.average == "micro" else 0

        def total(values: Array) -> Array:
            return np.asarray((values * weight).sum(axis=axis))

        self.true_positives = self.true_positives + total(chosen * truth)
        self.false_positives = self.false_positives + total(chosen * (1 - truth))
        self.false_negatives = self.false_negatives + total((1.0 - chosen) * truth)
        self.intermediate_weights = self.intermediate_weights + total(truth)

    def result(self) -> Any:
        tiny = epsilon()
        precision = self.true_positives / (self.true_positives + self.false_positives + tiny)
        recall = self.true_positives / (self.true_positives + self.false_negatives + tiny)
        square = self.beta**2
        score = (1 + square) * precision * recall / (square * precision + recall + tiny)
        if self.average == "weighted":
            return float((score * self.intermediate_weights / (self.intermediate_weights.sum() + tiny)).sum())
        return np.asarray(score) if self.average is None else float(np.mean(score))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """``2 P R / (P + R)``: :class:`FBetaScore` with beta 1."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
