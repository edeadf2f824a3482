"""Rows that start anew inside one call give what a loop over steps gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import recurra.torch
from recurra.torch import compilable

T, B, I, H = 9, 4, 5, 7


def loop(module: Any, x: Any, states: list[Any], resets: Any) -> tuple[Any, list[Any]]:
    """h * (1 - done) before each step, by PyTorch's implementation."""
    plain = type(module)._pytorch_forward
    outputs = []
    for t in range(T):
        keep = (~resets[t]).to(x.dtype)[None, :, None]
        states = [state * keep for state in states]
        y, state = plain(module, x[t : t + 1], tuple(states) if len(states) == 2 else states[0])
        states = list(state) if isinstance(state, tuple) else [state]
        outputs.append(y)
    return torch.cat(outputs), states


@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("given", [True, False], ids=["states", "zeros"])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_as_the_loop(name: str, given: bool, layers: int, batch_first: bool, density: float) -> None:
    torch.manual_seed(0)
    module = getattr(recurra.torch, name)(I, H, num_layers=layers, batch_first=batch_first, dtype=torch.float64)
    steps = getattr(recurra.torch, name)(I, H, num_layers=layers, dtype=torch.float64)
    steps.load_state_dict(module.state_dict())
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    resets = torch.rand(T, B) < density
    count = 2 if name == "LSTM" else 1
    states = [torch.randn(layers, B, H, dtype=torch.float64, requires_grad=True) for _ in range(count)]
    hx = None if not given else tuple(states) if count == 2 else states[0]
    zeros = [torch.zeros(layers, B, H, dtype=torch.float64)] * count
    expected, finals = loop(steps, x, states if given else zeros, resets)
    if batch_first:
        y, final = module(x.transpose(0, 1), hx, resets=resets.t())
        y = y.transpose(0, 1)
    else:
        y, final = module(x, hx, resets=resets)
    final = list(final) if count == 2 else [final]
    torch.testing.assert_close([y, *final], [expected, *finals])
    weights = torch.randn(T, B, H, dtype=torch.float64)
    results = []
    for result, last, owner in ((y, final, module), (expected, finals, steps)):
        loss = (result * weights).sum() + sum((one**2).sum() for one in last)
        wanted = [x, *(states if given else []), *owner.parameters()]
        results.append(torch.autograd.grad(loss, wanted, allow_unused=True))
    torch.testing.assert_close(*results)


def test_other_dtypes_and_second_derivatives() -> None:
    """What PyTorch's implementation runs has resets too."""
    torch.manual_seed(0)
    module = recurra.torch.GRU(I, H, dtype=torch.float64)
    x, resets = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True), torch.rand(T, B) < 0.3
    results = []
    for y in (module(x, resets=resets)[0], loop(module, x, [x.new_zeros(1, B, H)], resets)[0]):
        (dx,) = torch.autograd.grad((y**2).sum(), x, create_graph=True)
        results.append(torch.autograd.grad((dx**2).sum(), [x, *module.parameters()]))
    torch.testing.assert_close(*results)
    half = module.bfloat16()
    given = x.detach().bfloat16()
    torch.testing.assert_close(half(given, resets=resets)[0], loop(half, given, [given.new_zeros(1, B, H)], resets)[0])


@pytest.mark.parametrize("source", [recurra.torch, compilable])
def test_errors(source: Any) -> None:
    x, resets = torch.zeros(T, B, I), torch.zeros(T, B, dtype=torch.bool)
    module = source.LSTM(I, H)
    with pytest.raises(TypeError, match=r"resets must be a bool tensor \(T, B\), got torch.float32"):
        module(x, resets=resets.float())
    with pytest.raises(TypeError, match=r"resets must be a bool tensor \(T, B\), got list"):
        module(x, resets=resets.tolist())
    with pytest.raises(ValueError, match=r"resets must have shape \(T, B\) = \(9, 4\), got \(4, 9\)"):
        module(x, resets=resets.t())
    with pytest.raises(ValueError, match=r"resets must have shape \(B, T\)"):
        source.LSTM(I, H, batch_first=True)(x, resets=resets.t())
    with pytest.raises(ValueError, match="the input must be a tensor of 3 dimensions, got 2"):
        module(x[:, 0], resets=resets[:, 0])
    with pytest.raises(ValueError, match="resets must be None: a bidirectional module"):
        source.LSTM(I, H, bidirectional=True)(x, resets=resets)
    with pytest.raises(RuntimeError, match="Expected hidden"):
        module(x, (torch.zeros(1, B, H + 1),) * 2, resets=resets)
