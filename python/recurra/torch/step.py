"""One step of a cell on the kernels, and under PyTorch's autograd.

Axes: B batch, I input features, H units. Without a batch the arrays have one axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recurra._core.select import core
from recurra.torch.autograd import pytorch_gradients, under_vmap
from recurra.torch.kinds import KINDS
from recurra.torch.loops import loop_of
from recurra.torch.modes import outside_default_device
from recurra.torch.weights import Kept, array_of, kept_columns, kept_of, reads_in_place, summed_gradients

Array = np.ndarray[Any, Any]


def forward(
    mode: str,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    training: bool,
    kept: Kept | None = None,
) -> tuple[tuple[Tensor, ...], Any]:
    """The new states, and in training the kernels' cache. kept: of the weights, where it was looked up already.

    x : (B, I) or (I,);  h0, c0 : (B, H) or (H,), or None for zeros
    """
    kind = KINDS[mode]
    columns, packed = kept_columns(kind, weights, kept)
    x_array = array_of(x)
    batched = x_array.ndim == 2
    initial = [None if h0 is None else array_of(h0)]
    if kind.has_c:
        initial.append(None if c0 is None else array_of(c0))
    if not batched:
        x_array, initial = x_array[None], [None if state is None else state[None] for state in initial]
    if training and reads_in_place(len(x_array), 1):
        packed = None
    _, final, cache = core.recurrent_forward(
        kind.cell, x_array[:, None], initial, columns, None, None, None, None, kind.activation, "sigmoid",
        False, False, False, training, packed, None, None,
    )  # fmt: skip
    if not batched:
        final = [state[0] for state in final]
    return tuple([torch.from_numpy(state) for state in final]), cache


class StepCall(NamedTuple):
    """What a step's call is apart from its tensors."""

    mode: str  # a key of KINDS
    weights: Sequence[Tensor]  # the cell's own
    kept: Kept  # of these
    loop: Any  # of the weights, or None where none of them needs a gradient
    shares: bool  # whether the step takes the weights from the loop


class Step(torch.autograd.Function):
    """The new states. Second derivatives are those of PyTorch's implementation."""

    @staticmethod
    def forward(  # type: ignore[override,unused-ignore]
        ctx: Any, call: StepCall, x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor
    ) -> Any:
        """Run the kernels and keep their cache. weights: the call's own, or as its loop shares them."""
        states, ctx.cache = forward(call.mode, x, h0, c0, call.weights, True, call.kept)
        ctx.call = call
        ctx.save_for_backward(x, h0, c0, *weights)
        ctx.set_materialize_grads(False)
        return states if len(states) == 2 else states[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """The gradients of the arguments."""
        if torch._C._is_torch_function_mode_enabled():
            return outside_default_device(Step._gradients, ctx, gradients)
        return Step._gradients(ctx, gradients)

    @staticmethod
    def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
        (mode, own_weights, _, loop, shares), needed = ctx.call, ctx.needs_input_grad
        x, h0, c0, *weights = ctx.saved_tensors
        if torch.is_grad_enabled() or under_vmap(gradients):  # with create_graph=True; with is_grads_batched=True
            run = partial(pytorch_step, mode)
            return None, *pytorch_gradients(run, (x, h0, c0, *weights), needed[1:], gradients)
        cache, ctx.cache = ctx.cache, None
        if cache is None:  # a second backward pass through a graph that was retained
            _, cache = forward(mode, x, h0, c0, own_weights, True)
        H = weights[1].shape[1]
        given = [None if one is None else array_of(one).reshape(-1, H) for one in gradients]
        of_weights: list[Tensor | None] = [None] * len(weights)
        if not any(needed[4:]) or (shares and not torch._C._will_engine_execute_node(loop.node)):
            dx, dstates, _ = core.recurrent_backward(cache, None, given, needed[1], (False,) * 3)
        else:
            dx, dstates, rows = core.recurrent_backward_step(cache, given, needed[1])
            if shares:
                loop.leave(rows)
            else:
                of_weights = summed_gradients(KINDS[mode], [rows], needed[4:])
        of_states = [
            None if state is None else torch.from_numpy(d.reshape(state.shape))
            for state, d in zip((h0, c0), (*dstates, None), strict=False)
        ]
        return None, None if dx is None else torch.from_numpy(dx.reshape(x.shape)), *of_states, *of_weights


def pytorch_step(
    mode: str, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The same step by PyTorch's own operations, which autograd follows."""
    zeros = x.new_zeros(*x.shape[:-1], weights[1].shape[1])
    h, c = (zeros if state is None else state for state in (h0, c0))
    function: Any = getattr(torch._VF, f"{KINDS[mode].function}_cell")
    has_c, batched = KINDS[mode].has_c, x.dim() == 2
    if not batched:
        x, h, c = x[None], h[None], c[None]
    result = function(x, (h, c) if has_c else h, *weights)
    states = tuple(result) if has_c else (result,)
    return states if batched else tuple(state[0] for state in states)


def run_step(
    mode: str, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Any]
) -> tuple[Tensor, ...] | Tensor:
    """An eager step: h, and of an LSTM (h, c)."""
    if torch.is_grad_enabled():
        for tensor in (*weights, x, h0, c0):
            if tensor is not None and tensor.requires_grad:
                kept = kept_of(weights)
                loop, taken = loop_of(KINDS[mode], weights, kept)
                call = StepCall(mode, weights, kept, loop, taken is not weights)
                return Step.apply(call, x, h0, c0, *taken)  # type: ignore[no-any-return,unused-ignore]
    states, _ = forward(mode, x, h0, c0, weights, False)
    return states if len(states) == 2 else states[0]
