"""The default device's mode costs a call nothing and stays in place; other modes see the call."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._device import DeviceContext

import recurra.torch
from recurra.torch import forward
from recurra.torch.modes import outside_default_device
from tests.support.torch_modules import TOLERANCE, B, H, I, T, outputs_and_gradients, pair


class Counting(TorchFunctionMode):
    seen = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += 1
        return func(*args, **(kwargs or {}))


def test_the_kernels_run_directly_under_a_default_device(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair("GRU", I, H, num_layers=2, bidirectional=True)
    x = torch.randn(T, B, I)
    expected = outputs_and_gradients(theirs, x, None)
    cell = recurra.torch.LSTMCell(I, H)
    state = cell(x[0])
    for name in ("gru", "lstm_cell"):
        monkeypatch.setattr(torch._VF, name, None, raising=False)
    monkeypatch.setattr(forward, "library", None)
    with torch.device("cpu"):
        found = outputs_and_gradients(ours, x, None)
        again = cell(x[0])
        again[0].sum().backward()
    torch.testing.assert_close(found, expected, **TOLERANCE[torch.float32])
    torch.testing.assert_close(again, state, rtol=0, atol=0)


def test_what_a_call_does_under_the_mode() -> None:
    """One look at whether it is there: no operation of a call or backward pass goes through it."""
    module = recurra.torch.LSTM(I, H)
    x = torch.randn(T, B, I)
    calls: list[Any] = []

    class Spy(DeviceContext):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            calls.append(func)
            return super().__torch_function__(func, types, args, kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recurra.torch.modes.DeviceContext", Spy)
        with Spy("cpu"):
            y, _ = module(x)
            before = len(calls)
            torch.autograd.backward(y, torch.ones(T, B, H))
    assert before == 0
    assert [call for call in calls if "ones" not in str(call) and "backward" not in str(call)] == []


def test_the_mode_stays_in_place() -> None:
    module = recurra.torch.GRU(I, H)
    with torch.device("meta"):
        y, _ = module(torch.zeros(T, B, I, device="cpu"))
        with pytest.raises(RuntimeError):
            module(torch.zeros(T, B, I + 1, device="cpu"))
        assert torch.zeros(1).device.type == "meta" and y.device.type == "cpu"

    def fails() -> None:
        raise KeyError

    with torch.device("meta"):
        with pytest.raises(KeyError):
            outside_default_device(fails)
        assert outside_default_device(torch.zeros, 1).device.type == "cpu"
        assert torch.zeros(1).device.type == "meta"


def test_another_mode_sees_the_call() -> None:
    ours, theirs = pair("LSTM", I, H)
    x = torch.randn(T, B, I)
    for outer in (torch.device("cpu"), Counting()):
        with outer, Counting() as mode:  # type: ignore[attr-defined,unused-ignore]
            y, _ = ours(x)
            assert mode.seen > 0
            assert outside_default_device(torch._C._len_torch_function_stack) == 2
        torch.testing.assert_close(y, theirs(x)[0])
