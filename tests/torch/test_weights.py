"""Weights that change between calls, in every way that people change them, are seen by the next call."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import recurra.torch
from recurra.torch import compilable, weights
from tests.support.torch_modules import KINDS, TOLERANCE, B, H, I, T, outputs_and_gradients, pair


def _after(ours: Any, theirs: Any, change: Any) -> None:
    """Both modules agree after the same change to each, in evaluation and in training."""
    x = torch.randn(T, B, I)
    with torch.no_grad():
        ours(x), ours(x)  # packed weights are kept
    for module in (ours, theirs):
        torch.manual_seed(5)
        change(module)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))
    found, expected = (outputs_and_gradients(module, x, None) for module in (ours, theirs))
    torch.testing.assert_close(found, expected, **TOLERANCE[torch.float32])


def _step(module: Any) -> None:
    optimizer = torch.optim.Adam(module.parameters(), 0.1)
    module(torch.ones(T, B, I))[0].sum().backward()
    optimizer.step()
    module.zero_grad()


def _one_storage(module: Any) -> None:
    values = torch.cat([parameter.detach().ravel() for parameter in module.parameters()])
    at = 0
    for parameter in module.parameters():
        parameter.data = values[at : at + parameter.numel()].view(parameter.shape)
        at += parameter.numel()


def _transposed_storage(module: Any) -> None:
    module.weight_ih_l0.data = module.weight_ih_l0.detach().t().contiguous().t()


def _numpy_write(module: Any) -> None:
    module.weight_hh_l0.detach().numpy()[2, 3] += 1


def _replace_parameter(module: Any) -> None:
    module.weight_hh_l0 = nn.Parameter(torch.randn_like(module.weight_hh_l0))


CHANGES = {
    "optimizer": _step,
    "data": lambda module: module.weight_ih_l0.data.mul_(2),
    "numpy": _numpy_write,
    "load_state_dict": lambda module: module.load_state_dict({k: v + 1 for k, v in module.state_dict().items()}),
    "one storage": _one_storage,
    "not contiguous": _transposed_storage,
    "parameter": _replace_parameter,
    "orthogonal": lambda module: nn.init.orthogonal_(module.weight_hh_l0),
    "dtype there and back": lambda module: module.double().float(),
    "pruning": lambda module: prune.random_unstructured(module, "weight_hh_l0", 0.5),
    "weight_norm": lambda module: torch.nn.utils.weight_norm(module, "weight_hh_l0"),
    "parametrizations": lambda module: parametrizations.weight_norm(module, "weight_hh_l0"),
    "spectral_norm": lambda module: parametrizations.spectral_norm(module.eval(), "weight_ih_l0"),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("source", [recurra.torch, compilable])
def test_weights_that_change(source: Any, change: str) -> None:
    _after(*pair("LSTM", I, H, source=source), CHANGES[change])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (1, 5), (2, 1), (8, 1), (9, 1), (2, 4), (3, 3), "packed"], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_at_each_call(kind: str, shape: Any, batch_first: bool) -> None:
    module, _ = pair(kind, I, H, batch_first=batch_first)
    x = [torch.randn(n, I) for n in (3, 1, 4)] if shape == "packed" else torch.randn(*shape, I)
    first, *others = (outputs_and_gradients(module, x, None) for _ in range(weights.CALLS_OF_AN_UPDATE + 3))
    for other in others:
        torch.testing.assert_close(other, first, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True, "num_layers": 2, "batch_first": True}, {"proj_size": 3}]
)
def test_many_calls_with_gradients_on(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Converted once an update in training; kept where a program evaluates without ``no_grad``, until they change."""
    module = recurra.torch.LSTM(I, H, **options)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    parts = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    x = torch.randn(T, B, I)
    converted, convert = [], weights._columns
    monkeypatch.setattr(weights, "_columns", lambda *given: converted.append(1) or convert(*given))  # type: ignore[func-returns-value]

    def call() -> list[Any]:
        return outputs_and_gradients(module, x, None)

    for _ in range(3):  # a siamese network: two calls an update
        first, second = call(), call()
        torch.testing.assert_close(first, second, rtol=0, atol=0)
        module(x)[0].sum().backward()
        optimizer.step(), optimizer.zero_grad()
    assert len(converted) == 9 * parts
    expected = [call() for _ in range(weights.CALLS_OF_AN_UPDATE)][-1]
    converted.clear()
    for _ in range(4):
        torch.testing.assert_close(call(), expected, rtol=0, atol=0)
    assert len(converted) == parts
    for change in (
        lambda: module.weight_hh_l0.data.mul_(1.5),
        lambda: optimizer.param_groups[0]["params"][0].detach().numpy().__imul__(0.5),
        lambda: nn.init.uniform_(module.bias_ih_l0),
    ):
        before, _ = module(x)
        change()
        after, _ = module(x)
        with torch.no_grad():
            torch.testing.assert_close(after, module(x)[0], rtol=0, atol=0)
            assert not torch.equal(before, after)
        plain = nn.LSTM(I, H, **options)
        plain.load_state_dict(module.state_dict())
        torch.testing.assert_close(after, plain(x)[0])


def test_functional_call_and_tied_weights() -> None:
    ours, theirs = pair("GRU", I, I, num_layers=2)
    for module in (ours, theirs):
        module.weight_ih_l1 = module.weight_ih_l0
    x = torch.randn(T, B, I)
    found, expected = (outputs_and_gradients(module, x, None) for module in (ours, theirs))
    torch.testing.assert_close(found, expected, **TOLERANCE[torch.float32])
    other = {name: torch.randn_like(value).requires_grad_() for name, value in ours.named_parameters()}
    results = []
    for module in (ours, theirs):
        y, _ = torch.func.functional_call(module, other, (x,))
        results.append((y, *torch.autograd.grad(y.sum(), list(other.values()))))
        torch.testing.assert_close(module(x), theirs(x))
    torch.testing.assert_close(*results, **TOLERANCE[torch.float32])


def test_parametrized_weights_are_used() -> None:
    ours, theirs = pair("LSTM", I, H)

    class Twice(nn.Module):
        def forward(self, weight: Any) -> Any:
            return 2 * weight

    for module in (ours, theirs):
        parametrize.register_parametrization(module, "weight_hh_l0", Twice())
    x = torch.randn(T, B, I)
    torch.testing.assert_close(ours(x), theirs(x))


def test_a_call_keeps_no_memory_of_the_weights_of_a_module_that_is_gone() -> None:
    gc.collect()
    before = len(weights._KEPT)
    module = recurra.torch.LSTM(I, H)
    with torch.no_grad():
        module(torch.randn(T, B, I))
    assert len(weights._KEPT) == before + 1
    del module
    gc.collect()
    assert len(weights._KEPT) == before


@pytest.mark.parametrize("name", ["LSTM", "GRUCell"])
def test_parameters_that_are_swapped(name: str) -> None:
    """A conversion and, where PyTorch's own module can, `load_state_dict` may swap parameters with others."""
    x = torch.randn(B, I) if name.endswith("Cell") else torch.randn(T, B, I)
    results = []
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        for source in (recurra.torch, nn):
            torch.manual_seed(1)
            module = getattr(source, name)(I, H)
            with torch.no_grad():
                found = [module(x)]
                module.double()
                found.append(module(x.double()))
                if name.endswith("Cell"):
                    module.load_state_dict({key: value + 1 for key, value in module.state_dict().items()})
                    found.append(module(x.double()))
            results.append(found)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)
    torch.testing.assert_close(*results)
