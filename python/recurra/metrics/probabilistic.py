"""Means of cross-entropies and divergences, and perplexity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recurra import losses
from recurra.autograd import value_of
from recurra.losses.labels import is_one_hot
from recurra.metrics.base import Mean, MeanMetricWrapper, MeanOf, dense_labels
from recurra.typing import ArrayLike


class KLDivergence(MeanOf):
    """Mean Kullback-Leibler divergence."""

    function, default_name = losses.kl_divergence, "kl_divergence"


class Poisson(MeanOf):
    """Mean Poisson loss."""

    function, default_name = losses.poisson, "poisson"


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
            losses.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


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

    def update_state(self, y_true: Any, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
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
