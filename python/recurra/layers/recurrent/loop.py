"""The time loop for cells written in Python. Cells that a kernel knows do not come here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of

Step = Callable[[Any, list[Any]], "tuple[Any, list[Any]]"]


def run_loop(
    step: Step,
    x: Any,
    states: list[Any],
    mask: Any = None,
    *,
    reverse: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Any, list[Any]]:
    """Apply `step` to each time step of x.

    step : ``(x_t, states) -> (output, states)``
    x : (B, T, ...)
    states : nested lists of (B, ...)
    mask : (B, T) bool or None; where False the states stay and the output repeats the one before in the order of
        processing (zeros before the first), or is zeros with `zero_output_for_mask`
    reverse : from the last step to the first; outputs keep the places of their inputs
    returns : outputs (B, T, ...) or the last one in the order of processing (B, ...), and the final states
    """
    steps = ops.unstack(x, axis=1)
    count = len(steps)
    if count == 0:
        raise ValueError(f"sequences must have at least one time step, got shape {tuple(x.shape)}")
    valid = None
    if mask is not None:
        valid = np.asarray(value_of(mask)).astype(bool)
        if valid.shape != tuple(x.shape[:2]):
            raise ValueError(f"mask must have shape (B, T) = {tuple(x.shape[:2])}, got {valid.shape}")
    outputs: list[Any] = [None] * count
    previous = shown = None
    for t in range(count - 1, -1, -1) if reverse else range(count):
        output, new = step(steps[t], states)
        if valid is None or valid[:, t].all():
            previous, states, shown = output, new, output
        else:
            keep = valid[:, t]
            zeros = ops.zeros_like(output)
            previous = _choose(keep, output, zeros if previous is None else previous)
            shown = _choose(keep, output, zeros) if zero_output_for_mask else previous
            states = choose_nested(keep, new, states)
        outputs[t] = shown
    return (ops.stack(outputs, axis=1) if return_sequences else shown), states


def _choose(keep: Any, new: Any, old: Any) -> Any:
    return ops.where(keep.reshape(keep.shape + (1,) * (new.ndim - 1)), new, old)


def choose_nested(keep: Any, new: Any, old: Any) -> Any:
    """`new` for the rows where `keep`, `old` elsewhere, in nested lists of states."""
    if isinstance(new, (list, tuple)):
        olds = old if isinstance(old, (list, tuple)) else [old]
        return [choose_nested(keep, a, b) for a, b in zip(new, olds, strict=True)]
    if isinstance(old, (list, tuple)):
        old = old[0]
    return _choose(keep, new, old)


def map_nested(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` of each item in nested lists and tuples, as nested lists."""
    if isinstance(value, (list, tuple)):
        return [map_nested(function, item) for item in value]
    return function(value)


def flat_nested(value: Any) -> list[Any]:
    """The items of nested lists and tuples, in one list."""
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat_nested(item)]
    return [value]
