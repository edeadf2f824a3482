"""The losses by name: ``get``, ``serialize`` and ``deserialize``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from recurra.losses.base import Loss, LossFunctionWrapper
from recurra.losses.margin import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from recurra.losses.overlap import Dice, Tversky, dice, tversky
from recurra.losses.probabilistic import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from recurra.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from recurra.losses.sequence import CTC, ctc
from recurra.losses.similarity import Circle, circle
from recurra.registry import Registry
from recurra.typing import LossLike

CLASSES: dict[str, type[Loss]] = {
    cls.__name__: cls
    for cls in (
        MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, LogCosh,
        Hinge, SquaredHinge, CategoricalHinge, KLDivergence, Poisson, CosineSimilarity, Huber, BinaryCrossentropy,
        BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy, SparseCategoricalCrossentropy,
        CTC, Circle, Dice, Tversky, CategoricalGeneralizedCrossEntropy,
    )
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        mean_squared_error, mean_absolute_error, mean_absolute_percentage_error,
        mean_squared_logarithmic_error, log_cosh, hinge, squared_hinge, categorical_hinge,
        kl_divergence, poisson, cosine_similarity, huber, binary_crossentropy,
        binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
        sparse_categorical_crossentropy, ctc, circle, dice, tversky, categorical_generalized_cross_entropy,
    )
}  # fmt: skip
ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "bce": "binary_crossentropy",
    "logcosh": "log_cosh",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
}
for _short, _long in ALIASES.items():
    FUNCTIONS[_short] = FUNCTIONS[_long]
    FUNCTIONS[_short.upper()] = FUNCTIONS[_long]


_registry = Registry(
    "loss",
    {**FUNCTIONS, **CLASSES},
    base=Loss,
    any_case=True,
    accepts="a name, a Loss, a function (y_true, y_pred) or a list or dict of these",
    error=TypeError,
)


def get(identifier: LossLike | None) -> Any:
    """A loss from its name, class, configuration or the function itself.

    identifier : "mse", "MeanSquaredError", ``{"class_name": ..., "config": ...}``, a Loss, a function, or None
    raises : ValueError for a name that no loss has, with the nearest names
    """
    return _registry.get(identifier)


def serialize(loss: Any) -> Any:
    """The name of a loss function, or ``{"class_name": ..., "config": ...}`` of a Loss."""
    return _registry.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss that :func:`serialize` wrote."""
    return _registry.deserialize(name, custom_objects)


def is_loss(fn: Any) -> bool:
    """Whether `fn` is a Loss or one of the functions here, so that less of it is better."""
    return isinstance(fn, Loss) or any(fn is known for known in FUNCTIONS.values())


def as_loss(identifier: LossLike | None) -> Loss:
    """`identifier` as a Loss that averages over the samples."""
    found = get(identifier)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)
