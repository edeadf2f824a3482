"""``LSTMCell``, ``GRUCell`` and ``RNNCell``: subclasses of PyTorch's, on the kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recurra.torch.forward import DIRECT, pytorch_only, way
from recurra.torch.step import run_step
from recurra.torch.tracing import pytorch_call, scriptable


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
        try:
            weights = [own[name] for name in names]
        except KeyError:  # a parametrization, pruning
            weights = [getattr(self, name) for name in names]
        states = None if torch.compiler.is_compiling() or pytorch_only() else self._states_fit(input, hx)
        if states is None or not input.numel() or way((input, *states, *weights), input.dtype) != DIRECT:
            return pytorch_call(self, input, hx)
        h0, c0 = (*states, None, None)[:2]
        return run_step(mode, input, h0, c0, weights)

    def __prepare_scriptable__(self) -> Any:
        return scriptable(self)  # type: ignore[arg-type,unused-ignore]

    def _states_fit(self, x: Any, hx: Any) -> Sequence[Tensor] | None:
        """The initial states, empty for zeros; None where their number or shapes are wrong."""
        if not isinstance(x, Tensor):
            return None
        *batch, features = x.shape
        if features != self.input_size or len(batch) > 1:
            return None
        if hx is None:
            return []
        states: Any = hx
        if not isinstance(self, nn.LSTMCell):
            states = (hx,)
        elif not isinstance(hx, (tuple, list)) or len(hx) != 2:
            return None
        shape = (*batch, self.hidden_size)
        for state in states:
            if not isinstance(state, Tensor) or state.shape != shape:
                return None
        return states  # type: ignore[no-any-return,unused-ignore]


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
        return "RNN_TANH" if self.nonlinearity == "tanh" else f"RNN_{self.nonlinearity.upper()}"
