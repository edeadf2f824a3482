"""The time loop for cells written in Python. (``ops.lstm``, ``gru`` and ``simple_rnn`` run in the kernels.)"""
# ruff: noqa: D417  (arguments that belong together are described together)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra.ops.common import array_of
from recurra.ops.math import where
from recurra.ops.shaping import stack, unstack
from recurra.tree import NODES, leaves, map_structure, pack, sequence_of, zip_structures
from recurra.typing import ArrayLike

Step = Callable[[Any, Any], tuple[Any, Any]]


def rnn(
    cell: Step, x: ArrayLike, states: Sequence[Any], mask: ArrayLike | None = None, *,
    reverse: bool = False, return_sequences: bool = True, zero_output_for_mask: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Run a Python cell over time.

    Step by step ``output, states = cell(x[:, t], states)``. Where the mask is False the states are carried over, and
    the output repeats the previous one (zeros before the first valid step), or is zeros with `zero_output_for_mask`.

    Parameters
    ----------
    cell : callable (x_t (B, ...), states) -> (output (B, ...), new states), written with ``recurra.ops``
    x : (B, T, ...), or several such arrays in (nested) tuples, lists or dicts, which x_t is then like
    states : the initial states: arrays whose first axis is B, in (nested) lists or tuples
    mask : (B, T) bool or None; True = use the step
    reverse : process time from T-1 down to 0; y[:, t] still belongs to x[:, t]
    return_sequences : whether y is the sequence of outputs, or the last one in processing order

    Returns
    -------
    y : (B, T, ...), or (B, ...) without `return_sequences`; several, nested as the outputs of `cell` are
    states : the final states, nested as `cell` returned them

    >>> import numpy as np
    >>> total = lambda x_t, states: (states[0] + x_t, [states[0] + x_t])
    >>> y, states = rnn(total, np.ones((1, 3, 2)), [np.zeros((1, 2))], mask=np.array([[True, False, True]]))
    >>> y[0, :, 0]
    array([1., 1., 2.])
    """
    sequences = leaves(x)
    several = isinstance(x, NODES) and all(hasattr(one, "shape") for one in sequences)  # not numbers in lists
    shapes = [tuple(array_of(one).shape) for one in (sequences if several else [x])]
    shape = shapes[0] if shapes else ()
    if len(shape) < 2 or shape[1] < 1:
        raise ValueError(f"x must have shape (B, T, ...) with T at least 1, got {shape}")
    if any(other[:2] != shape[:2] for other in shapes):
        raise ValueError(f"the arrays of x must have the same B and T, got the shapes {', '.join(map(str, shapes))}")
    valid = None
    if mask is not None:
        valid = array_of(mask)
        if valid.shape != shape[:2]:
            raise ValueError(f"mask must have shape (B, T) = {shape[:2]}, got {valid.shape}")
        valid = valid.astype(bool, copy=False)
    if several:
        steps = [pack(x, step) for step in zip(*[unstack(one, axis=1) for one in sequences], strict=True)]
    else:
        steps = unstack(x, axis=1)
    outputs: list[Any] = [None] * len(steps)
    output: Any = None
    now: Any = states
    for t in range(len(steps) - 1, -1, -1) if reverse else range(len(steps)):
        new_output, new = cell(steps[t], now)
        if valid is None or valid[:, t].all():
            output, now = new_output, new
        else:
            keep = valid[:, t]
            if zero_output_for_mask or output is None:
                output = map_structure(lambda _: 0, new_output)
            output = _carried(keep, new_output, output)
            now = _carried(keep, new, now)
        outputs[t] = output
    if not return_sequences:
        return output, now
    return zip_structures(lambda at: stack(at, axis=1), outputs), now


def _column(keep: np.ndarray[Any, Any], like: ArrayLike) -> np.ndarray[Any, Any]:
    """(B,) as (B, 1, ...), to broadcast over `like`."""
    return keep.reshape(-1, *(1,) * (array_of(like).ndim - 1))


def _carried(keep: np.ndarray[Any, Any], new: Any, old: Any) -> Any:
    """What is new where `keep`, else what was before, nested alike."""
    if isinstance(new, dict):
        return {name: _carried(keep, n, old[name]) for name, n in new.items()}
    if isinstance(new, (list, tuple)):
        return sequence_of(type(new), [_carried(keep, n, o) for n, o in zip(new, old, strict=True)])
    if isinstance(old, (list, tuple)) and len(old) == 1:
        old = old[0]
    return where(_column(keep, new), new, old)
