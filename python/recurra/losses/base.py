"""Losses as objects: a function, its settings and a reduction.

``loss(y_true, y_pred, sample_weight=None)`` gives one number (or the values themselves with ``reduction="none"``). A
mask that travels with `y_pred` (from ``Embedding(mask_zero=True)`` or ``Masking``) leaves the masked steps out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.losses.reduction import as_float, check_reduction, reduce_weighted
from recurra.naming import missing_attribute, to_snake_case
from recurra.typing import ArrayLike


class Loss:
    """Base class of losses: override :meth:`call`.

    name : shown in error messages and configurations
    reduction : "sum_over_batch_size" (the mean over all values), "mean_with_sample_weight", "sum", or "none"
    dtype : "float32" or "float64" to compute in; by default the predictions' own
    """

    _keras_module = "keras.losses"
    #: whether the labels are class ids
    of_ids = False

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        self.name = name or to_snake_case(type(self).__name__)
        self.reduction = check_reduction(reduction)
        self.dtype = dtype

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return missing_attribute(self, name, "dtype" in self.__dict__)

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """The loss of predictions for the truth, weighted and reduced."""
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None and self.of_ids:
            from recurra.losses.labels import without_masked

            y_true = without_masked(y_true, mask)
        pred = as_float(y_pred)
        if self.dtype is not None and pred.dtype != self.dtype:
            from recurra import ops

            pred = ops.cast(pred, self.dtype)
        values = self.call(y_true, pred)
        valid = self.valid(y_true, pred)
        if valid is not None:
            mask = valid if mask is None else np.asarray(mask, bool) & valid
        return reduce_weighted(values, sample_weight, mask, self.reduction)

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Any:
        """The loss of each sample (or step), before weighting."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def valid(self, y_true: ArrayLike, y_pred: ArrayLike) -> Any:
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
    """Any function ``fn(y_true, y_pred, **kwargs)`` as a loss.

    ``fn.of_ids = True`` says that its labels are class ids.
    """

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
        self.of_ids = getattr(fn, "of_ids", False)

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Any:
        return self.fn(y_true, y_pred, **self._kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": self.fn.__name__, **self._kwargs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Loss:
        settings = dict(config)
        if isinstance(settings.get("fn"), str):
            from recurra.losses.names import get

            found = get(settings["fn"])
            settings["fn"] = found.fn if isinstance(found, LossFunctionWrapper) else found
        return cls(**settings)


class PlainLoss(LossFunctionWrapper):
    """A loss whose only settings are the common ones."""

    function: Callable[..., Any]
    default_name = ""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(type(self).function, reduction, name or self.default_name, dtype)

    def get_config(self) -> dict[str, Any]:
        return Loss.get_config(self)


class ConfiguredLoss(LossFunctionWrapper):
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
