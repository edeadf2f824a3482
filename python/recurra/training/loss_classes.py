"""Losses as objects: a function, its settings and a reduction.

``loss(y_true, y_pred, sample_weight=None)`` gives one number (or the values themselves with ``reduction="none"``). A
mask that travels with `y_pred` (from ``Embedding(mask_zero=True)`` or ``Masking``) leaves the masked steps out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recurra.autograd import value_of
from recurra.registry import serialize_keras_object
from recurra.training import losses as f
from recurra.training.naming import lookup, snake_case
from recurra.training.reduction import as_float, check_reduction, reduce_weighted


class Loss:
    """Base class of losses: override :meth:`call`.

    name : shown in error messages and configurations
    reduction : "sum_over_batch_size" (the mean over all values), "mean_with_sample_weight", "sum", or "none"
    dtype : "float32" or "float64" to compute in; by default the predictions' own
    """

    _keras_module = "keras.losses"

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.reduction = check_reduction(reduction)
        self.dtype = dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of predictions for the truth, weighted and reduced."""
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = as_float(y_pred)
        if self.dtype is not None and y_pred.dtype != self.dtype:
            from recurra import ops

            y_pred = ops.cast(y_pred, self.dtype)
        values = self.call(y_true, y_pred)
        valid = self.valid(y_true, y_pred)
        if valid is not None:
            mask = valid if mask is None else np.asarray(mask, bool) & valid
        return reduce_weighted(values, sample_weight, mask, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample (or step), before weighting."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        """A bool array of the values that count, or None when all do."""
        return None

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Loss:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} reduction={self.reduction!r}>"


class LossFunctionWrapper(Loss):
    """Any function ``fn(y_true, y_pred, **kwargs)`` as a loss."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self._kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(y_true, y_pred, **self._kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": self.fn.__name__, **self._kwargs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Loss:
        settings = dict(config)
        if isinstance(settings.get("fn"), str):
            found = get(settings["fn"])
            settings["fn"] = found.fn if isinstance(found, LossFunctionWrapper) else found
        return cls(**settings)


class _Plain(LossFunctionWrapper):
    """A loss whose only settings are the common ones."""

    function: Callable[..., Any]
    default_name = ""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(type(self).function, reduction, name or self.default_name, dtype)

    def get_config(self) -> dict[str, Any]:
        return Loss.get_config(self)


class MeanSquaredError(_Plain):
    """Mean of squared errors, see :func:`recurra.losses.mean_squared_error`."""

    function, default_name = f.mean_squared_error, "mean_squared_error"


class MeanAbsoluteError(_Plain):
    """Mean of absolute errors, see :func:`recurra.losses.mean_absolute_error`."""

    function, default_name = f.mean_absolute_error, "mean_absolute_error"


class MeanAbsolutePercentageError(_Plain):
    """Mean of absolute errors in percent, see :func:`recurra.losses.mean_absolute_percentage_error`."""

    function, default_name = f.mean_absolute_percentage_error, "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(_Plain):
    """Mean of squared errors of logarithms, see :func:`recurra.losses.mean_squared_logarithmic_error`."""

    function, default_name = f.mean_squared_logarithmic_error, "mean_squared_logarithmic_error"


class LogCosh(_Plain):
    """Mean of log-cosh errors, see :func:`recurra.losses.log_cosh`."""

    function, default_name = f.log_cosh, "log_cosh"


class Hinge(_Plain):
    """Hinge loss, see :func:`recurra.losses.hinge`."""

    function, default_name = f.hinge, "hinge"


class SquaredHinge(_Plain):
    """Squared hinge loss, see :func:`recurra.losses.squared_hinge`."""

    function, default_name = f.squared_hinge, "squared_hinge"


class CategoricalHinge(_Plain):
    """Hinge loss over classes, see :func:`recurra.losses.categorical_hinge`."""

    function, default_name = f.categorical_hinge, "categorical_hinge"


class KLDivergence(_Plain):
    """Kullback-Leibler divergence, see :func:`recurra.losses.kl_divergence`."""

    function, default_name = f.kl_divergence, "kl_divergence"


class Poisson(_Plain):
    """Poisson loss, see :func:`recurra.losses.poisson`."""

    function, default_name = f.poisson, "poisson"


class _Configured(LossFunctionWrapper):
    """A loss whose own settings are the function's keyword arguments, and attributes of the object."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None,
        name: str | None,
        dtype: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fn, reduction, name, dtype, **kwargs)
        for key, value in kwargs.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._kwargs}


class CosineSimilarity(_Configured):
    """Minus the cosine similarity along `axis`, see :func:`recurra.losses.cosine_similarity`."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(f.cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(_Configured):
    """Huber loss: squared near zero, absolute beyond `delta`, see :func:`recurra.losses.huber`."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(f.huber, reduction, name, dtype, delta=delta)


class BinaryCrossentropy(_Configured):
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
            f.binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class BinaryFocalCrossentropy(_Configured):
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
            f.binary_focal_crossentropy, reduction, name, dtype,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalCrossentropy(_Configured):
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
            f.categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalFocalCrossentropy(_Configured):
    """Categorical cross-entropy for the hard samples, see :func:`recurra.losses.categorical_focal_crossentropy`."""

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            f.categorical_focal_crossentropy, reduction, name, dtype,
            alpha=alpha, gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(_Configured):
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
            f.sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip
        self.ignore_class = ignore_class

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        if self.ignore_class is None:
            return None
        labels = np.asarray(value_of(y_true))
        valid: Any = labels != self.ignore_class
        return valid[..., 0] if labels.ndim == len(y_pred.shape) and labels.shape[-1] == 1 else valid


CLASSES: dict[str, type[Loss]] = {
    cls.__name__: cls
    for cls in (
        MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, LogCosh,
        Hinge, SquaredHinge, CategoricalHinge, KLDivergence, Poisson, CosineSimilarity, Huber, BinaryCrossentropy,
        BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy, SparseCategoricalCrossentropy,
    )
}  # fmt: skip

FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        f.mean_squared_error, f.mean_absolute_error, f.mean_absolute_percentage_error,
        f.mean_squared_logarithmic_error, f.log_cosh, f.hinge, f.squared_hinge, f.categorical_hinge,
        f.kl_divergence, f.poisson, f.cosine_similarity, f.huber, f.binary_crossentropy,
        f.binary_focal_crossentropy, f.categorical_crossentropy, f.categorical_focal_crossentropy,
        f.sparse_categorical_crossentropy,
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


def get(identifier: Any) -> Any:
    """A loss from its name, class, configuration or the function itself.

    identifier : "mse", "MeanSquaredError", ``{"class_name": ..., "config": ...}``, a Loss, a function, or None
    raises : ValueError for a name that no loss has, with the nearest names
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        found = lookup("loss", identifier, {**FUNCTIONS, **CLASSES})
        return found() if isinstance(found, type) else found
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(
        f"loss must be a name, a Loss, a function (y_true, y_pred) or a list or dict of these, got {identifier!r}"
    )


def serialize(loss: Any) -> Any:
    """The name of a loss function, or ``{"class_name": ..., "config": ...}`` of a Loss."""
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss that :func:`serialize` wrote."""
    if isinstance(name, str):
        return lookup("loss", name, {**FUNCTIONS, **CLASSES}, custom_objects)
    if name["class_name"] == "function":  # how Keras 3 writes a loss function
        return lookup("loss", name["config"], FUNCTIONS, custom_objects)
    cls = lookup("loss", name["class_name"], CLASSES, custom_objects)
    return cls.from_config(name["config"])


def as_loss(identifier: Any) -> Loss:
    """`identifier` as a Loss that averages over the samples."""
    found = get(identifier)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)
