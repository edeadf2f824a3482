"""A layer under PyTorch's autograd, called directly: the shortest way for an eager call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from recurra.torch.layer import Call, backward, forward, pytorch_layer
from recurra.torch.modes import outside_default_device

LEAST_WORK = 1 << 23  # multiply-adds of the weights' gradients


class Layer(torch.autograd.Function):
    """y, h and, of an LSTM, c. Second derivatives are those of PyTorch's implementation."""

    @staticmethod
    def forward(  # type: ignore[override,unused-ignore]
        ctx: Any, call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor
    ) -> tuple[Tensor, ...]:
        """Run the kernels and keep their caches."""
        y, h, c, ctx.caches = forward(call, x, h0, c0, weights, True)
        ctx.call = call
        ctx.save_for_backward(x, h0, c0, *weights)
        ctx.set_materialize_grads(False)
        return (y, h) if c is None else (y, h, c)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """The gradients of the arguments."""
        if torch._C._is_torch_function_mode_enabled():
            return outside_default_device(Layer._gradients, ctx, gradients)
        return Layer._gradients(ctx, gradients)

    @staticmethod
    def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
        call = ctx.call
        x, h0, c0, *weights = ctx.saved_tensors
        needed = _wanted(ctx, x, h0, c0, weights)
        dy, dh, dc = (*gradients, None)[:3]
        if torch.is_grad_enabled() or under_vmap(gradients):  # with create_graph=True; with is_grads_batched=True
            return None, *pytorch_gradients(partial(pytorch_layer, call), (x, h0, c0, *weights), needed, gradients)
        caches, ctx.caches = ctx.caches, None
        if caches is None:  # a second backward pass through a graph that was retained
            *_, caches = forward(call, x, h0, c0, weights, True)
        need_states = h0 is not None or c0 is not None
        dx, dh0, dc0, dweights = backward(call, caches, dy, dh, dc, needed[0], needed[3:], need_states)
        return None, dx, None if h0 is None else dh0, None if c0 is None else dc0, *dweights


def _wanted(ctx: Any, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor]) -> Sequence[bool]:
    """Of the inputs, whether autograd will use their gradients: ``torch.autograd.grad`` may ask for some.

    PyTorch answers for a leaf that it was asked for with an exception, which takes as long as a small layer. So little
    work is not asked about, and one weight that is wanted stands for all.
    """
    needed: list[bool] = list(ctx.needs_input_grad[1:])
    if True not in needed[3:] or x.numel() // x.shape[-1] * sum(map(torch.numel, weights)) < LEAST_WORK:
        return needed
    edges = [node for node, _ in ctx.next_functions][-len(weights) :]
    if _runs(edges[needed.index(True, 3) - 3]):
        return needed
    return [*needed[:3], *(need and _runs(node) for need, node in zip(needed[3:], edges, strict=True))]


def _runs(node: Any) -> bool:
    """Whether the backward pass that is under way runs this node of the graph."""
    try:
        return torch._C._will_engine_execute_node(node)  # type: ignore[no-any-return,unused-ignore]
    except RuntimeError:  # a leaf that autograd.grad was asked for
        return True


def under_vmap(tensors: Sequence[Tensor | None]) -> bool:
    """Whether the call is one of many that PyTorch makes at once."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return True
    return any(tensor is not None and torch._C._functorch.is_legacy_batchedtensor(tensor) for tensor in tensors)


def pytorch_gradients(
    run: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor | None],
    needed: Sequence[bool],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """The gradients of a layer's or step's inputs by PyTorch's implementation `run`, themselves differentiable."""
    with torch.enable_grad():
        # Views: so each input's gradient is asked for apart, even where two inputs are one tensor.
        x, h0, c0, *weights = [None if value is None else value.view_as(value) for value in inputs]
        outputs = run(x, h0, c0, weights)  # type: ignore[arg-type,unused-ignore]
        pairs = [(out, d) for out, d in zip(outputs, gradients, strict=True) if d is not None]
        wanted = [
            value for value, need in zip((x, h0, c0, *weights), needed, strict=True) if need and value is not None
        ]
        found = iter(
            torch.autograd.grad(
                [out for out, _ in pairs], wanted, [d for _, d in pairs], create_graph=True, allow_unused=True
            )
        )
    return [next(found) if need and value is not None else None for value, need in zip(inputs, needed, strict=True)]
