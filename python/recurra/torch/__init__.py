"""PyTorch's recurrent modules on recurra's kernels: ``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` and their cells.

    import recurra.torch
    recurra.torch.accelerate(model)                 # every recurrent module of a model, in place
    lstm = recurra.torch.LSTM(64, 128)              # or one of them, with nn.LSTM's arguments

The classes are subclasses of PyTorch's: state dicts, hooks, pickles, ``isinstance`` and utilities of ``torch.nn.utils``
work as before. Tensors are shared with the kernels, not copied. Calls that the kernels do not take (other devices and
dtypes, second derivatives, function transforms) run PyTorch's implementation.

:mod:`recurra.torch.compilable` has the same modules for ``torch.compile``. Needs PyTorch:
``pip install 'recurra[torch]'``.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError:
    raise ImportError("recurra.torch needs PyTorch: pip install 'recurra[torch]'") from None

from recurra.torch.cells import GRUCell, LSTMCell, RNNCell
from recurra.torch.modules import GRU, LSTM, RNN
from recurra.torch.replace import accelerate, restore

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "accelerate", "restore"]
