"""The recurrent layers' entry points: each cell given to the one time loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra._core.cells import CELLS
from recurra.reference import checks
from recurra.reference.gate_rows import columns_to_gate_rows
from recurra.reference.rows import listed, padded, taken, time_major
from recurra.reference.sequence import Cache, backward, forward

Array = np.ndarray[Any, Any]
Arrays = tuple[Array | None, ...]


class PackedWeightsCache:
    """What the compiled kernels fill with packed weights; nothing is packed here."""


def packed_weights_cache() -> PackedWeightsCache:
    """A place for one layer's packed weights."""
    return PackedWeightsCache()


def recurrent_cells() -> list[str]:
    """The names of the cells."""
    return list(CELLS)


def recurrent_forward(
    cell: str,
    x: Array,
    states: Sequence[Array | None],
    weights: Sequence[Any],
    mask: Array | None,
    input_dropout: Array | None,
    recurrent_dropout: Array | None,
    embeddings: Array | None,
    activation: str,
    recurrent_activation: str,
    reverse: bool,
    return_sequences: bool,
    zero_output_for_mask: bool,
    training: bool,
    packed_weights: PackedWeightsCache | None,
    out: Array | None,
    zoneout: Sequence[Array | float | None] | None,
) -> tuple[Array, tuple[Array, ...], Cache | None]:
    """A cell over time: y, final states, cache."""
    if not isinstance(cell, str) or cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(map(repr, CELLS))}, got {cell!r}")
    kind = CELLS[cell]
    given_states = _items("states", states, len(kind.states), cell)
    shares = (None,) * len(kind.states) if zoneout is None else _items("zoneout", zoneout, len(kind.states), cell)
    given = dict(zip(kind.weights, _items("weights", weights, len(kind.weights), cell), strict=True))
    inputs = {
        "x": x, **dict(zip(("h0", "c0"), given_states, strict=False)), **given, "mask": mask,
        "input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout, "embeddings": embeddings,
        **{f"zoneout_{state}": s for state, s in zip(kind.states, shares, strict=True) if isinstance(s, np.ndarray)},
    }  # fmt: skip
    y, final, cache = forward(
        kind, x, given_states, given, mask, input_dropout, recurrent_dropout, embeddings,
        activation, recurrent_activation, reverse, return_sequences, zero_output_for_mask, training, shares,
    )  # fmt: skip
    return checks.placed("out", out, y, inputs), final, cache


def recurrent_forward_rows(
    cell: str,
    x: Array,
    states: Sequence[Array | None],
    weights: Sequence[Any],
    lengths: Array | None,
    rows: Array | None,
    activation: str,
    recurrent_activation: str,
    reverse: bool,
    training: bool,
    packed_weights: PackedWeightsCache | None,
    out: Array | None,
) -> tuple[Array, tuple[Array, ...], Cache | None]:
    """The same as `recurrent_forward` on arrays padded to (B, T, I), put back into x's rows."""
    if (lengths is None) != (rows is None):
        raise ValueError("lengths and rows must be given together, or neither for x (T, B, I)")
    mask = None
    if lengths is None or rows is None:
        B, T, places = time_major(x)
    else:
        B, T, places = listed(x, lengths, rows)
        mask = np.arange(T) < lengths[:, None]
    y, final, cache = recurrent_forward(
        cell, padded(x, B, T, places), states, weights, mask, None, None, None, activation,
        recurrent_activation, reverse, True, True, training, packed_weights, None, None,
    )  # fmt: skip
    if cache is not None:
        cache.places, cache.leading = places, x.shape[:-1]
    inputs = {
        "x": x,
        **dict(zip(("h0", "c0"), states, strict=False)),
        **dict(zip(CELLS[cell].weights, weights, strict=True)),
    }
    return checks.placed("out", out, taken(y, x.shape[:-1], places), inputs), final, cache


def recurrent_backward(
    cache: Cache,
    dy: Array | None,
    dstates: Sequence[Array | None] | None,
    need_dx: bool,
    need_dweights: Sequence[bool] | None = None,
) -> tuple[Any, tuple[Array, ...] | None, Arrays]:
    """dx, the gradients of the initial states (None where no `dstates` are given), the gradients of the weights."""
    if not isinstance(cache, Cache):
        raise TypeError(f"cache must be what recurrent_forward returned, got {type(cache).__name__}")
    if need_dweights is not None:
        needed = _needed(need_dweights, cache.cell.name)
        dx, of_initial, found = recurrent_backward(cache, dy, dstates, need_dx)
        return dx, of_initial, tuple(d if need else None for d, need in zip(found, needed, strict=True))
    if dstates is None:
        dx, _, of_weights = recurrent_backward(cache, dy, (None,) * len(cache.cell.states), need_dx)
        return dx, None, of_weights
    of_states = _items("dstates", dstates, len(cache.cell.states), cache.cell.name)
    if cache.places is None:
        return backward(cache, dy, of_states, need_dx)
    if dy is not None:
        letters = "(T, B, H)" if len(cache.leading) == 2 else "(N, H)"
        size = cache.w.V.shape[-1] if cache.cell.projects else cache.w.W.shape[-1]
        letters = letters.replace("H", "P") if cache.cell.projects else letters
        checks.shaped("dy", checks.floats("dy", dy, cache.w.W.dtype), letters, (*cache.leading, size))
        dy = padded(dy, len(cache.x), cache.x.shape[1], cache.places)
    dx, of_initial, of_weights = backward(cache, dy, of_states, need_dx)
    return None if dx is None else taken(dx, cache.leading, cache.places), of_initial, of_weights


class Step(NamedTuple):
    """What one step gives to the sums of several."""

    cell: str
    dweights: Arrays


def recurrent_backward_step(
    cache: Cache, dstates: Sequence[Array | None], need_dx: bool
) -> tuple[Any, tuple[Array, ...] | None, Step]:
    """The backward pass of a call of one step, whose weights' gradients are summed later."""
    if not isinstance(cache, Cache):
        raise TypeError(f"cache must be what recurrent_forward returned, got {type(cache).__name__}")
    cell, others = cache.cell, (cache.mask, cache.input_dropout, cache.recurrent_dropout, cache.embeddings)
    plain = cell.name in ("lstm", "gru", "simple_rnn", "cifg_lstm") and cache.x.shape[1] == 1 and cache.places is None
    if not plain or any(one is not None for one in (*others, *cache.zoneout)):
        raise ValueError(
            "cache must be that of one step of a cell with plain products: without mask, dropout, zoneout, embeddings, "
            "projection or normalisation"
        )
    dx, of_initial, of_weights = recurrent_backward(cache, None, dstates, need_dx)
    return dx, of_initial, Step(cell.name, of_weights)


def recurrent_sum_steps(
    steps: Sequence[Step], swap: bool, need_dweights: Sequence[bool] | None
) -> tuple[Array | None, Array | None, Array | None, Array | None]:
    """The gradients of the weights, summed over steps, gate by gate in rows; None where they are not needed."""
    if not isinstance(steps, (tuple, list)):
        raise TypeError(f"steps must be a tuple or list, got {type(steps).__name__}")
    if not steps:
        raise ValueError("steps must hold at least one step")
    for step in steps:
        if not isinstance(step, Step):
            raise TypeError(f"steps must hold what recurrent_backward_step returned, got {type(step).__name__}")
    first = steps[0]
    kinds = [(step.cell, [None if d is None else (d.shape, d.dtype) for d in step.dweights]) for step in steps]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError("steps must all be of one cell, dtype and size, with a bias or all without")
    needed = _needed(need_dweights, first.cell)
    parts = zip(*[step.dweights for step in steps], strict=True)
    sums = [sum(part) if need and part[0] is not None else None for part, need in zip(parts, needed, strict=True)]
    gates = len(CELLS[first.cell].gates)
    if swap and gates < 2:
        raise ValueError("swap must be False for a cell with one gate, got True")
    return (None,) * 4 if all(one is None for one in sums) else columns_to_gate_rows(gates, swap, *sums)


def _needed(need_dweights: Sequence[bool] | None, cell: str) -> tuple[bool, ...]:
    count = len(CELLS[cell].weights)
    if need_dweights is None:
        return (True,) * count
    needed = _items("need_dweights", need_dweights, count, cell, "bools")
    for need in needed:
        if not isinstance(need, (bool, np.bool_)):
            raise TypeError(f"need_dweights must be True or False, got {type(need).__name__}")
    return needed


def _items(name: str, values: Sequence[Any], count: int, cell: str, what: str = "arrays") -> tuple[Any, ...]:
    if not isinstance(values, (tuple, list)):
        raise TypeError(f"{name} must be a tuple or list, got {type(values).__name__}")
    if len(values) != count:
        raise ValueError(f"{name} must hold {count} {what} for the cell {cell}, got {len(values)}")
    return tuple(values)
