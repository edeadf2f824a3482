"""Any recurrent cell of the kernels over whole sequences, and the way from tensors and tapes to the kernels.

Axes: B batch, T time, I input features, H units, V vocabulary. The functions of LSTM, GRU and SimpleRNN are in
:mod:`recurra.ops.recurrent`.
"""
# ruff: noqa: D417  (arguments that belong together are described together)

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from recurra._core.cells import CELLS
from recurra._core.select import core
from recurra.autograd import Array, RowSparse, Tensor, Variable, current_tape, record, tracked
from recurra.ops.common import array_of, ids_of
from recurra.ops.quantization import Int8Weights
from recurra.typing import ArrayLike


class Cache:
    """What a forward pass left for one backward pass."""

    __slots__ = ("cell", "kernels", "table")

    def __init__(self, cell: str, kernels: Any, table: tuple[int, ...] | None) -> None:
        self.cell = cell
        self.kernels = kernels  # the kernels' own
        self.table = table  # the shape of the embeddings, if the input came from them


class RecurrentGradients(NamedTuple):
    """`dx`: None where not asked for; the RowSparse gradient of the table where `embeddings` were given.

    `dstate` and `dweights` are in the order of the states and weights; None for a bias that was None, and for what was
    not asked for.
    """

    dx: Array | RowSparse | None
    dstate: tuple[Array, ...]
    dweights: tuple[Array | None, ...]


def run_cell(
    cell: str, x: ArrayLike, weights: Sequence[ArrayLike | None],
    initial_state: ArrayLike | Sequence[ArrayLike | None] | None = None, *,
    mask: ArrayLike | None = None, lengths: ArrayLike | None = None, input_dropout: ArrayLike | None = None,
    recurrent_dropout: ArrayLike | None = None, embeddings: ArrayLike | None = None,
    activation: str | None = None, recurrent_activation: str | None = None,
    reverse: bool = False, return_sequences: bool = True, zero_output_for_mask: bool = False, training: bool = False,
    out: Array | None = None, zoneout: ArrayLike | Sequence[ArrayLike | None] | None = None,
) -> tuple[Any, tuple[Any, ...], Cache | None]:  # fmt: skip
    """Any cell of the kernels over a batch of sequences, by name.

    Parameters
    ----------
    cell : "lstm", "gru", "gru_reset_before", "simple_rnn" and

        =================  ==================================  ==================================================
        "peephole_lstm"    kernel (I, 4H), recurrent_kernel    gates i f c o; peepholes (3, H) of i, f and o
                           (H, 4H), bias (4H,), peepholes
        "cifg_lstm"        kernel (I, 3H), recurrent_kernel    gates i c o; f = 1 - i
                           (H, 3H), bias (3H,)
        "indrnn"           kernel (I, H), bias (H,),           h' = φ(x·W + b + u⊙h)
                           recurrent_weights (1, H)
        "min_gru"          kernel (I, 2H), bias (2H,)          gates z h; h' = (1 - z)⊙h + z⊙n
        "min_lstm"         kernel (I, 3H), bias (3H,)          gates f i h; h' = (f⊙h + i⊙n) / (f + i)
        "layer_norm_lstm"  kernel (I, 4H), recurrent_kernel    each gate normalised over the units: a⊙N(x·W + h·U) +
                           (H, 4H), scale_and_shift (8, H)     b; a of i f c o, then b of i f c o
        "layer_norm_gru"   kernel (I, 3H), recurrent_kernel    likewise, h·U_h and x·W_h apart; a of z r h·U_h x·W_h,
                           (H, 3H), scale_and_shift (8, H)     then b of these
        "projection_lstm"  kernel (I, 4H), recurrent_kernel    gates i f c o; h' = (o⊙φ(c'))·V, of P units, with
                           (P, 4H), bias (4H,),                the projection_kernel V: PyTorch's LSTM with
                           projection_kernel (H, P)            proj_size
        =================  ==================================  ==================================================
    weights : the arrays, in this order; the bias may be None. kernel and recurrent_kernel may, together, be
        :class:`recurra.ops.quantization.Int8Weights`, for inference
    initial_state : (h,) or h itself, or (h, c) where the cell has c, each (B, H), h (B, P) with a projection, or None
        for zeros
    activation, recurrent_activation : by default the cell's own: "relu" for "indrnn", "linear" for "min_gru" and
        "min_lstm", else "tanh"; "sigmoid". A cell that has no recurrent_activation takes None only

    zoneout : (h,) or h itself, or (h, c) where the cell has c: the share of its value before the step that each unit
        keeps, the rest being the new value. A number in [0, 1], an array (B, T, H), or None. In training an array of
        zeros and ones, at inference its expectation (Krueger and others, 2016). y holds h after zoneout

    The other arguments are those of :func:`lstm`; cells without recurrent kernel take no `recurrent_dropout`. With a
    projection, `recurrent_dropout` is (B, P) or (4, B, P).

    Returns
    -------
    y : (B, T, H), or (B, H) without `return_sequences`; P in place of H with a projection
    state : the final states
    cache : for :func:`run_cell_backward`; None without `training`

    >>> import numpy as np
    >>> y, (h,), _ = run_cell("indrnn", np.ones((1, 3, 1)), (np.ones((1, 1)), None, np.full((1, 1), 2.0)))
    >>> y[0, :, 0]
    array([1., 3., 7.])
    """
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(map(repr, CELLS))}, got {cell!r}")
    kind = CELLS[cell]
    if kind.recurrent_activation is None and recurrent_activation is not None:
        raise ValueError(f"recurrent_activation must be None: {cell} has none, got {recurrent_activation!r}")
    return forward(
        cell, x, _states(cell, initial_state), tuple(weights), mask, lengths, input_dropout, recurrent_dropout,
        embeddings, activation or kind.activation, recurrent_activation or kind.recurrent_activation or "sigmoid",
        reverse, return_sequences, zero_output_for_mask, training, out,
        None if zoneout is None else tuple(_arrays_or_numbers(_states(cell, zoneout))),
    )  # fmt: skip


def run_cell_backward(
    cache: Cache,
    dy: ArrayLike | None = None,
    dstate: ArrayLike | Sequence[ArrayLike | None] | None = None,
    need_dx: bool = True,
    need_dweights: Sequence[bool] | None = None,
) -> RecurrentGradients:
    """The gradients of a loss, given those of what :func:`run_cell` returned; as :func:`lstm_backward`.

    dstate : gradients of the final states, in their order
    need_dweights : for each weight whether its gradient is wanted, None where not; without it all are
    """
    name = _checked(cache).cell
    states = _states(name, dstate)
    return RecurrentGradients(*backward(name.removesuffix("_reset_before"), cache, dy, states, need_dx, need_dweights))


def _states(cell: str, given: Any) -> tuple[Any, ...]:
    """The states of a cell, or their gradients."""
    if len(CELLS[cell].states) == 1:
        return (single(given),)
    return (None, None) if given is None else pair(given)


def forward(
    cell: str, x: Any, states: tuple[Any, ...], weights: tuple[Any, ...], mask: Any, lengths: Any, input_dropout: Any,
    recurrent_dropout: Any, embeddings: Any, activation: str, recurrent_activation: str, reverse: bool,
    return_sequences: bool, zero_output_for_mask: bool, training: bool, out: Array | None,
    zoneout: tuple[Any, ...] | None = None,
) -> tuple[Any, Any, Cache | None]:  # fmt: skip
    """Any cell: y, states, cache."""
    # A single step takes microseconds, calls in here included: nothing is called for what is an array or None already.
    table, ids = (None, x) if embeddings is None else _input(x, embeddings)
    if type(ids) is not ndarray:
        ids = _array(ids)
    states_in, weights_in = _arrays(states), _arrays(weights)
    drop_x = None if input_dropout is None else _array(input_dropout)
    drop_h = None if recurrent_dropout is None else _array(recurrent_dropout)
    a_mask = None if mask is None and lengths is None else _mask(mask, lengths, ids)
    tape = current_tape()
    followed = x if table is None else embeddings
    recording = tape is not None and _any_tracked(tape, followed, *states, *weights)
    keep = training or recording
    y, final, cache = core.recurrent_forward(
        cell, ids, states_in, weights_in, a_mask, drop_x, drop_h, table, activation, recurrent_activation, reverse,
        return_sequences, zero_output_for_mask, keep,
        None if keep or weights_in is weights else _weights_cache(cell, weights), out, zoneout,
    )  # fmt: skip
    shape = None if table is None else table.shape
    if recording:
        again = None
        if tape is not None and tape.repeats:
            again = partial(
                _cache_of, cell, ids, states_in, weights_in, a_mask, drop_x, drop_h, table, activation,
                recurrent_activation, reverse, return_sequences, zero_output_for_mask, True, None, None, zoneout,
            )  # fmt: skip
        y, *final = _recorded((y, *final), (followed, *states, *weights), cache, shape, again)
        return y, tuple(final), None
    return y, final, Cache(cell, cache, shape) if training else None


def _cache_of(*arguments: Any) -> Any:
    """The cache of a forward call."""
    return core.recurrent_forward(*arguments)[2]


def backward(
    name: str,
    cache: Cache,
    dy: Any,
    dstates: tuple[Any, ...],
    need_dx: bool,
    need_dweights: Sequence[bool] | None = None,
) -> tuple[Any, tuple[Array, ...], tuple[Array | None, ...]]:
    """The way back for the operation `name`: dx and the gradients of the states and of the weights."""
    kept = _kernels_cache(name, cache)
    dx, *others = core.recurrent_backward(kept, _array(dy), _arrays(dstates), need_dx, need_dweights)
    return _rows(dx, cache.table), *others


def _recorded(
    outputs: tuple[Array, ...],
    inputs: tuple[Any, ...],
    cache: Any,
    table: tuple[int, ...] | None,
    again: Callable[[], Any] | None,
) -> Any:
    """The outputs as Tensors of the tape. inputs: x first, or the embeddings, of shape `table`, whose rows it names.

    again : for a tape that is walked more than once, makes another cache: a cache serves one walk
    """
    count = len(outputs) - 1
    need_dstates = _any_tracked(current_tape(), *inputs[1 : 1 + count])
    walks = 0

    def backward(needed: list[bool], dy: Any, *dstates: Any) -> tuple[Any, ...]:
        nonlocal walks
        walks += 1
        kept = cache if again is None or walks == 1 else again()
        given = _arrays(dstates) if need_dstates or any(d is not None for d in dstates) else None
        dx, of_initial, dweights = core.recurrent_backward(kept, _array(dy), given, needed[0], needed[1 + count :])
        return (_rows(dx, table), *(of_initial or (None,) * count), *dweights)

    return record(outputs, inputs, backward, selective=True)


def _arrays(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arrays inside, None where it is None; the kernels check the rest. `values` itself where nothing is to do."""
    for value in values:  # faster than all() of a generator
        if value is not None and type(value) is not ndarray:
            break
    else:
        return values
    return tuple(
        [  # likewise
            value
            if value is None or type(value) is ndarray
            else value.value
            if isinstance(value, Tensor)
            else _arrays(value)  # 8-bit weights and their scales
            if type(value) is Int8Weights
            else np.asarray(value)
            for value in values
        ]
    )


def _arrays_or_numbers(values: Any) -> list[Any]:
    return [value if isinstance(value, (int, float)) else _array(value) for value in values]


def _array(value: Any) -> Any:
    return _arrays((value,))[0]


def _weights_cache(cell: str, weights: tuple[Any, ...]) -> Any:
    """The cache of these weights in packed form, until they change; None for arrays, whose changes nobody counts."""
    versions: list[int | None] = []
    if type(weights[0]) is Int8Weights:
        weights = tuple(part for weight in weights for part in (weight if type(weight) is Int8Weights else (weight,)))
    for weight in weights:
        if type(weight) is Variable:
            versions.append(weight.version)
        elif weight is None:
            versions.append(None)
        else:
            return None
    kernel, *others = weights
    slot = kernel.packed_weights
    if slot is None or slot[0] != versions or slot[1] != cell or not all(map(is_, slot[2], others)):
        # Without the kernel, which would keep itself alive.
        slot = kernel.packed_weights = (versions, cell, others, core.packed_weights_cache())
    return slot[3]


def _input(x: Any, embeddings: Any) -> tuple[Array, Array]:
    """The table and the ids as the kernels take them."""
    table = _array(embeddings)
    if table.ndim != 2:
        raise ValueError(f"embeddings must have shape (V, I), got {table.shape}")
    return table, ids_of(x, "x", table.shape[0])


def _mask(mask: Any, lengths: Any, x: Array) -> Array:
    if lengths is None:
        value: Array = _array(mask)
        return value if value.dtype == np.bool_ else _bool_mask(value)
    if mask is not None:
        raise ValueError("mask and lengths must not both be given: lengths is short for a mask")
    if x.ndim < 2:
        raise ValueError(f"x must have shape (B, T, I), got {x.shape}")
    B, T = x.shape[:2]
    counts = array_of(lengths)
    if counts.shape != (B,) or counts.dtype.kind not in "iu":
        raise ValueError(f"lengths must have shape (B,) = ({B},) and integers, got {counts.shape} of {counts.dtype}")
    if counts.min() < 0 or counts.max() > T:
        raise ValueError(f"lengths must be in [0, T] = [0, {T}], got {counts.min()} to {counts.max()}")
    return np.arange(T) < counts[:, None]


def _bool_mask(value: Array) -> Array:
    if value.dtype.kind not in "iuf" or not ((value == 0) | (value == 1)).all():
        raise TypeError(f"mask must be bool, or 0 and 1, got {value.dtype}")
    return value.astype(bool)


def pair(states: Sequence[Any]) -> tuple[Any, Any]:
    several = hasattr(states, "__len__") and not isinstance(states, (Tensor, np.ndarray))
    if not several or len(states) != 2:
        got = f"{len(states)} of them" if several else type(states).__name__
        raise ValueError(f"an LSTM's state must be a pair (h, c) of arrays, got {got}")
    return states[0], states[1]


def single(state: Any) -> Any:
    if isinstance(state, (list, tuple)):
        if len(state) != 1:
            raise ValueError(f"the state must be one array, or a sequence of one, got a sequence of {len(state)}")
        return state[0]
    return state


def _any_tracked(tape: Any, *values: Any) -> bool:
    return any(tracked(value, tape) for value in values)


def _rows(dx: Any, table: tuple[int, ...] | None) -> Any:
    return dx if table is None or dx is None else RowSparse(dx[0], dx[1], table)


def _checked(cache: Any) -> Cache:
    if not isinstance(cache, Cache):
        raise TypeError(
            "cache must come from a forward call with training=True (under a tape, ask the tape for gradients), "
            f"got {type(cache).__name__}"
        )
    return cache


def _kernels_cache(name: str, cache: Cache) -> Any:
    if _checked(cache).cell.removesuffix("_reset_before") != name:
        raise TypeError(f"cache must be the one that {name} returned with training=True, got that of {cache.cell}")
    return cache.kernels
