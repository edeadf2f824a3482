"""A layer as an operator of ``torch.library``: for ``torch.compile``, ``torch.export``, autocast and dispatch modes.

``recurra::layer`` returns y, h, c and a handle. The handle's memory belongs to what the kernels keep for the backward
pass: it lives as long as the tensor does. ``recurra::layer_backward`` takes it, once; without it, or a second time, it
runs the forward pass again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from recurra.torch.autograd import pytorch_gradients, under_vmap
from recurra.torch.kinds import KINDS
from recurra.torch.layer import Call, backward, forward, packed_rows, pytorch_layer


class _Handle(np.ndarray[Any, Any]):
    """One byte that a tensor shares, and the kernels' caches."""

    caches: list[Any] | None


_HANDLES: WeakValueDictionary[int, _Handle] = WeakValueDictionary()  # by address


def _handle(caches: list[Any] | None) -> Tensor:
    handle = np.zeros(1, np.uint8).view(_Handle)
    handle.caches = caches
    tensor = torch.from_numpy(handle)
    if caches is not None:
        _HANDLES[tensor.data_ptr()] = handle
    return tensor


def _taken(handle: Tensor) -> list[Any] | None:
    """The caches of a handle, if they are there and were not taken."""
    found = _HANDLES.pop(handle.data_ptr(), None)
    return None if found is None else found.caches


def _units(mode: str, weights: list[Tensor]) -> int:
    """H, the size of c."""
    rows: int = weights[1].shape[0]
    return rows // KINDS[mode].gates


def _batch_size(x: Tensor, states: Sequence[Tensor | None], batch_sizes: Tensor | None, batch_first: bool) -> Any:
    """B without the numbers in `batch_sizes`: a symbol where only those say."""
    for state in states:
        if state is not None:
            return state.shape[1]
    if batch_sizes is None:
        return x.shape[0 if batch_first else 1]
    return torch.library.get_ctx().new_dynamic_size()


def _call(mode: str, directions: int, batch_first: bool, batch_sizes: Tensor | None) -> Call:
    return Call(mode, directions, batch_first, None if batch_sizes is None else packed_rows(batch_sizes))


@torch.library.custom_op("recurra::layer", mutates_args=(), device_types="cpu")  # type: ignore[untyped-decorator,unused-ignore]
def _layer(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    batch_sizes: Tensor | None,
    mode: str,
    directions: int,
    batch_first: bool,
    training: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    y, h, c, caches = forward(_call(mode, directions, batch_first, batch_sizes), x, h0, c0, weights, training)
    return y, h, x.new_empty(0) if c is None else c, _handle(caches)


@_layer.register_fake  # type: ignore[untyped-decorator,unused-ignore]
def _(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    batch_sizes: Tensor | None,
    mode: str,
    directions: int,
    batch_first: bool,
    training: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    H, B = weights[1].shape[1], _batch_size(x, (h0, c0), batch_sizes, batch_first)
    state = x.new_empty(directions, B, H)
    c = x.new_empty(directions, B, _units(mode, weights)) if KINDS[mode].has_c else x.new_empty(0)
    return x.new_empty(*x.shape[:-1], directions * H), state, c, x.new_empty(1, dtype=torch.uint8)


@torch.library.custom_op("recurra::layer_backward", mutates_args=(), device_types="cpu")  # type: ignore[untyped-decorator,unused-ignore]
def _layer_backward(
    handle: Tensor,
    dy: Tensor | None,
    dh: Tensor | None,
    dc: Tensor | None,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    batch_sizes: Tensor | None,
    mode: str,
    directions: int,
    batch_first: bool,
    need_dx: bool,
    need_dweights: list[bool],
) -> list[Tensor]:
    call = _call(mode, directions, batch_first, batch_sizes)
    caches = _taken(handle)
    if caches is None:
        *_, caches = forward(call, x, h0, c0, weights, True)
    assert caches is not None
    dx, dh0, dc0, dweights = backward(call, caches, dy, dh, dc, need_dx, need_dweights)
    return [x.new_empty(0) if found is None else found for found in (dx, dh0, dc0, *dweights)]


@_layer_backward.register_fake  # type: ignore[untyped-decorator,unused-ignore]
def _(
    handle: Tensor,
    dy: Tensor | None,
    dh: Tensor | None,
    dc: Tensor | None,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    batch_sizes: Tensor | None,
    mode: str,
    directions: int,
    batch_first: bool,
    need_dx: bool,
    need_dweights: list[bool],
) -> list[Tensor]:
    H, B = weights[1].shape[1], _batch_size(x, (h0, c0, dh, dc), batch_sizes, batch_first)
    state = x.new_empty(directions, B, H)
    dc0 = x.new_empty(directions, B, _units(mode, weights)) if KINDS[mode].has_c else x.new_empty(0)
    dx = x.new_empty(x.shape) if need_dx else x.new_empty(0)
    shapes = [weight.shape if need else (0,) for weight, need in zip(weights, need_dweights, strict=True)]
    return [dx, state, dc0, *(x.new_empty(shape) for shape in shapes)]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, h0, c0, weights, batch_sizes, mode, directions, batch_first, _ = inputs
    ctx.layer = (mode, directions, batch_first)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[3], x, h0, c0, batch_sizes, *weights)


def _backward(ctx: Any, dy: Any, dh: Any, dc: Any, _: Any) -> tuple[Any, ...]:
    handle, x, h0, c0, batch_sizes, *weights = ctx.saved_tensors
    mode, directions, batch_first = ctx.layer
    if not KINDS[mode].has_c:
        dc = None
    if not torch.compiler.is_compiling() and (torch.is_grad_enabled() or under_vmap((dy, dh, dc))):
        run = partial(pytorch_layer, _call(mode, directions, batch_first, batch_sizes))
        needed = [value is not None and value.requires_grad for value in (x, h0, c0, *weights)]
        gradients = (dy, dh, dc) if KINDS[mode].has_c else (dy, dh)
        dx, dh0, dc0, *dweights = pytorch_gradients(run, (x, h0, c0, *weights), needed, gradients)
        return dx, dh0, dc0, dweights, None, None, None, None, None
    need_dx, need_dweights = ctx.needs_input_grad[0], ctx.needs_input_grad[3]
    dx, dh0, dc0, *dweights = _layer_backward(
        handle, dy, dh, dc, x, h0, c0, weights, batch_sizes, mode, directions, batch_first, need_dx, need_dweights
    )
    return (
        dx if need_dx else None,
        None if h0 is None else dh0,
        None if c0 is None else dc0,
        [d if need else None for d, need in zip(dweights, need_dweights, strict=True)],
        *[None] * 5,
    )


_layer.register_autograd(_backward, setup_context=_setup_context)
_layer.register_autocast("cpu", torch.float32)


def layer(
    mode: str,
    directions: int,
    batch_first: bool,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    batch_sizes: Tensor | None,
) -> tuple[Tensor, ...]:
    """One layer: y, h and, of an LSTM, c."""
    training = torch.is_grad_enabled() and (
        x.requires_grad
        or any(weight.requires_grad for weight in weights)
        or any(state is not None and state.requires_grad for state in (h0, c0))
    )
    y, h, c, _ = _layer(x, h0, c0, weights, batch_sizes, mode, directions, batch_first, training)
    return (y, h, c) if KINDS[mode].has_c else (y, h)
