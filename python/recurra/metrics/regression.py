"""Metrics of numbers: means of errors, the root of one, cosine similarity, the share of variance explained."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recurra import losses
from recurra.autograd import Array, value_of
from recurra.losses.reduction import same_rank
from recurra.metrics.base import Mean, MeanMetricWrapper, MeanOf, Metric, dense_labels, with_mask
from recurra.typing import ArrayLike


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Any:
    """The cosine of the angle between `y_true` and `y_pred` along `axis`: 1 where they agree."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class MeanSquaredError(MeanOf):
    """Mean of squared errors."""

    function, default_name = losses.mean_squared_error, "mean_squared_error"


class MeanAbsoluteError(MeanOf):
    """Mean of absolute errors."""

    function, default_name = losses.mean_absolute_error, "mean_absolute_error"


class MeanAbsolutePercentageError(MeanOf):
    """Mean of absolute errors in percent of the labels."""

    function, default_name = losses.mean_absolute_percentage_error, "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(MeanOf):
    """Mean of squared errors of ``log(1 + y)``."""

    function, default_name = losses.mean_squared_logarithmic_error, "mean_squared_logarithmic_error"


class LogCoshError(MeanOf):
    """Mean of the logarithm of the hyperbolic cosine of the error."""

    function, default_name = losses.log_cosh, "logcosh"


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine similarity along `axis`: 1 is best."""

    direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """The root of the mean of squared errors."""

    direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            sample_weight = with_mask(sample_weight, mask)
        prediction = np.asarray(value_of(y_pred))
        truth, prediction = same_rank(dense_labels(y_true), prediction)
        super().update_state(np.square(prediction - truth), sample_weight)

    def result(self) -> float:
        return math.sqrt(super().result())


class R2Score(Metric):
    """``1 - sum((y - p)**2) / sum((y - mean y)**2)`` for (B, outputs).

    class_aggregation : "uniform_average", "variance_weighted_average" or None (one score for each output)
    num_regressors : with p > 0, the score adjusted for p independent variables
    """

    _state = ("squares", "total", "residual", "count")

    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "class_aggregation must be None, 'uniform_average' or 'variance_weighted_average', "
                f"got {class_aggregation!r}"
            )
        if num_regressors < 0:
            raise ValueError(f"num_regressors must be >= 0, got {num_regressors!r}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.reset_state()

    def reset_state(self) -> None:
        self.samples = 0
        self.count: Array = np.zeros(())
        self.total: Array = np.zeros(())
        self.squares: Array = np.zeros(())
        self.residual: Array = np.zeros(())

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        truth, prediction = same_rank(
            np.asarray(dense_labels(y_true), np.float64), np.asarray(value_of(y_pred), np.float64)
        )
        if truth.ndim != 2 or truth.shape != prediction.shape:
            raise ValueError(
                f"{self.name}: y_true and y_pred must have one shape (B, outputs), got {truth.shape}, "
                f"{prediction.shape}"
            )
        weight = np.ones((1, 1)) if sample_weight is None else np.asarray(value_of(sample_weight), np.float64)
        if weight.ndim == 1:
            weight = weight[:, None]
        weight = np.broadcast_to(weight, truth.shape)
        self.count = self.count + weight.sum(axis=0)
        self.total = self.total + (truth * weight).sum(axis=0)
        self.squares = self.squares + (truth * truth * weight).sum(axis=0)
        self.residual = self.residual + (np.square(truth - prediction) * weight).sum(axis=0)
        self.samples += truth.size

    def result(self) -> Any:
        spread = self.squares - self.total * self.total / self.count
        with np.errstate(divide="ignore", invalid="ignore"):
            score = 1 - self.residual / spread
        score = np.where(np.isinf(score), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = score.mean()
        elif self.class_aggregation == "variance_weighted_average":
            score = (spread * score).sum() / spread.sum()
        if self.num_regressors and self.num_regressors < self.samples - 1:
            score = 1 - (1 - score) * (self.samples - 1) / (self.samples - self.num_regressors - 1)
        return np.asarray(score) if self.class_aggregation is None else float(score)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
