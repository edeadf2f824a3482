"""Recurrent policies in sb3-contrib's form: the loop over the steps of a batch and the one call give the same."""

from __future__ import annotations

import copy
import pickle
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from recurra.torch import accelerate, restore

PACKAGE = "sb3_contrib.common.recurrent.policies"


class Policy(nn.Module):
    """The part of the package's policy that matters: its LSTMs, and its loop."""

    def __init__(self, critic: bool = True) -> None:
        super().__init__()
        self.lstm_actor = nn.LSTM(5, 7, num_layers=2)
        self.lstm_critic = nn.LSTM(5, 7, num_layers=2) if critic else None

    @staticmethod
    def _process_sequence(features: Any, lstm_states: Any, episode_starts: Any, lstm: Any) -> Any:
        rows = lstm_states[0].shape[1]
        outputs = []
        steps = features.reshape((rows, -1, lstm.input_size)).swapaxes(0, 1)
        for x, start in zip(steps, episode_starts.reshape((rows, -1)).swapaxes(0, 1), strict=True):
            keep = (1.0 - start).view(1, rows, 1)
            y, lstm_states = lstm(x[None], (keep * lstm_states[0], keep * lstm_states[1]))
            outputs.append(y)
        return torch.cat(outputs).transpose(0, 1).flatten(0, 1), lstm_states


class OwnLoop(Policy):
    @staticmethod
    def _process_sequence(*arguments: Any) -> Any:
        return "own"


@pytest.fixture(autouse=True)
def _package(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType(PACKAGE)
    module.RecurrentActorCriticPolicy = Policy
    monkeypatch.setitem(sys.modules, PACKAGE, module)


def results(policy: Any, rows: int, steps: int, starts: Any) -> list[torch.Tensor]:
    """Outputs, final states, and gradients of everything, of one batch."""
    random = torch.Generator().manual_seed(steps)
    x = torch.randn(rows * steps, 5, generator=random, requires_grad=True)
    states = [torch.randn(2, rows, 7, generator=random, requires_grad=True) for _ in "hc"]
    y, (h, c) = policy._process_sequence(x, tuple(states), starts, policy.lstm_actor)
    weights = torch.randn(y.shape, generator=random)
    total = (y * weights).sum() + (h * 2).sum() + (c * c).sum()
    return [y, h, c, *torch.autograd.grad(total, [x, *states, *policy.lstm_actor.parameters()])]


@pytest.mark.parametrize(("rows", "steps", "share"), [(3, 11, 0.3), (4, 1, 0.5), (2, 9, 0.0), (1, 6, 1.0)])
def test_one_call_gives_what_the_loop_gives(rows: int, steps: int, share: float) -> None:
    torch.manual_seed(rows)
    policy = Policy()
    starts = (torch.rand(rows * steps) < share).float()
    expected = results(policy, rows, steps, starts)
    calls: list[int] = []
    accelerate(policy, report=False).lstm_actor.register_forward_hook(lambda *_: calls.append(1))
    for got, value in zip(results(policy, rows, steps, starts), expected, strict=True):
        torch.testing.assert_close(got, value)
    assert len(calls) == 1


def test_there_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    policy = nn.ModuleDict({"policy": Policy(critic=False)})
    accelerate(policy)
    report = capsys.readouterr().out
    assert report.startswith("2 modules on") and "changed  policy: Policy: its steps in one call" in report
    accelerate(policy)
    assert capsys.readouterr().out.startswith("0 modules on")
    for other in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))):
        restore(other)
        assert "changed  policy: Policy: its steps in a loop" in capsys.readouterr().out
        assert other["policy"]._process_sequence is Policy._process_sequence
    assert policy["policy"]._process_sequence is not Policy._process_sequence


def test_what_keeps_its_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    assert accelerate(OwnLoop(), report=False)._process_sequence() == "own"
    theirs = Policy()
    theirs.lstm_critic = type("Other", (nn.LSTM,), {})(5, 7)  # a program's own class stays PyTorch's
    assert accelerate(theirs, report=False)._process_sequence is Policy._process_sequence
    monkeypatch.delitem(sys.modules, PACKAGE)
    assert accelerate(Policy(), report=False)._process_sequence is Policy._process_sequence
