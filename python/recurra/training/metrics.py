"""Metrics that are means of losses and errors, and the table of all metrics by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recurra import losses
from recurra.autograd import Array, value_of
from recurra.losses.labels import is_one_hot
from recurra.losses.reduction import same_rank
from recurra.registry import serialize_keras_object
from recurra.training import accuracy as acc
from recurra.training import confusion
from recurra.training.metric import Mean, MeanMetricWrapper, Metric, Sum, dense_labels, with_mask
from recurra.training.naming import lookup


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between `y_true` and `y_pred` along `axis`: 1 where they agree."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class _MeanOf(MeanMetricWrapper):
    """The mean of one function without settings."""

    function: Callable[..., Any]
    default_name = ""
    direction: str | None = "down"

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(type(self).function, name or self.default_name, dtype)


class MeanSquaredError(_MeanOf):
    """Mean of squared errors."""

    function, default_name = losses.mean_squared_error, "mean_squared_error"


class MeanAbsoluteError(_MeanOf):
    """Mean of absolute errors."""

    function, default_name = losses.mean_absolute_error, "mean_absolute_error"


class MeanAbsolutePercentageError(_MeanOf):
    """Mean of absolute errors in percent of the labels."""

    function, default_name = losses.mean_absolute_percentage_error, "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(_MeanOf):
    """Mean of squared errors of ``log(1 + y)``."""

    function, default_name = losses.mean_squared_logarithmic_error, "mean_squared_logarithmic_error"


class LogCoshError(_MeanOf):
    """Mean of the logarithm of the hyperbolic cosine of the error."""

    function, default_name = losses.log_cosh, "logcosh"


class Hinge(_MeanOf):
    """Mean hinge loss."""

    function, default_name = losses.hinge, "hinge"


class SquaredHinge(_MeanOf):
    """Mean squared hinge loss."""

    function, default_name = losses.squared_hinge, "squared_hinge"


class CategoricalHinge(_MeanOf):
    """Mean hinge loss over classes."""

    function, default_name = losses.categorical_hinge, "categorical_hinge"


class KLDivergence(_MeanOf):
    """Mean Kullback-Leibler divergence."""

    function, default_name = losses.kl_divergence, "kl_divergence"


class Poisson(_MeanOf):
    """Mean Poisson loss."""

    function, default_name = losses.poisson, "poisson"


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

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            sample_weight = with_mask(sample_weight, mask)
        prediction = np.asarray(value_of(y_pred))
        truth, prediction = same_rank(dense_labels(y_true), prediction)
        super().update_state(np.square(prediction - truth), sample_weight)

    def result(self) -> float:
        return math.sqrt(super().result())


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean binary cross-entropy."""

    direction = "down"

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean categorical cross-entropy; one-hot or soft labels."""

    direction = "down"

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean categorical cross-entropy; labels are class ids, `ignore_class` not among those that count."""

    direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip


class Perplexity(Mean):
    """``exp`` of the mean cross-entropy of a token: how many words the model hesitates between.

    Labels are token ids (B, T) for predictions (B, T, V), or (B,) for (B, V). Every token counts the same.

    from_logits : predictions are logits, not probabilities
    mask_token_id : tokens with this label do not count
    """

    direction = "down"

    def __init__(
        self,
        from_logits: bool = False,
        mask_token_id: int | None = None,
        name: str = "perplexity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.mask_token_id = from_logits, mask_token_id

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        mask = getattr(y_pred, "_keras_mask", None)
        prediction = np.asarray(value_of(y_pred))
        ids = np.asarray(y_true.ids) if is_one_hot(y_true) else dense_labels(y_true)
        ids = ids.reshape(prediction.shape[:-1])
        if self.mask_token_id is not None:
            counts = ids != self.mask_token_id
            mask = counts if mask is None else np.asarray(mask, bool) & counts
        each = losses.sparse_categorical_crossentropy(
            ids, prediction, self.from_logits, ignore_class=self.mask_token_id
        )
        weight = np.ones(ids.shape) if mask is None else np.asarray(mask, np.float64)
        if sample_weight is not None:
            given = np.asarray(value_of(sample_weight), np.float64)
            weight = weight * given.reshape(given.shape + (1,) * (ids.ndim - given.ndim))
        self.total += float((np.asarray(each, np.float64) * weight).sum())
        self.count += float(weight.sum())

    def result(self) -> float:
        return math.exp(min(super().result(), 700.0)) if self.count else 0.0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits, "mask_token_id": self.mask_token_id}


class R2Score(Metric):
    """``1 - sum((y - p)**2) / sum((y - mean y)**2)`` for (B, outputs).

    class_aggregation : "uniform_average", "variance_weighted_average" or None (one score for each output)
    num_regressors : with p > 0, the score adjusted for p independent variables
    """

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

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
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


CLASSES: dict[str, type[Metric]] = {
    cls.__name__: cls
    for cls in (
        Mean, Sum, MeanMetricWrapper,
        acc.Accuracy, acc.BinaryAccuracy, acc.CategoricalAccuracy, acc.SparseCategoricalAccuracy,
        acc.TopKCategoricalAccuracy, acc.SparseTopKCategoricalAccuracy,
        confusion.Precision, confusion.Recall, confusion.AUC, confusion.FBetaScore, confusion.F1Score,
        confusion.TruePositives, confusion.TrueNegatives, confusion.FalsePositives, confusion.FalseNegatives,
        MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError, LogCoshError, R2Score, CosineSimilarity, Hinge, SquaredHinge, CategoricalHinge,
        KLDivergence, Poisson, BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, Perplexity,
    )
}  # fmt: skip
NAMES: dict[str, Any] = {
    **CLASSES,
    "binary_accuracy": acc.BinaryAccuracy,
    "categorical_accuracy": acc.CategoricalAccuracy,
    "sparse_categorical_accuracy": acc.SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": acc.TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": acc.SparseTopKCategoricalAccuracy,
    "precision": confusion.Precision,
    "recall": confusion.Recall,
    "auc": confusion.AUC,
    "f1_score": confusion.F1Score,
    "f1": confusion.F1Score,
    "fbeta_score": confusion.FBetaScore,
    "true_positives": confusion.TruePositives,
    "true_negatives": confusion.TrueNegatives,
    "false_positives": confusion.FalsePositives,
    "false_negatives": confusion.FalseNegatives,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "rmse": RootMeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mape": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "msle": MeanSquaredLogarithmicError,
    "logcosh": LogCoshError,
    "r2_score": R2Score,
    "cosine_similarity": CosineSimilarity,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "kl_divergence": KLDivergence,
    "kld": KLDivergence,
    "poisson": Poisson,
    "binary_crossentropy": BinaryCrossentropy,
    "bce": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "perplexity": Perplexity,
}
for _name in ("mse", "rmse", "mae", "mape", "msle", "kld"):
    NAMES[_name.upper()] = NAMES[_name]


def get(identifier: Any) -> Any:
    """A metric from its name, class, configuration, or the Metric or function itself.

    raises : ValueError for an unknown name, with the nearest ones
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() in ("accuracy", "acc"):
            return acc.Accuracy(name=identifier)
        found = lookup("metric", identifier, {**NAMES, "accuracy": None, "acc": None})
        return found() if isinstance(found, type) else found
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"metric must be a name, a Metric or a function (y_true, y_pred), got {identifier!r}")


def serialize(metric: Any) -> Any:
    """The name of a metric function, or ``{"class_name": ..., "config": ...}`` of a Metric."""
    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The metric that :func:`serialize` wrote."""
    if isinstance(config, str):
        return lookup("metric", config, NAMES, custom_objects)
    if config["class_name"] == "function":
        return lookup("metric", config["config"], NAMES, custom_objects)
    return lookup("metric", config["class_name"], CLASSES, custom_objects).from_config(config["config"])
