"""Loops over steps of a cell: one product for the gradients of all steps, with autograd's ways to ask for them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import recurra.torch
from recurra.torch import loops, step

T, I, H = 7, 5, 6
KINDS = ("LSTM", "GRU", "RNN")


def cells(kind: str, **options: Any) -> list[Any]:
    found = []
    for source in (recurra.torch, nn):
        torch.manual_seed(2)
        found.append(getattr(source, f"{kind}Cell")(I, H, **options))
    return found


def first(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


def run(cell: Any, x: torch.Tensor, state: Any = None) -> torch.Tensor:
    outputs = []
    for one in x:
        state = cell(one, state)
        outputs.append(first(state))
    return torch.stack(outputs)


def loss_of(y: torch.Tensor) -> torch.Tensor:
    return (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum()


def close(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-8)


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many steps each product took."""
    calls: list[int] = []
    take = loops.summed_gradients

    def spied(kind: Any, steps: Any, needed: Any) -> Any:
        calls.append(len(steps))
        return take(kind, steps, needed)

    monkeypatch.setattr(loops, "summed_gradients", spied)
    yield calls


@pytest.mark.parametrize("batch", [(), (1,), (3,), (9,)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_one_product_for_all_steps(kind: str, bias: bool, batch: tuple[int, ...], sums: list[int]) -> None:
    x = torch.randn(T, *batch, I, dtype=torch.float64)
    results = []
    for cell in cells(kind, bias=bias, dtype=torch.float64):
        given = x.clone().requires_grad_()
        loss_of(run(cell, given)).backward()
        loss_of(run(cell, given * 2)).backward()  # added to what is there
        results.append([given.grad, *(one.grad for one in cell.parameters())])
    close(*results)
    assert sums == [T - 1, T - 1]  # the first step by itself


def test_float32() -> None:
    ours, theirs = cells("LSTM")
    x = torch.randn(T, 1, I)
    for cell in (ours, theirs):
        loss_of(run(cell, x)).backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)
        assert one.grad.is_contiguous()


@pytest.mark.parametrize("wanted", ["x", "weight_hh", "bias_ih", "state"])
def test_gradients_of_some(wanted: str, sums: list[int]) -> None:
    """autograd.grad runs what leads to its inputs alone."""
    results = []
    for cell in cells("GRU", dtype=torch.float64):
        torch.manual_seed(3)
        x = torch.randn(T, 2, I, dtype=torch.float64, requires_grad=True)
        state = torch.randn(2, H, dtype=torch.float64, requires_grad=True)
        source = {"x": x, "state": state}.get(wanted, getattr(cell, wanted, None))
        y = run(cell, x, state)
        results.append(torch.autograd.grad(loss_of(y), source, retain_graph=True))
        loss_of(y).backward(inputs=[source])
        close(source.grad, results[-1][0])
    close(*results)
    assert sums == ([] if wanted in ("x", "state") else [T - 1] * 2)


@pytest.mark.parametrize("frozen", ["weight_ih", "weight_hh", "bias_hh", "both"])
def test_frozen_weights(frozen: str) -> None:
    results = []
    for cell in cells("LSTM", dtype=torch.float64):
        torch.manual_seed(4)
        for name, one in cell.named_parameters():
            one.requires_grad_(name != frozen and not (frozen == "both" and "weight" in name))
        loss_of(run(cell, torch.randn(T, 1, I, dtype=torch.float64))).backward()
        results.append([one.grad for one in cell.parameters()])
    assert [one is None for one in results[0]] == [one is None for one in results[1]]
    close(*([one for one in part if one is not None] for part in results))


def test_backward_twice(sums: list[int]) -> None:
    results = []
    for cell in cells("GRU", dtype=torch.float64):
        torch.manual_seed(5)
        y = [first(cell(torch.ones(2, I, dtype=torch.float64), None))]
        for _ in range(T - 1):
            y.append(first(cell(y[-1][:, :I], y[-1])))
        loss_of(y[-1]).backward(retain_graph=True)
        loss_of(y[3]).backward()  # of fewer steps
        results.append([one.grad for one in cell.parameters()])
    close(*results)
    assert sums == [T - 1, 3]


def test_second_derivatives_and_batched_gradients() -> None:
    results = []
    for cell in cells("LSTM", dtype=torch.float64):
        torch.manual_seed(6)
        x = torch.randn(T, 2, I, dtype=torch.float64, requires_grad=True)
        y = run(cell, x)
        found = torch.autograd.grad(loss_of(y), [x, *cell.parameters()], create_graph=True)
        loss = sum((one**2).sum() for one in found)
        factors = torch.randn(4, *y.shape, dtype=y.dtype)
        sources = [x, *cell.parameters()]
        many = torch.autograd.grad(y, sources, factors, is_grads_batched=True, retain_graph=True)
        results.append([*found, *many, *torch.autograd.grad(loss, [x, *cell.parameters()])])
    close(*results)


def test_two_cells_and_two_losses(sums: list[int]) -> None:
    """Two graphs that share their loop, and a cell above another."""
    results = []
    for source in (recurra.torch, nn):
        torch.manual_seed(7)
        lower, upper = source.LSTMCell(I, H).double(), source.GRUCell(H, H).double()
        y = run(upper, run(lower, torch.randn(T, 1, I).double()))
        z = run(upper, run(lower, torch.randn(T, 1, I).double()))
        loss_of(y).backward()
        loss_of(z).backward()
        results.append([one.grad for cell in (lower, upper) for one in cell.parameters()])
    close(*results)
    assert sums == [T - 1, T - 1, T, T]


def test_weights_that_change_between_steps() -> None:
    results = []
    for cell in cells("RNN", dtype=torch.float64):
        torch.manual_seed(8)
        x = torch.randn(T, 2, I, dtype=torch.float64)
        optimizer = torch.optim.SGD(cell.parameters(), 0.1)
        state, losses = None, []
        for t in range(T):
            state = cell(x[t], None if state is None else state.detach() if t % 3 == 0 else state)
            if t % 3 == 2:
                optimizer.zero_grad()
                loss = state.square().sum()
                losses.append(loss.detach())
                loss.backward()
                optimizer.step()
                state = state.detach()
        results.append([torch.stack(losses), *(one.detach() for one in cell.parameters())])
    close(*results)


def test_an_update_before_backward_is_an_error() -> None:
    ours, _ = cells("GRU")
    y = run(ours, torch.randn(T, 2, I))
    with torch.no_grad():
        ours.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss_of(y).backward()


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints(reentrant: bool) -> None:
    results = []
    for cell in cells("LSTM", dtype=torch.float64):
        torch.manual_seed(9)
        x = torch.randn(T, 2, I, dtype=torch.float64, requires_grad=True)
        y = run(cell, x[:3])
        y = y + checkpoint(run, cell, x[3:6], use_reentrant=reentrant)
        (y + checkpoint(run, cell, x[4:7], use_reentrant=reentrant)).square().sum().backward()
        results.append([x.grad, *(one.grad for one in cell.parameters())])
    close(*results)


def test_hooks_see_one_gradient() -> None:
    ours, theirs = cells("LSTM", dtype=torch.float64)
    x = torch.randn(T, 2, I, dtype=torch.float64)
    seen: list[list[torch.Tensor]] = []
    for cell in (ours, theirs):
        calls: list[torch.Tensor] = []
        cell.weight_hh.register_hook(calls.append)
        cell.weight_ih.register_post_accumulate_grad_hook(lambda one, calls=calls: calls.append(one.grad.clone()))
        loss_of(run(cell, x)).backward()
        seen.append(sorted(calls, key=lambda one: one.shape))
    close(*seen)


def test_threads_share_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = cells("GRU")
    weights = list(ours.parameters())
    loop = loops.Loop(step.KINDS["GRU"], weights, [weight._version for weight in weights])
    found: list[Any] = []
    other = threading.Thread(target=lambda: found.append(loop.share()))
    apply = loops.SharedWeights.apply

    def slow(*arguments: Any) -> Any:  # the other thread asks while the node is being made
        if other.ident is None:
            other.start()
            other.join(0.1)
        return apply(*arguments)

    monkeypatch.setattr(loops.SharedWeights, "apply", slow)
    found.append(loop.share())
    other.join()
    assert found[0] is found[1]


def test_the_graph_is_freed() -> None:
    ours, _ = cells("LSTM")
    loss = loss_of(run(ours, torch.randn(T, 1, I)))
    weights = list(ours.parameters())
    kept = step.loop_of(step.KINDS["LSTM"], weights, step.kept_of(weights))[0]
    assert kept is not None and kept.shared is not None
    loss.backward()
    assert not kept.pending
    found = weakref.ref(kept)
    gc.disable()
    try:
        del loss, kept
        assert found() is None
    finally:
        gc.enable()
