"""The recurrent modules as classes that ``torch.compile`` takes whole.

``torch.compile`` breaks its graph at every instance of ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN``, so also at those of
:mod:`recurra.torch`. The classes here have the same arguments, weights, state dicts and results, but derive from
``nn.RNNBase`` alone: one operator of the graph stands for each layer. ``isinstance(module, nn.LSTM)`` is False.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from recurra.torch.forward import KernelForward

__all__ = ["GRU", "LSTM", "RNN"]


class LSTM(KernelForward, nn.RNNBase):
    """As :class:`recurra.torch.LSTM`."""

    _pytorch_forward = nn.LSTM.forward
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args
    permute_hidden = nn.LSTM.permute_hidden

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(KernelForward, nn.RNNBase):
    """As :class:`recurra.torch.GRU`."""

    _pytorch_forward = nn.GRU.forward

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse_proj_size(kwargs)
        super().__init__("GRU", *args, **kwargs)


class RNN(KernelForward, nn.RNNBase):
    """As :class:`recurra.torch.RNN`."""

    _pytorch_forward = nn.RNN.forward

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse_proj_size(kwargs)
        if len(args) > 3:
            kwargs["nonlinearity"], args = args[3], args[:3] + args[4:]
        self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{self.nonlinearity.upper()}", *args, **kwargs)


def _refuse_proj_size(kwargs: dict[str, Any]) -> None:
    if "proj_size" in kwargs:  # as nn.GRU and nn.RNN do
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
