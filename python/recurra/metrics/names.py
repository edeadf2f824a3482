"""The metrics by name: ``get``, ``serialize`` and ``deserialize``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.metrics import accuracy as acc
from recurra.metrics import confusion, correlation, f_score, operating_point, overlap
from recurra.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from recurra.metrics.margin import CategoricalHinge, Hinge, SquaredHinge
from recurra.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Perplexity,
    Poisson,
    SparseCategoricalCrossentropy,
)
from recurra.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)
from recurra.registry import Registry
from recurra.typing import MetricLike

CLASSES: dict[str, type[Metric]] = {
    cls.__name__: cls
    for cls in (
        Mean, Sum, MeanMetricWrapper,
        acc.Accuracy, acc.BinaryAccuracy, acc.CategoricalAccuracy, acc.SparseCategoricalAccuracy,
        acc.TopKCategoricalAccuracy, acc.SparseTopKCategoricalAccuracy,
        confusion.Precision, confusion.Recall, confusion.AUC, f_score.FBetaScore, f_score.F1Score,
        confusion.TruePositives, confusion.TrueNegatives, confusion.FalsePositives, confusion.FalseNegatives,
        MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError, LogCoshError, R2Score, CosineSimilarity, Hinge, SquaredHinge, CategoricalHinge,
        KLDivergence, Poisson, BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, Perplexity,
        correlation.PearsonCorrelation, correlation.ConcordanceCorrelation, overlap.BinaryIoU, overlap.IoU,
        overlap.MeanIoU, overlap.OneHotIoU, overlap.OneHotMeanIoU, operating_point.SensitivityAtSpecificity,
        operating_point.SpecificityAtSensitivity, operating_point.PrecisionAtRecall,
        operating_point.RecallAtPrecision,
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
    "f1_score": f_score.F1Score,
    "f1": f_score.F1Score,
    "fbeta_score": f_score.FBetaScore,
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


_registry = Registry(
    "metric",
    {**NAMES, "accuracy": acc.Accuracy, "acc": acc.Accuracy},
    base=Metric,
    any_case=True,
    accepts="a name, a Metric or a function (y_true, y_pred)",
    error=TypeError,
)


def get(identifier: MetricLike | None) -> Any:
    """A metric from its name, class, configuration, or the Metric or function itself.

    raises : ValueError for an unknown name, with the nearest ones
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return acc.Accuracy(name=identifier)
    return _registry.get(identifier)


def serialize(metric: Any) -> Any:
    """The name of a metric function, or ``{"class_name": ..., "config": ...}`` of a Metric."""
    return _registry.serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The metric that :func:`serialize` wrote."""
    return _registry.deserialize(config, custom_objects)
