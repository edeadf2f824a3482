"""The share of words with the right label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.autograd import value_of
from recurra.metrics import Metric
from recurra.typing import ArrayLike


class WordAccuracy(Metric):
    """Right words over all words. Keras's accuracy averages each sentence over the steps of its batch first.

    decode : (scores, mask) -> label ids; None takes the label with the highest score
    """

    direction = "up"

    def __init__(self, decode: Callable[[Any, Any], Any] | None = None, name: str = "accuracy") -> None:
        super().__init__(name=name)
        self.decode = decode
        self.right = self.words = 0

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Count a batch: y_true (B, T) label ids, y_pred (B, T, C) scores with their mask, no weights.

        raises : ValueError for sample weights
        """
        if sample_weight is not None:
            raise ValueError("sample_weight must be None: words are counted")
        true, scores = np.asarray(value_of(y_true)), np.asarray(value_of(y_pred))
        mask = getattr(y_pred, "_keras_mask", None)
        kept = np.ones(true.shape, bool) if mask is None else np.asarray(value_of(mask)).astype(bool)
        found = scores.argmax(-1) if self.decode is None else np.asarray(self.decode(scores, kept))
        self.right += int(((found == true) & kept).sum())
        self.words += int(kept.sum())

    def result(self) -> float:
        return self.right / self.words if self.words else 0.0

    def reset_state(self) -> None:
        self.right = self.words = 0
