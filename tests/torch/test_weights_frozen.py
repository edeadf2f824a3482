"""Frozen weights and inputs: the kernels are asked for what autograd wants, and that keeps its bits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

import recurra.torch
from recurra.torch import autograd, compilable, layer, step, weights

T, B, I, H = 6, 5, 4, 7
LAYERS = {
    "LSTM": {},
    "GRU": {},
    "RNN": {"nonlinearity": "relu"},
    "LSTM_projected": {"proj_size": 3},
    "GRU_plain": {"bias": False},
    "LSTM_both": {"bidirectional": True},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[bool, ...]]]:
    """Whether dx and the gradients of the kernels' weights were wanted, of each call."""
    calls: list[tuple[bool, ...]] = []
    run = layer.core.recurrent_backward

    def backward(cache: Any, dy: Any, dstates: Any, need_dx: bool, need_dweights: Any) -> Any:
        found = run(cache, dy, dstates, need_dx, need_dweights)
        calls.append((need_dx, *need_dweights))
        assert [d is not None for d in (found[0], *found[2])] == list(calls[-1])
        return found

    of_step, sums, need_x = layer.core.recurrent_backward_step, layer.core.recurrent_sum_steps, []

    def backward_step(cache: Any, dstates: Any, need_dx: bool) -> Any:
        need_x.append(need_dx)
        return of_step(cache, dstates, need_dx)

    def sum_steps(steps: Any, swap: bool, need_dweights: Any) -> Any:
        found = sums(steps, swap, need_dweights)
        calls.append((need_x.pop(), *need_dweights))
        assert [d is not None for d in found[:3]] == list(need_dweights)
        return found

    assert step.core is layer.core is weights.core
    monkeypatch.setattr(layer.core, "recurrent_backward", backward)
    monkeypatch.setattr(layer.core, "recurrent_backward_step", backward_step)
    monkeypatch.setattr(layer.core, "recurrent_sum_steps", sum_steps)
    yield calls


def gradients(module: Any, run: Any, x: torch.Tensor, wanted: tuple[bool, ...]) -> list[Any]:
    """Of x and of the parameters; wanted: whether each needs its gradient."""
    x = x.clone().requires_grad_(wanted[0])
    for parameter, need in zip(module.parameters(), wanted[1:], strict=True):
        parameter.requires_grad_(need)
        parameter.grad = None
    y = run(module, x)
    if y.requires_grad:
        (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum().backward()
    return [x.grad, *(parameter.grad for parameter in module.parameters())]


def compared(module: Any, run: Any, x: torch.Tensor, asked: list[tuple[bool, ...]], needs: Any) -> None:
    count = 1 + len(list(module.parameters()))
    everything = gradients(module, run, x, (True,) * count)
    assert set(asked) == needs((True,) * count)
    for wanted in itertools.product([False, True], repeat=count):
        if count > 6 and 1 < sum(wanted) < count - 1:
            continue  # of many only one, or all but one
        asked.clear()
        found = gradients(module, run, x, wanted)
        assert [one is not None for one in found] == list(wanted)
        for one, other in zip(found, everything, strict=True):
            assert one is None or torch.equal(one, other)
        assert set(asked) == (needs(wanted) if any(wanted) else set())


def of_kernel(wanted: tuple[bool, ...], directions: int = 1) -> set[tuple[bool, ...]]:
    """What the kernels are asked for, in each direction."""
    x, *weights = wanted
    count = len(weights) // directions
    found = set()
    for d in range(directions):
        W, U, *rest = weights[d * count : (d + 1) * count]
        found.add((x, W, U, any(rest[:2]), *rest[2:]))
    return found


@pytest.mark.parametrize("kind", LAYERS)
def test_layers(kind: str, asked: list[tuple[bool, ...]]) -> None:
    torch.manual_seed(3)
    module = getattr(recurra.torch, kind.partition("_")[0])(I, H, **LAYERS[kind])
    needs = partial(of_kernel, directions=2 if module.bidirectional else 1)
    compared(module, lambda layer, x: layer(x)[0], torch.randn(T, B, I), asked, needs)


@pytest.mark.parametrize("batch", [(), (1,), (B,)], ids=str)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_cells(kind: str, batch: tuple[int, ...], asked: list[tuple[bool, ...]]) -> None:
    torch.manual_seed(4)
    cell = getattr(recurra.torch, f"{kind}Cell")(I, H)

    def run(cell: Any, x: torch.Tensor) -> torch.Tensor:
        state = cell(x)
        return state[0] if isinstance(state, tuple) else state

    compared(cell, run, torch.randn(*batch, I), asked, of_kernel)


def test_packed_sequences(asked: list[tuple[bool, ...]]) -> None:
    torch.manual_seed(5)
    module = recurra.torch.GRU(I, H)
    lengths = [6, 4, 1]

    def run(module: Any, x: torch.Tensor) -> torch.Tensor:
        return module(pack_sequence(list(x.split(lengths))))[0].data

    compared(module, run, torch.randn(sum(lengths), I), asked, of_kernel)


def test_what_autograd_grad_is_not_asked_for(asked: list[tuple[bool, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A saliency map of a model that learns: the gradients of its weights are not made, where they are work."""
    torch.manual_seed(7)
    module = recurra.torch.LSTM(I, H)
    x = torch.randn(T, B, I, requires_grad=True)
    parameters = list(module.parameters())

    def loss() -> torch.Tensor:
        y = module(x)[0]
        return (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()

    everything = torch.autograd.grad(loss(), [x, *parameters])
    torch.autograd.grad(loss(), x)
    assert asked == [(True,) * 4] * 2
    monkeypatch.setattr(autograd, "LEAST_WORK", 0)
    expected = [(True, False, False, False), (True,) * 4, (True, False, True, False), *[(True, False, False, True)] * 2]
    for n, source in enumerate([x, *parameters]):
        asked.clear()
        (found,) = torch.autograd.grad(loss(), source)
        assert torch.equal(found, everything[n])
        assert asked == [expected[n]]
    asked.clear()
    loss().backward(inputs=[x, parameters[2]])
    assert (
        asked == [expected[3]] and torch.equal(x.grad, everything[0]) and torch.equal(parameters[2].grad, everything[3])
    )


def test_a_head_over_a_frozen_layer(asked: list[tuple[bool, ...]]) -> None:
    """Only the head learns: the layer below has no backward pass."""
    body, head = recurra.torch.LSTM(I, H), nn.Linear(H, 2)
    body.requires_grad_(False)
    head(body(torch.randn(T, B, I))[0]).sum().backward()
    assert asked == [] and head.weight.grad is not None
    first = nn.Linear(3, I)
    head(body(first(torch.randn(T, B, 3)))[0]).sum().backward()
    assert asked == [(True, False, False, False)] and first.weight.grad is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("frozen", ["weight_hh_l0", "bias_ih_l0", "all"])
def test_compiled(frozen: str) -> None:
    torch.manual_seed(6)
    module, x = recurra.torch.LSTM(I, H), torch.randn(T, B, I)
    names = [name for name, _ in module.named_parameters()]
    wanted = (frozen == "all", *(frozen not in (name, "all") for name in names))
    torch._dynamo.reset()
    compiled = compilable.LSTM(I, H)
    compiled.load_state_dict(module.state_dict())
    fast = torch.compile(compiled, backend="aot_eager", fullgraph=True)
    found = gradients(compiled, lambda _, x: fast(x)[0], x, wanted)
    expected = gradients(module, lambda module, x: module(x)[0], x, wanted)
    torch._dynamo.reset()
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)
