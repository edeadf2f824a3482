"""Modes of PyTorch under which a call runs: those that see each operation of it, and that of the default device.

``torch.set_default_device`` and ``with torch.device(...)`` change only what makes new tensors without a device, which
no call here does; but each attribute of a tensor that is read under them costs a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.utils._device import DeviceContext

Result = TypeVar("Result")


def followed() -> bool:
    """Whether a mode of the program sees each operation of the call."""
    return bool(torch._C._len_torch_dispatch_stack() or torch._C._is_torch_function_mode_enabled())


def outside_default_device(run: Callable[..., Result], *args: Any) -> Result:
    """``run(*args)`` outside the mode of the default device, where that is the only one."""
    stack = torch._C._len_torch_function_stack()
    if stack != 1 or type(torch._C._get_function_stack_at(0)) is not DeviceContext:
        return run(*args)
    mode = torch._C._pop_torch_function_stack()
    try:
        return run(*args)
    finally:
        torch._C._push_on_torch_function_stack(mode)
