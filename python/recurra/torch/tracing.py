"""What TorchScript and symbolic traces see of a module: PyTorch's own, with the same weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def scriptable(module: nn.Module) -> nn.Module:
    """For ``torch.jit.script``: PyTorch's module over the weights, buffers and settings of this one.

    A class that a program derived is left as it is: its `forward` may be another.
    """
    if not type(module).__module__.startswith("recurra.torch."):
        return module
    mode: Any = getattr(module, "mode", None) or getattr(module, "_mode", None)
    cell = "Cell" if isinstance(module, nn.RNNCellBase) else ""
    theirs: Any = getattr(nn, mode.split("_")[0] + cell)
    twin: nn.Module = theirs.__new__(theirs)
    twin.__dict__.update(vars(module))
    return twin


def pytorch_call(module: Any, input: Any, hx: Any) -> Any:
    """The call by PyTorch's implementation; under ``torch.fx`` the module is one node, as PyTorch's own is."""
    if isinstance(input, torch.fx.Proxy):
        tracer: Any = input.tracer
        arguments = (input,) if hx is None else (input, hx)
        return tracer.create_proxy("call_module", tracer.path_of_module(module), arguments, {})
    return type(module)._pytorch_forward(module, input, hx)
