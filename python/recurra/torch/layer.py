"""One layer of a PyTorch module, one or both directions, on the kernels: forward and backward without autograd.

Axes: B batch, T time, I input features, H units, D directions, N rows of a packed sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recurra._core.select import core
from recurra.torch.kinds import KINDS
from recurra.torch.weights import (
    array_of,
    gradients_of,
    kept_columns,
    needed_columns,
    reads_in_place,
    training_columns,
)

Array = np.ndarray[Any, Any]


class Rows(NamedTuple):
    """Sequences of unequal lengths without padding: sequence b is rows ``rows[first : first + lengths[b]]`` of x."""

    lengths: Array  # (B,) int64
    rows: Array  # (N,) int64


class Call(NamedTuple):
    """What a layer's call is apart from its tensors."""

    mode: str  # a key of KINDS
    directions: int
    batch_first: bool  # x is (B, T, I), not (T, B, I)
    rows: Rows | None = None  # x is (N, I)


def packed_rows(batch_sizes: Tensor) -> Rows:
    """The rows of a PackedSequence: step t of sequence b is row b of the t-th batch."""
    sizes = batch_sizes.numpy()
    used = np.arange(sizes[0])[:, None] < sizes
    first = np.cumsum(sizes) - sizes
    return Rows(used.sum(1), (np.arange(sizes[0])[:, None] + first)[used])


def forward(
    call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor], training: bool
) -> tuple[Tensor, Tensor, Tensor | None, list[Any] | None]:
    """The outputs, final states (D, B, H), and what :func:`backward` needs.

    x : (T, B, I), (B, T, I) or (N, I); y has the same leading axes and D*H features
    h0, c0 : (D, B, H), or None for zeros
    weights : for each direction weight_ih, weight_hh and, if there are, bias_ih, bias_hh, weight_hr
    """
    kind, directions = KINDS[call.mode], call.directions
    count = len(weights) // directions
    x_array = array_of(x)
    states = [None if state is None else array_of(state) for state in ((h0, c0) if kind.has_c else (h0,))]
    y: Array | None = None
    finals, caches = [], []
    B, T = x_array.shape[:2] if call.batch_first else x_array.shape[1::-1]
    if call.rows is not None:
        B, T = 1, len(x_array)  # as many steps at least
    keep = not training or (call.rows is None and T == 1)
    in_place = training and reads_in_place(B, T)
    H = weights[1].shape[1]  # of y: with a projection fewer than c has
    if directions == 2:
        y = np.empty((*x_array.shape[:-1], 2 * H), x_array.dtype)
    for d in range(directions):
        of_d = weights[d * count : (d + 1) * count]
        columns, packed = kept_columns(kind, of_d) if keep else training_columns(kind, of_d)
        if in_place:
            packed = None
        initial = [None if state is None else state[d] for state in states]
        out = None if y is None else y[..., d * H : (d + 1) * H]
        if call.batch_first and call.rows is None:
            result, final, cache = core.recurrent_forward(
                kind.cell, x_array, initial, columns, None, None, None, None, kind.activation, "sigmoid",
                d == 1, True, False, training, packed, out, None,
            )  # fmt: skip
        else:
            lengths, rows = call.rows or (None, None)
            result, final, cache = core.recurrent_forward_rows(
                kind.cell, x_array, initial, columns, lengths, rows, kind.activation, "sigmoid",
                d == 1, training, packed, out,
            )  # fmt: skip
        if directions == 1:
            y = result
        finals.append(final)
        caches.append(cache)
    h, c = _stacked(finals, 0), _stacked(finals, 1) if kind.has_c else None
    return torch.from_numpy(y), h, c, caches if training else None


def _stacked(finals: list[tuple[Array, ...]], which: int) -> Tensor:
    """(D, B, H) from one (B, H) a direction."""
    if len(finals) == 1:
        return torch.from_numpy(finals[0][which][None])
    return torch.from_numpy(np.stack([final[which] for final in finals]))


def backward(
    call: Call,
    caches: list[Any],
    dy: Tensor | None,
    dh: Tensor | None,
    dc: Tensor | None,
    need_dx: bool,
    need_dweights: Sequence[bool],
    need_states: bool = True,
) -> tuple[Tensor | None, Tensor | None, Tensor | None, list[Tensor | None]]:
    """The gradients of x, h0, c0 and the weights, those that are needed. dy, dh, dc: of the outputs, None for zeros."""
    kind, directions = KINDS[call.mode], call.directions
    dy_array = None if dy is None else array_of(dy)
    states = [None if state is None else array_of(state) for state in ((dh, dc) if kind.has_c else (dh,))]
    dx, finals = None, []
    dweights: list[Tensor | None] = []
    count = len(need_dweights) // directions
    H = 0 if dy_array is None else dy_array.shape[-1] // directions
    for d, cache in enumerate(caches):
        of_y = dy_array if dy_array is None or directions == 1 else dy_array[..., d * H : (d + 1) * H]
        needed = need_dweights[d * count : (d + 1) * count]
        of_x, dstates, gradients = core.recurrent_backward(
            cache, of_y, [None if state is None else state[d] for state in states], need_dx,
            needed_columns(kind, needed),
        )  # fmt: skip
        dx = of_x if dx is None or of_x is None else np.add(dx, of_x, out=dx)
        finals.append(dstates)
        dweights += gradients_of(kind, gradients, needed)
    dh0 = _stacked(finals, 0) if need_states else None
    dc0 = _stacked(finals, 1) if need_states and kind.has_c else None
    return None if dx is None else torch.from_numpy(dx), dh0, dc0, dweights


def pytorch_layer(
    call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The same layer by PyTorch's own operations, which autograd follows: y, h and, of an LSTM, c."""
    kind = KINDS[call.mode]
    B = len(call.rows.lengths) if call.rows else x.shape[0 if call.batch_first else 1]
    if h0 is None:
        h0 = x.new_zeros(call.directions, B, weights[1].shape[1])
    if kind.has_c and c0 is None:
        c0 = x.new_zeros(call.directions, B, weights[1].shape[0] // kind.gates)
    function: Any = getattr(torch._VF, kind.function)
    flags = (len(weights) >= 4 * call.directions, 1, 0.0, False, call.directions == 2)
    if call.rows is None:
        hx = (h0, c0) if kind.has_c else h0
        return tuple(function(x, hx, list(weights), *flags, call.batch_first))
    order, index, batch_sizes = _packed_order(call.rows)
    states = [state[:, order] for state in ((h0, c0) if kind.has_c else (h0,)) if state is not None]
    hx = tuple(states) if kind.has_c else states[0]
    y, *finals = function(x[index], batch_sizes, hx, list(weights), *flags)
    back = torch.argsort(order)
    return (y[torch.argsort(index)], *(final[:, back] for final in finals))


def _packed_order(rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """The sequences' order, the rows of x and the batch sizes of a PackedSequence that holds the same."""
    order = np.argsort(-rows.lengths, kind="stable")
    lengths = rows.lengths[order]
    steps = np.arange(lengths[0])[:, None]
    used = steps < lengths
    first = (np.cumsum(rows.lengths) - rows.lengths)[order]
    index = rows.rows[(first + steps)[used]]
    return torch.from_numpy(order), torch.from_numpy(index), torch.from_numpy(used.sum(1))
