"""torch.jit.script, torch.jit.trace and torch.fx: PyTorch's modules and results, with the same weights."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import nn

import recurra.torch
from recurra.torch import compilable

T, B, I, H = 6, 3, 5, 7
OPTIONS = ({}, {"num_layers": 2, "bidirectional": True, "batch_first": True}, {"bias": False})
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning", "ignore::torch.jit.TracerWarning"
)


class Model(nn.Module):
    def __init__(self, source: Any, name: str, **options: Any) -> None:
        super().__init__()
        self.rnn = getattr(source, name)(I, H, **options)
        self.out = nn.Linear(H * (2 if options.get("bidirectional") else 1), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.rnn(x * 2)
        scores: torch.Tensor = self.out(y)
        return scores


class Steps(nn.Module):
    def __init__(self, source: Any, name: str) -> None:
        super().__init__()
        self.cell = getattr(source, name)(I, H)

    def forward(self, x: torch.Tensor) -> Any:
        h = self.cell(x[0])
        return self.cell(x[1], h)


MODELS = [
    pytest.param(source, name, options, id=f"{source.__name__} {name} {len(options)}")
    for source in (recurra.torch, compilable)
    for name in ("LSTM", "GRU", "RNN")
    for options in OPTIONS
]


@pytest.mark.parametrize(("source", "name", "options"), MODELS)
def test_script(source: Any, name: str, options: Any) -> None:
    torch.manual_seed(0)
    model, x = Model(source, name, **options).eval(), torch.randn(T, B, I)
    expected, weights = model(x), model.state_dict()
    scripted = torch.jit.script(model)
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    for found in (scripted, torch.jit.load(file)):
        torch.testing.assert_close(found(x), expected)
    assert scripted.state_dict().keys() == weights.keys()
    torch.testing.assert_close(model(x), expected)  # the model goes on
    with torch.no_grad():
        weights["rnn.weight_hh_l0"].mul_(0.5)  # the weights are those of the model
    torch.testing.assert_close(scripted(x), model(x))


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_script_of_a_cell(name: str) -> None:
    torch.manual_seed(0)
    model, x = Steps(recurra.torch, name), torch.randn(2, B, I)
    expected = model(x)
    torch.testing.assert_close(torch.jit.script(model)(x), expected)


def test_script_leaves_a_class_of_a_program_alone() -> None:
    class Own(recurra.torch.GRU):
        pass

    module = Own(I, H)
    assert module.__prepare_scriptable__() is module


@pytest.mark.parametrize(("source", "name", "options"), MODELS)
def test_symbolic_trace_has_one_node(source: Any, name: str, options: Any) -> None:
    torch.manual_seed(0)
    model, x = Model(source, name, **options), torch.randn(T, B, I)
    traced = torch.fx.symbolic_trace(model)
    assert [node.target for node in traced.graph.nodes if node.op == "call_module"] == ["rnn", "out"]
    assert type(traced.rnn) is type(model.rnn)
    torch.testing.assert_close(traced(x), model(x))


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_symbolic_trace_of_a_cell(name: str) -> None:
    torch.manual_seed(0)
    model, x = Steps(recurra.torch, name), torch.randn(2, B, I)
    traced = torch.fx.symbolic_trace(model)
    assert [node.target for node in traced.graph.nodes if node.op == "call_module"] == ["cell", "cell"]
    torch.testing.assert_close(traced(x), model(x))


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_trace(name: str) -> None:
    torch.manual_seed(0)
    model, x = Model(recurra.torch, name).eval(), torch.randn(T, B, I)
    traced = torch.jit.trace(copy.deepcopy(model), x)
    torch.testing.assert_close(traced(x * 3), model(x * 3))
