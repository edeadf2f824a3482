"""PyTorch: ``torch.nn`` layers, with oneDNN on and off, denormals flushed, batch- or time-major, packed or padded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.python import gates
from bench.python.peers import Candidate, keep_reversed
from bench.python.problem import Answer, Problem

LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "simple_rnn": torch.nn.RNN}


def prepare(threads: int) -> None:
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)


def versions() -> dict[str, str]:
    return {"torch": torch.__version__, "torch CPU capability": torch.backends.cpu.get_cpu_capability()}


def candidates(problem: Problem) -> list[Candidate]:
    if problem.cell.name not in LAYERS:  # no reset gate before the product
        return []
    ragged = problem.mask is not None
    found = []
    for onednn in (True, False):
        for time_major in (False, True):
            # A single step has one layout, a packed batch its own, and float64 never goes through oneDNN.
            if (time_major and problem.case.time == 1) or (onednn and problem.dtype == "float64"):
                continue
            name = ("oneDNN" if onednn else "oneDNN off") + (", time-major" if time_major else "")
            found.append(_candidate(problem, name + (", padded" if ragged else ""), onednn, time_major, packed=False))
    if ragged:
        found.append(_candidate(problem, "PackedSequence", True, time_major=False, packed=True))
    return found


def _layer(problem: Problem, time_major: bool) -> torch.nn.RNNBase:
    layer = LAYERS[problem.cell.name](
        problem.case.inputs,
        problem.case.units,
        batch_first=not time_major,
        bidirectional=problem.case.bidirectional,
        dtype=getattr(torch, problem.dtype),
    )
    with torch.no_grad():
        for direction, weights in enumerate(problem.weights):
            for parameter, value in zip(
                layer.all_weights[direction], gates.to_torch(problem.cell, weights), strict=True
            ):
                parameter.copy_(torch.from_numpy(value))
    return layer


def _candidate(problem: Problem, setting: str, onednn: bool, time_major: bool, packed: bool) -> Candidate:
    layer = _layer(problem, time_major)

    def sequence(array: np.ndarray[Any, Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array.swapaxes(0, 1)) if time_major else array)

    x, dy, h0 = sequence(problem.x), sequence(problem.dy), torch.from_numpy(problem.h0)
    lengths = torch.from_numpy(problem.lengths.astype(np.int64))
    states = (h0,) if problem.c0 is None else (h0, torch.from_numpy(problem.c0))
    inputs = [x, *states]
    if problem.training:
        inputs = [tensor.requires_grad_() for tensor in inputs]
    parameters = list(layer.parameters())

    def forward() -> tuple[torch.Tensor, Any]:
        state = states[0] if len(states) == 1 else states
        if not packed:
            y, final = layer(x, state)
            return y, final
        batch = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, final = layer(batch, state)
        return torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=problem.case.time)[0], final

    def inference() -> tuple[torch.Tensor, Any, tuple[torch.Tensor, ...]]:
        return *forward(), ()

    def training() -> tuple[torch.Tensor, Any, tuple[torch.Tensor, ...]]:
        y, final = forward()
        return y, final, torch.autograd.grad(y, [*inputs, *parameters], dy)

    def enter() -> None:
        torch.set_grad_enabled(problem.training)
        with warnings.catch_warnings():  # about GPUs
            warnings.simplefilter("ignore")
            torch.backends.mkldnn.set_flags(onednn)

    def answer(result: Any) -> Answer:
        y, final, gradients = result
        return _answer(problem, y, final, gradients, time_major)

    call: Callable[[], Any] = training if problem.training else inference
    return Candidate(setting, call, answer, enter)


def _answer(problem: Problem, y: torch.Tensor, final: Any, gradients: Any, time_major: bool) -> Answer:
    def plain(tensor: torch.Tensor, swap: bool = False) -> np.ndarray[Any, Any]:
        array: np.ndarray[Any, Any] = tensor.detach().numpy()
        return array.swapaxes(0, 1) if swap else array

    found: Answer = {"y": plain(y, time_major)}
    found["h"] = plain(final if problem.c0 is None else final[0])
    if problem.c0 is not None:
        found["c"] = plain(final[1])
    if not problem.training:
        return found
    names = ["dx", "dh0"] + (["dc0"] if problem.c0 is not None else [])
    for name, gradient in zip(names, gradients, strict=False):
        found[name] = plain(gradient, time_major and name == "dx")
    rest = [plain(gradient) for gradient in gradients[len(names) :]]
    weights = []
    for start in range(0, len(rest), 4):
        kernel, recurrent, bias, bias_hh = rest[start : start + 4]
        w = gates.gradients_from_torch(problem.cell, kernel, recurrent, bias, bias_hh)
        weights.append({"dkernel": w.kernel, "drecurrent_kernel": w.recurrent_kernel, "dbias": w.bias})
    return found | keep_reversed(problem, weights)
