"""LSTM, GRU and RNN beside PyTorch's: outputs, states and every gradient; and what people do with modules."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

import recurra.torch
from recurra.torch import compilable
from recurra.torch import layer as layer_module
from tests.support.torch_modules import KINDS, TOLERANCE, B, H, I, T, flat, outputs_and_gradients, pair, states_for


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("layers", "bidirectional", "batch_first", "bias"), list(itertools.product([1, 2], *[[False, True]] * 3))
)
@pytest.mark.parametrize("kind", KINDS)
def test_as_pytorch(kind: str, layers: int, bidirectional: bool, batch_first: bool, bias: bool, dtype: Any) -> None:
    options = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": batch_first, "bias": bias}
    ours, theirs = pair(kind, I, H, **options, dtype=dtype)
    count = layers * (2 if bidirectional else 1)
    x = torch.randn(*((B, T) if batch_first else (T, B)), I, dtype=dtype)
    cases = [
        (x, None),
        (x, states_for(kind, (count, B, H), dtype)),
        (x[:, :1].contiguous(), None),
        (torch.randn(T, I, dtype=dtype), states_for(kind, (count, H), dtype)),
        (torch.randn(T, I, dtype=dtype), None),
        ([torch.randn(n, I, dtype=dtype) for n in (9, 4, 2)], None),
        ([torch.randn(n, I, dtype=dtype) for n in (4, 9, 4)], states_for(kind, (count, B, H), dtype)),
    ]
    for given, hx in cases:
        found, expected = (outputs_and_gradients(module, given, hx) for module in (ours, theirs))
        torch.testing.assert_close(found, expected, **TOLERANCE[dtype])
        with torch.no_grad():
            data = pack_sequence(given, enforce_sorted=False) if isinstance(given, list) else given
            state = None if hx is None else tuple(hx) if len(hx) == 2 else hx[0]
            for _ in range(2):  # the second call finds packed weights
                torch.testing.assert_close(flat(ours(data, state)), expected[: 1 + (2 if kind == "LSTM" else 1)],
                                           **TOLERANCE[dtype])  # fmt: skip


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("source", [recurra.torch, compilable])
def test_dropout_draws_as_pytorch(source: Any, batch_first: bool) -> None:
    ours, theirs = pair("LSTM", I, H, num_layers=3, dropout=0.4, batch_first=batch_first, source=source)
    for x in (torch.randn(B, T, I), [torch.randn(n, I) for n in (9, 4, 2)]):
        results = []
        for module in (ours, theirs):
            torch.manual_seed(11)
            results.append(outputs_and_gradients(module, x, None))
        torch.testing.assert_close(*results, **TOLERANCE[torch.float32])
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(torch.ones(B, T, I))[0], theirs(torch.ones(B, T, I))[0])


def test_the_kernels_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither form falls back to PyTorch's implementation where the kernels can run."""
    monkeypatch.setattr(torch._VF, "lstm", None, raising=False)
    for source in (recurra.torch, compilable):
        module = source.LSTM(I, H, num_layers=2, bidirectional=True)
        module(torch.randn(T, B, I))[0].sum().backward()
        module(pack_sequence([torch.randn(4, I), torch.randn(2, I)]))
    with pytest.raises(TypeError):
        nn.LSTM(I, H)(torch.randn(T, B, I))


def test_tensors_are_shared() -> None:
    module = recurra.torch.LSTM(I, H)
    seen = []
    run = layer_module.core.recurrent_forward_rows

    class Core:
        @staticmethod
        def recurrent_forward_rows(cell: str, x: Any, *args: Any) -> Any:
            seen.append(x.ctypes.data)
            result = run(cell, x, *args)
            seen.append(result[0].ctypes.data)
            return result

        recurrent_forward = layer_module.core.recurrent_forward

    x = torch.randn(T, B, I)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_module, "core", Core)
        y, _ = module(x)
    assert seen == [x.data_ptr(), y.data_ptr()]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("source", [recurra.torch, compilable])
def test_views_of_the_outputs_that_pytorch_gives(source: Any, bidirectional: bool, batch_first: bool) -> None:
    """A transposed input, as of an embedding of (B, T): programs take ``view(-1, H)`` of the outputs."""
    options = {"num_layers": 2, "bidirectional": bidirectional, "batch_first": batch_first}
    for x in (torch.randn(B, T, I).transpose(0, 1), torch.randn(T, B, 2 * I)[..., ::2]):
        (y, h), (expected, _) = (module(x) for module in pair("GRU", I, H, **options, source=source))
        if not batch_first:
            assert expected.is_contiguous()
        found = y if batch_first else y.view(-1, y.shape[-1])
        torch.testing.assert_close(found, expected.reshape(found.shape))
        assert h.is_contiguous()


def test_a_transposed_input() -> None:
    ours, theirs = pair("GRU", I, H)
    x = torch.randn(B, T, I).transpose(0, 1)
    torch.testing.assert_close(ours(x), theirs(x))
    assert ours(x)[0].shape == (T, B, H)
    found, expected = (outputs_and_gradients(module, x, None) for module in (ours, theirs))
    torch.testing.assert_close(found, expected, **TOLERANCE[torch.float32])


def test_backward_twice_and_second_derivatives() -> None:
    ours, theirs = pair("LSTM", I, H, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    results = []
    for module in (ours, theirs):
        y, (_, c) = module(x)
        loss = (y**3).sum() + c.sum()
        first = torch.autograd.grad(loss, [x, *module.parameters()], retain_graph=True)
        again = torch.autograd.grad(loss, [x, *module.parameters()], retain_graph=True)
        torch.testing.assert_close(first, again)
        (dx,) = torch.autograd.grad(loss, x, create_graph=True)
        second = torch.autograd.grad((dx**2).sum(), [x, *module.parameters()])
        results.append((*first, *second))
    torch.testing.assert_close(*results)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated")
def test_jacobian_and_function_transforms() -> None:
    ours, theirs = pair("GRU", I, H, dtype=torch.float64)
    x = torch.randn(3, 2, I, dtype=torch.float64)
    for run in (
        lambda module: torch.autograd.functional.jacobian(lambda v: module(v)[0], x, vectorize=True),
        lambda module: torch.func.jacrev(lambda v: module(v)[0])(x),
        lambda module: torch.func.jvp(lambda v: module(v)[0], (x,), (torch.ones_like(x),)),
        lambda module: torch.autograd.functional.hessian(lambda v: module(v)[0].pow(2).sum(), x[:1, :1]),
    ):
        torch.testing.assert_close(run(ours), run(theirs))


def test_an_input_changed_before_backward_is_an_error() -> None:
    module = recurra.torch.LSTM(I, H)
    x = torch.randn(T, B, I)
    y, _ = module(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("requires", ["x", "weight_ih_l0", "bias_hh_l0", "nothing"])
def test_some_gradients_only(requires: str) -> None:
    ours, theirs = pair("GRU", I, H, num_layers=2)
    x = torch.randn(T, B, I)
    results = []
    for module in (ours, theirs):
        module.requires_grad_(False)
        given = x.clone().requires_grad_(requires == "x")
        if requires in dict(module.named_parameters()):
            getattr(module, requires).requires_grad_()
        y, _ = module(given)
        assert y.requires_grad == (requires != "nothing")
        if y.requires_grad:
            (y**2).sum().backward()
        results.append([given.grad, *(parameter.grad for parameter in module.parameters())])
    assert [one is None for one in results[0]] == [one is None for one in results[1]]
    torch.testing.assert_close(*([one for one in part if one is not None] for part in results), rtol=1e-4, atol=3e-5)


# --- what runs PyTorch's implementation ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_dtypes(dtype: Any) -> None:
    ours, theirs = pair("GRU", I, H, dtype=dtype)
    x = torch.randn(T, B, I, dtype=dtype)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)


def test_meta_device() -> None:
    y, (h, c) = recurra.torch.LSTM(I, H, device="meta")(torch.empty(T, B, I, device="meta"))
    assert y.device.type == h.device.type == c.device.type == "meta" and y.shape == (T, B, H)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_proj_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for bias, layers, source in ((True, 2, recurra.torch), (False, 1, compilable)):
        ours, theirs = pair("LSTM", I, H, layers, bias, proj_size=4, bidirectional=True, source=source)
        hx = [torch.randn(2 * layers, B, size) for size in (4, H)]
        for x in (torch.randn(T, B, I), [torch.randn(n, I) for n in (4, 9, 4)]):
            for states in (None, hx):
                found, expected = (outputs_and_gradients(module, x, states) for module in (ours, theirs))
                torch.testing.assert_close(found, expected, **TOLERANCE[torch.float32])
        with torch.no_grad():
            x = torch.randn(T, B, I)
            torch.testing.assert_close(ours(x), theirs(x))
            monkeypatch.setattr(torch._VF, "lstm", None, raising=False)
            ours(x)
            monkeypatch.undo()


def test_autocast() -> None:
    ours, theirs = pair("LSTM", I, H)
    x = torch.randn(T, B, I)
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = ours(x.bfloat16())
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, theirs(x.bfloat16().float())[0])


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated", "ignore::torch.jit.TracerWarning")
def test_trace() -> None:
    ours, theirs = pair("GRU", I, H)
    x = torch.randn(T, B, I)
    traced = torch.jit.trace(ours, (x,))
    torch.testing.assert_close(traced(x), theirs(x))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_pytorchs(kind: str) -> None:
    ours, theirs = pair(kind, I, H, batch_first=True)
    states = tuple(torch.zeros(1, B, H) for _ in range(2)) if kind == "LSTM" else torch.zeros(1, B, H)
    wrong = torch.zeros(1, B, H + 1)
    packed = pack_sequence([torch.zeros(3, I), torch.zeros(2, I)])
    for args in (
        (torch.zeros(B, T, I + 1),),
        (torch.zeros(I),),
        (torch.zeros(1, B, T, I),),
        (torch.zeros(B, T, I, dtype=torch.float64),),
        (torch.zeros(B, T, I, dtype=torch.int64),),
        (torch.zeros(B + 1, T, I), states),
        (torch.zeros(B, T, I), (wrong, wrong) if kind == "LSTM" else wrong),
        (torch.zeros(T, I), states),
        (torch.zeros(B, 0, I),),
        (torch.nested.nested_tensor([torch.zeros(2, I), torch.zeros(3, I)]),),
        (torch.nested.nested_tensor([torch.zeros(2, I), torch.zeros(3, I)], layout=torch.jagged),),
        (torch.tensor(1.0),),
        (packed, states),
        (None,),
        (torch.zeros(B, T, I), 3),
    ):
        raised = []
        for module in (ours, theirs):
            with pytest.raises(Exception) as error:
                module(*args)
            raised.append((type(error.value), str(error.value)))
        assert raised[0] == raised[1]


def test_empty_batch() -> None:
    ours, theirs = pair("LSTM", I, H)
    x = torch.zeros(T, 0, I)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_over_calls_of_one_step(kind: str, batch_first: bool) -> None:
    """As policies of reinforcement learning call a layer; with weights that change in between."""
    axis = 1 if batch_first else 0
    x = torch.randn(*((B, T) if batch_first else (T, B)), I)
    initial = states_for(kind, (2, B, H), torch.float32)
    results = []
    for module in pair(kind, I, H, num_layers=2, batch_first=batch_first):
        found: list[Any] = []
        optimizer = torch.optim.SGD(module.parameters(), 0.1)
        for _ in range(2):
            states: Any = tuple(initial) if kind == "LSTM" else initial[0]
            outputs = []
            for t in range(T):
                y, states = module(x.narrow(axis, t, 1), states)
                outputs.append(y)
            torch.cat(outputs, axis).pow(2).sum().backward()
            found += [torch.cat(outputs, axis).detach(), *(one.grad.clone() for one in module.parameters())]
            optimizer.step()
            module.zero_grad()
        with torch.no_grad():
            found += flat(module(x.narrow(axis, 0, 1), states))
            module.weight_hh_l1.data.mul_(2)
            found += flat(module(x.narrow(axis, 0, 1), states))
        results.append(found)
    torch.testing.assert_close(*results, **TOLERANCE[torch.float32])


def test_packed_and_padded_back() -> None:
    ours, theirs = pair("LSTM", I, H, bidirectional=True, batch_first=True)
    sequences = [torch.randn(n, I) for n in (2, 6, 1, 6)]
    results = [
        pad_packed_sequence(module(pack_sequence(sequences, False))[0], batch_first=True) for module in (ours, theirs)
    ]
    torch.testing.assert_close(*results)


def test_subclasses_of_tensor() -> None:
    class Named(torch.Tensor):
        pass

    ours, theirs = pair("GRU", I, H)
    x = torch.randn(T, B, I).as_subclass(Named)
    torch.testing.assert_close(ours(x)[0].as_subclass(torch.Tensor), theirs(x)[0].as_subclass(torch.Tensor))
