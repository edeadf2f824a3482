"""The cells beside PyTorch's, in a loop over steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import recurra.torch

KINDS = {"LSTM": {}, "GRU": {}, "RNN": {}, "RNN_relu": {"nonlinearity": "relu"}}
T, B, I, H = 6, 3, 5, 7


def pair(kind: str, **kwargs: Any) -> list[Any]:
    modules = []
    for source in (recurra.torch, nn):
        torch.manual_seed(1)
        modules.append(getattr(source, f"{kind.partition('_')[0]}Cell")(I, H, **KINDS[kind], **kwargs))
    return modules


def states_of(kind: str, *shape: int, dtype: Any = torch.float32) -> Any:
    states = tuple(torch.randn(*shape, H, dtype=dtype, requires_grad=True) for _ in range(2 if kind == "LSTM" else 1))
    return states if kind == "LSTM" else states[0]


def first(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_over_steps(kind: str, bias: bool, dtype: Any) -> None:
    torch.manual_seed(0)
    for batch in ((B,), (1,), ()):
        for initial in (None, states_of(kind, *batch, dtype=dtype)):
            x = torch.randn(T, *batch, I, dtype=dtype, requires_grad=True)
            leaves = [] if initial is None else list(initial) if kind == "LSTM" else [initial]
            results = []
            for cell in pair(kind, bias=bias, dtype=dtype):
                state, outputs = initial, []
                for t in range(T):
                    state = cell(x[t], state)
                    outputs.append(first(state))
                y = torch.stack(outputs)
                loss = (y * torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)).sum() + sum(map(torch.sum, state))
                results.append((y, torch.autograd.grad(loss, [x, *leaves, *cell.parameters()])))
                with torch.no_grad():
                    torch.testing.assert_close(first(cell(x[0], initial)), y[0])
            torch.testing.assert_close(*results, atol=2e-5 if dtype == torch.float32 else 1e-11, rtol=1e-4)


def test_the_kernels_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair("GRU")
    monkeypatch.setattr(torch._VF, "gru_cell", None, raising=False)
    assert ours(torch.randn(B, I)).shape == (B, H)
    with pytest.raises(TypeError):
        theirs(torch.randn(B, I))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_pytorchs(kind: str) -> None:
    wide = torch.zeros(B, H + 1)
    for args in (
        (torch.zeros(B, I + 1),),
        (torch.zeros(2, B, I),),
        (torch.zeros(B, I, dtype=torch.float64),),
        (torch.zeros(B, I), (wide, wide) if kind == "LSTM" else wide),
        (torch.zeros(I), states_of(kind, B)),
        (torch.zeros(B + 1, I), states_of(kind, B)),
        (torch.tensor(1.0),),
        (torch.nested.nested_tensor([torch.zeros(2, I), torch.zeros(3, I)]),),
        (None,),
    ):
        raised = []
        for cell in pair(kind):
            with pytest.raises(Exception) as error:
                cell(*args)
            raised.append((type(error.value), str(error.value)))
        assert raised[0] == raised[1]


@pytest.mark.parametrize("batch", [(), (1,), (4,), (5,)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_at_each_step(kind: str, batch: tuple[int, ...]) -> None:
    """So that ``gradcheck`` holds: a step does not depend on the steps before it."""
    cell = pair(kind, dtype=torch.float64)[0]
    x = torch.randn(*batch, I, dtype=torch.float64, requires_grad=True)
    initial = states_of(kind, *batch, dtype=torch.float64)
    leaves = list(initial) if kind == "LSTM" else [initial]
    dy = torch.randn(*batch, H, dtype=torch.float64)
    results = [torch.autograd.grad(first(cell(x, initial)), [x, *leaves, *cell.parameters()], dy, allow_unused=True)
               for _ in range(4)]  # fmt: skip
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=0)
    assert torch.autograd.gradcheck(
        lambda *given: cell(given[0], given[1:] if kind == "LSTM" else given[1]), (x, *leaves)
    )


def test_settings_that_pytorch_looks_at_in_the_call() -> None:
    raised = []
    for source in (recurra.torch, nn):
        with pytest.raises(Exception) as error:
            source.RNNCell(I, H, nonlinearity="Tanh")(torch.zeros(B, I))  # type: ignore[attr-defined,unused-ignore]
        raised.append((type(error.value), str(error.value)))
        assert source.LSTMCell(I, 0)(torch.zeros(B, I))[0].shape == (B, 0)  # type: ignore[attr-defined,unused-ignore]
    assert raised[0] == raised[1]


def test_other_dtypes_and_second_derivatives() -> None:
    ours, theirs = pair("LSTM", dtype=torch.bfloat16)
    x = torch.randn(B, I, dtype=torch.bfloat16)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)
    results = []
    for cell in pair("GRU", dtype=torch.float64):
        x = torch.linspace(-1, 1, B * I, dtype=torch.float64).view(B, I).requires_grad_()
        (dx,) = torch.autograd.grad(cell(x).pow(2).sum(), x, create_graph=True)
        results.append(torch.autograd.grad(dx.pow(2).sum(), [x, cell.weight_hh]))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", list(KINDS))
def test_gradients_of_weights_are_contiguous_and_apart(kind: str, bias: bool) -> None:
    """As PyTorch's: programs take ``view(-1)`` of them, and change one in place."""
    ours, theirs = pair(kind, bias=bias)
    x = torch.randn(B, I)
    found, expected = (
        torch.autograd.grad(first(cell(x)).pow(2).sum(), list(cell.parameters())) for cell in (ours, theirs)
    )
    torch.testing.assert_close(torch.cat([d.view(-1) for d in found]), torch.cat([d.view(-1) for d in expected]))
    assert len({d.data_ptr() for d in found}) == len(found)


def test_weights_that_change() -> None:
    ours, theirs = pair("LSTM")
    x = torch.randn(B, I)
    with torch.no_grad():
        ours(x), ours(x)
        for cell in (ours, theirs):
            cell.weight_hh.data.add_(1)
        torch.testing.assert_close(ours(x), theirs(x))


def test_compiled() -> None:
    ours, theirs = pair("GRU")
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    x = torch.randn(B, I)
    torch.testing.assert_close(compiled(x), theirs(x))
