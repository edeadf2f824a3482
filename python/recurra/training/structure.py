"""Targets, predictions and weights of models with one or several outputs, as flat lists in the outputs' order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def flatten_outputs(outputs: Any) -> tuple[list[Any], list[str] | None]:
    """What a model returned as a list, and the names if it was a dict."""
    if isinstance(outputs, Mapping):
        return list(outputs.values()), [str(key) for key in outputs]
    if isinstance(outputs, (list, tuple)):
        flat: list[Any] = []
        for item in outputs:
            flat.extend(flatten_outputs(item)[0] if isinstance(item, (list, tuple)) else [item])
        return flat, None
    return [outputs], None


def default_names(count: int) -> list[str]:
    """What the outputs of a model without a graph are called."""
    return ["output"] if count == 1 else [f"output_{i + 1}" for i in range(count)]


def align(value: Any, names: Sequence[str], argument: str, repeat: bool = False) -> list[Any]:
    """One entry of `value` for each output.

    value : None, one entry (for one output, or for all with `repeat`), a list in the outputs' order, or a dict by name
    raises : ValueError naming `argument`, the outputs and what came
    """
    count = len(names)
    if value is None:
        return [None] * count
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in names]
        if unknown:
            raise ValueError(f"{argument} has the keys {unknown}, but the model's outputs are {list(names)}")
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) == count:
            return list(value)
        raise ValueError(f"{argument} must have one entry for each of the outputs {list(names)}, got {len(value)}")
    if count == 1 or repeat:
        return [value] * count
    raise ValueError(f"{argument} must be a list or dict with one entry for each of the outputs {list(names)}")
