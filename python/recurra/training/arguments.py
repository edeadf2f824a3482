"""Arguments of fit, evaluate and predict, checked and taken apart; results as they are returned."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from recurra.autograd import Tensor, value_of
from recurra.training.batches import as_arrays, count_samples, split_last
from recurra.training.sources import is_batches
from recurra.tree import PLAIN, map_structure


def plain_arrays(outputs: Any) -> Any:
    """Outputs as plain arrays, without masks."""
    if type(outputs) is np.ndarray:
        return outputs
    return map_structure(
        lambda leaf: np.asarray(value_of(leaf)) if isinstance(leaf, (np.ndarray, Tensor)) else leaf, outputs, PLAIN
    )


def in_order(logs: dict[str, Any]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def check_fit(epochs: Any, initial_epoch: Any, shuffle: Any, validation_freq: Any) -> Any:
    """ValueError where one of these arguments of ``fit`` has no meaning; gives `validation_freq`, any number as int."""
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise ValueError(f"{name} must be an int >= 0, got {value!r}")
    if isinstance(shuffle, str) and shuffle != "batch":
        raise ValueError(f"shuffle must be True, False or 'batch', got {shuffle!r}")
    if not isinstance(validation_freq, str) and hasattr(validation_freq, "__contains__"):
        return validation_freq
    if not isinstance(validation_freq, (int, np.integer)) or validation_freq < 1:
        raise ValueError(f"validation_freq must be an int >= 1 or a list of epochs, got {validation_freq!r}")
    return int(validation_freq)


def check_steps(steps: Any, name: str, batches: int | None = None) -> int | None:
    """`steps` as an int, None for all; a warning where there are fewer `batches` (None: not known)."""
    if steps is None or (isinstance(steps, int) and steps == -1):
        return None
    if isinstance(steps, float) and steps.is_integer():
        steps = int(steps)
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ValueError(f"{name} must be an int >= 1 or None, got {steps!r}")
    if batches is not None and batches < steps:
        warnings.warn(
            f"{name} asks for {steps} batches, and the data has {batches}: repeat it, or ask for fewer", stacklevel=3
        )
    return int(steps)


def hold_out(x: Any, y: Any, weight: Any, split: float) -> tuple[Any, Any, Any, Any]:
    """The samples to train on, and the last ones for validation, as views."""
    if isinstance(split, str) or not 0 < split < 1:
        raise ValueError(f"validation_split must be in (0, 1), got {split!r}")
    if is_batches(x):
        raise ValueError("validation_split needs arrays; with batches pass validation_data")
    x, y, weight = as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(weight, "sample_weight")
    samples = count_samples(("x", x), ("y", y), ("sample_weight", weight))
    start = math.floor(samples * (1.0 - split))
    if start in (0, samples):
        raise ValueError(
            f"validation_split={split} of {samples} samples leaves {start} for training and {samples - start} "
            "for validation: both must have some"
        )
    (x, x_held), (y, y_held), (weight, w_held) = (split_last(part, start) for part in (x, y, weight))
    return x, y, weight, (x_held, y_held, w_held)


def is_batch_list(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(item, tuple) for item in data)
