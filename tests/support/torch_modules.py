"""Modules of recurra.torch beside PyTorch's: made alike, and all that a call and its backward pass give."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import recurra.torch

KINDS = {"LSTM": {}, "GRU": {}, "RNN": {}, "RNN_relu": {"nonlinearity": "relu"}}
T, B, I, H = 11, 3, 5, 7
TOLERANCE = {torch.float32: {"atol": 3e-5, "rtol": 1e-4}, torch.float64: {"atol": 1e-11, "rtol": 1e-9}}


def pair(kind: str, *args: Any, source: Any = recurra.torch, seed: int = 1, **kwargs: Any) -> tuple[Any, Any]:
    """Ours and PyTorch's, made alike."""
    name = kind.partition("_")[0]
    modules = []
    for cls in (getattr(source, name), getattr(nn, name)):
        torch.manual_seed(seed)
        modules.append(cls(*args, **KINDS[kind], **kwargs))
    return modules[0], modules[1]


def flat(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)) and not isinstance(result, PackedSequence):
        return [tensor for one in result for tensor in flat(one)]
    return [result.data if isinstance(result, PackedSequence) else result]


def outputs_and_gradients(module: Any, x: Any, hx: Any, seed: int = 3) -> list[Any]:
    """Everything that one call and its backward pass give. x: a tensor, or a list of sequences to pack."""
    sequences = [one.clone().requires_grad_() for one in (x if isinstance(x, list) else [x])]
    given = pack_sequence(sequences, enforce_sorted=False) if isinstance(x, list) else sequences[0]
    states = [one.clone().requires_grad_() for one in hx or ()]
    result = flat(module(given, None if not states else tuple(states) if len(states) == 2 else states[0]))
    torch.manual_seed(seed)
    torch.autograd.backward(result, [torch.randn(one.shape, dtype=one.dtype) for one in result])
    gradients = [one.grad for one in (*sequences, *states, *module.parameters())]
    module.zero_grad()
    return [one.detach() for one in result] + gradients


def states_for(kind: str, shape: tuple[int, ...], dtype: Any) -> list[Any]:
    return [torch.randn(shape, dtype=dtype) for _ in range(2 if kind == "LSTM" else 1)]
