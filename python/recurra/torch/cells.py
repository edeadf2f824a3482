"""``LSTMCell``, ``GRUCell`` and ``RNNCell``: subclasses of PyTorch's, on the kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recurra.torch.forward import DIRECT, pytorch_only, way
from recurra.torch.kinds import KINDS
from recurra.torch.modes import outside_default_device
from recurra.torch.step import run_step
from recurra.torch.tracing import pytorch_call, scriptable
from recurra.torch.weights import WeightsThatMayBeSwapped


class KernelCell(WeightsThatMayBeSwapped):
    """The call of a subclass of ``nn.RNNCellBase``: one step."""

    _pytorch_forward: ClassVar[Callable[..., Any]]
    _mode: str
    input_size: int
    hidden_size: int
    bias: bool
    _parameters: dict[str, Any]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """As PyTorch's."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if self.bias else ("weight_ih", "weight_hh")
        own = self._parameters  # a lookup there costs less than an attribute
        try:
            weights = [own[name] for name in names]
        except KeyError:  # a parametrization, pruning
            weights = [getattr(self, name) for name in names]
        if torch.compiler.is_compiling():
            return pytorch_call(self, input, hx)
        if not torch._C._is_torch_function_mode_enabled():
            return self._run(input, hx, weights)
        return outside_default_device(self._run, input, hx, weights)

    def _run(self, input: Any, hx: Any, weights: list[Any]) -> Any:
        mode = self._mode
        states = None if pytorch_only() or mode not in KINDS else self._states_fit(input, hx)
        if states is None or not (input.numel() and self.hidden_size):
            return pytorch_call(self, input, hx)
        if way((input, *states, *weights), input.dtype) != DIRECT:
            return pytorch_call(self, input, hx)
        h0, c0 = (*states, None, None)[:2]
        return run_step(mode, input, h0, c0, weights)

    def __prepare_scriptable__(self) -> Any:
        return scriptable(self)  # type: ignore[arg-type,unused-ignore]

    def _states_fit(self, x: Any, hx: Any) -> Sequence[Tensor] | None:
        """The initial states, empty for zeros; None where their number or shapes are wrong."""
        if not isinstance(x, Tensor) or x.is_nested or not 1 <= x.dim() <= 2:
            return None
        *batch, features = x.shape
        if features != self.input_size:
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
        # nn.RNNCell takes any name, and raises when it is called.
        return {"tanh": "RNN_TANH", "relu": "RNN_RELU"}.get(self.nonlinearity, "RNN")
