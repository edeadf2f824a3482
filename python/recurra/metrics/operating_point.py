"""The best of one rate where another is at least so much: sensitivity at specificity, precision at recall, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.metrics.base import check_count
from recurra.metrics.confusion import _Counts, _ratio


class _At(_Counts):
    """Base: `dependent` is the largest at the thresholds where `constrained` is at least `value`."""

    direction = "up"
    argument = ""

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"{self.argument} must be in [0, 1], got {value!r}")
        check_count("num_thresholds", num_thresholds)
        inner = [k / (num_thresholds - 1) for k in range(1, num_thresholds - 1)] if num_thresholds > 1 else []
        super().__init__([0.0, *inner, 1.0] if num_thresholds > 1 else [0.5], None, class_id, name, dtype)
        self.value, self.num_thresholds = float(value), num_thresholds

    def _rates(self) -> tuple[Array, Array]:
        """The rate that is bounded, and the one that is asked for, at each threshold."""
        raise NotImplementedError

    def result(self) -> float:
        constrained, dependent = self._rates()
        return float(np.where(constrained >= self.value, dependent, 0).max(initial=0))

    @property
    def _sensitivity(self) -> Array:
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def _specificity(self) -> Array:
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def _precision(self) -> Array:
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    def get_config(self) -> dict[str, Any]:
        config = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self.argument: self.value}
        return {**super().get_config(), **config}


class SensitivityAtSpecificity(_At):
    """The largest sensitivity (tp / (tp + fn)) where specificity (tn / (tn + fp)) is at least `specificity`."""

    argument = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Array, Array]:
        return self._specificity, self._sensitivity


class SpecificityAtSensitivity(_At):
    """The largest specificity where sensitivity is at least `sensitivity`."""

    argument = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Array, Array]:
        return self._sensitivity, self._specificity


class PrecisionAtRecall(_At):
    """The largest precision where recall is at least `recall`."""

    argument = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Array, Array]:
        return self._sensitivity, self._precision


class RecallAtPrecision(_At):
    """The largest recall where precision is at least `precision`."""

    argument = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Array, Array]:
        return self._precision, self._sensitivity
