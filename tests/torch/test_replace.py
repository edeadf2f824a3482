"""`accelerate` and `restore`: what changes, what is left, and what stays the same."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import recurra.torch
from recurra.torch import accelerate, restore


class Own(nn.LSTM):
    """A program's subclass."""


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.encoder = nn.LSTM(5, 7, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3)
        self.decoder = nn.ModuleList([nn.GRU(14, 6, batch_first=True), nn.RNN(6, 4, batch_first=True)])
        self.cell = nn.LSTMCell(4, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, ids: Any) -> Any:
        x, _ = self.encoder(self.embedding(ids))
        for layer in self.decoder:
            x, _ = layer(x)
        state = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.out(state[0])


def test_a_model_there_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    model = Tagger().eval()
    ids = torch.randint(0, 11, (3, 9))
    expected = model(ids)
    calls: list[Any] = []
    model.encoder.register_forward_hook(lambda *_: calls.append("hook"))
    model.encoder.register_buffer("scale", torch.ones(1))
    before, parts, keys = list(model.parameters()), list(model.modules()), list(model.state_dict())
    assert accelerate(model) is model
    report = capsys.readouterr().out
    assert report.startswith("4 modules on recurra's kernels, 0 left\n")
    assert "changed  encoder: LSTM(5, 7, num_layers=2" in report and "cell: LSTMCell(4, 3)" in report
    types = [type(model.encoder), *map(type, model.decoder), type(model.cell)]
    assert types == [recurra.torch.LSTM, recurra.torch.GRU, recurra.torch.RNN, recurra.torch.LSTMCell]
    assert list(map(id, model.parameters())) == list(map(id, before)) and list(model.modules()) == parts
    assert list(model.state_dict()) == keys and not model.encoder.training
    torch.testing.assert_close(model(ids), expected)
    assert calls == ["hook"]
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(accelerate(Tagger(), report=False)))):
        assert type(other.encoder) is recurra.torch.LSTM
    capsys.readouterr()
    accelerate(model)
    assert "0 modules on recurra's kernels, 4 left" in capsys.readouterr().out
    assert restore(model) is model
    assert capsys.readouterr().out.startswith("4 modules on PyTorch's implementation, 0 left\n")
    assert [type(model.encoder), *map(type, model.decoder), type(model.cell)] == [nn.LSTM, nn.GRU, nn.RNN, nn.LSTMCell]
    torch.testing.assert_close(model(ids), expected)


def test_what_is_left_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.ModuleDict(
        {"own": Own(3, 4), "projected": nn.LSTM(3, 4, proj_size=2), "linear": nn.Linear(3, 4), "gru": nn.GRU(3, 4)}
    )
    accelerate(model)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 modules on recurra's kernels, 1 left"
    assert lines[1:3] == ["  changed  projected: LSTM(3, 4, proj_size=2)", "  changed  gru: GRU(3, 4)"]
    assert lines[3].startswith("  left     own: Own(3, 4): ") and "Own is a class of its own" in lines[3]
    assert [type(module) for module in model.values()] == [Own, recurra.torch.LSTM, nn.Linear, recurra.torch.GRU]


def test_a_module_alone_and_silence(capsys: pytest.CaptureFixture[str]) -> None:
    module = accelerate(nn.GRUCell(3, 4), report=False)
    assert type(module) is recurra.torch.GRUCell and not capsys.readouterr().out
    restore(module)
    assert (
        capsys.readouterr().out
        == "1 module on PyTorch's implementation, 0 left\n  changed  (the model): GRUCell(3, 4)\n"
    )
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got list"):
        accelerate([module])


def test_parametrized_modules() -> None:
    torch.manual_seed(0)
    module = nn.LSTM(3, 4)
    parametrizations.weight_norm(module, "weight_hh_l0")
    x = torch.randn(5, 2, 3)
    expected = module(x)
    accelerate(module, report=False)
    assert isinstance(module, recurra.torch.LSTM) and type(module).__name__ == "ParametrizedLSTM"
    torch.testing.assert_close(module(x), expected)
    torch.nn.utils.parametrize.remove_parametrizations(module, "weight_hh_l0")
    assert type(module) is recurra.torch.LSTM
    torch.testing.assert_close(module(x), expected)
    other = parametrizations.weight_norm(recurra.torch.GRU(3, 4), "weight_hh_l0")
    restore(other, report=False)
    assert isinstance(other, nn.GRU) and not isinstance(other, recurra.torch.GRU)


def test_one_module_in_two_places(capsys: pytest.CaptureFixture[str]) -> None:
    shared = nn.LSTM(3, 3)
    accelerate(nn.Sequential(shared, shared))
    assert capsys.readouterr().out.startswith("1 module on")
    assert type(shared) is recurra.torch.LSTM


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore::UserWarning")
def test_quantized_and_scripted_modules_are_left(capsys: pytest.CaptureFixture[str]) -> None:
    quantized = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.LSTM(3, 4)), {nn.LSTM})
    scripted = torch.jit.script(nn.Sequential(nn.GRU(3, 4)))
    for model, what in ((quantized, "quantized.dynamic"), (scripted, "jit")):
        accelerate(model)
        report = capsys.readouterr().out
        assert report.startswith("0 modules on recurra's kernels, 1 left") and what in report, report
