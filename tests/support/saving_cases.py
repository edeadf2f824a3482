"""What the tests of files share: Keras's goldens, and models run and trained from zero states."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Golden(NamedTuple):
    """A model file, inputs, targets, predictions, and losses and predictions of three more steps."""

    path: Path
    x: list[Any]
    t: list[Any]
    y: list[Any]
    losses: Any
    after: list[Any]


def one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def as_list(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def predict(model: Any, x: list[Any]) -> list[Any]:
    """Predictions from zero states, which are left at zero."""
    y = as_list(model.predict(one_or_all(x), verbose=0))
    model.reset_states()
    return y


def train(model: Any, x: list[Any], t: list[Any], steps: int = 3) -> list[float]:
    losses = []
    for _ in range(steps):
        model.reset_metrics()
        losses.append(float(np.ravel(model.train_on_batch(one_or_all(x), one_or_all(t)))[0]))
        model.reset_states()
    return losses
