"""``LSTMCell``, ``GRUCell`` and ``RNNCell``: subclasses of PyTorch's, on the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recurra.torch.forward import DIRECT, pytorch_only, way
from recurra.torch.step import run_step


class KernelCell:
    """The call of a subclass of ``nn.RNNCellBase``: one step."""

    _pytorch_forward: ClassVar[Callable[..., Any]]
    _mode: str
    input_size: int
    hidden_size: int
    bias: bool
    _parameters: dict[str, Any]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """As PyTorch's."""
        mode = self._mode
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if self.bias else ("weight_ih", "weight_hh")
        own = self._parameters  # a lookup there costs less than an attribute
        weights = [own.get(name) if name in own else getattr(self, name) for name in names]
        states = None if torch.compiler.is_compiling() or pytorch_only() else self._states_fit(input, hx)
        if states is None or not input.numel() or way((input, *states, *weights), input.dtype) != DIRECT:
            return type(self)._pytorch_forward(self, input, hx)
        h0, c0 = (*states, None, None)[:2]
        return run_step(mode, input, h0, c0, weights)

    def _states_fit(self, x: Any, hx: Any) -> list[Tensor] | None:
        """The initial states, empty for zeros; None where their number or shapes are wrong."""
        if not isinstance(x, Tensor) or x.dim() not in (1, 2) or x.shape[-1] != self.input_size:
            return None
        if hx is None:
            return []
        states = hx if self._mode == "LSTM" else (hx,)
        if not isinstance(states, (tuple, list)) or len(states) != (2 if self._mode == "LSTM" else 1):
            return None
        shape = (*x.shape[:-1], self.hidden_size)
        if not all(isinstance(state, Tensor) and tuple(state.shape) == shape for state in states):
            return None
        return list(states)


class LSTMCell(KernelCell, nn.LSTMCell):
    """``torch.nn.LSTMCell`` on recurra's kernels; the same arguments, weights and results."""

    _pytorch_forward = nn.LSTMCell.forward
    _mode = "LSTM"


class GRUCell(KernelCell, nn.GRUCell):
    """``torch.nn.GRUCell`` on recurra's kernels; the same arguments, weights and results."""

    _pytorch_forward = nn.GRUCell.forward
    _mode = "GRU"


class RNNCell(KernelCell, nn.RNNCell):
    """``torch.nn.RNNCell`` on recurra's kernels; the same arguments, weights and results."""

    _pytorch_forward = nn.RNNCell.forward

    @property
    def _mode(self) -> str:  # type: ignore[override,unused-ignore]
        return f"RNN_{self.nonlinearity.upper()}"
