"""``LSTM``, ``GRU`` and ``RNN``: subclasses of PyTorch's, with the kernels in place of its implementation."""

from __future__ import annotations

from torch import nn

from recurra.torch.forward import KernelForward


class LSTM(KernelForward, nn.LSTM):
    """``torch.nn.LSTM`` on recurra's kernels; the same arguments, weights and results.

    resets : of a call, (T, B) bool, or (B, T) with `batch_first`: where True, the row's states are zeros before this
        step, as ``h * (1 - done)`` in a loop over steps makes them
    """

    _pytorch_forward = nn.LSTM.forward


class GRU(KernelForward, nn.GRU):
    """``torch.nn.GRU`` on recurra's kernels, as :class:`LSTM` is; with its `resets` too."""

    _pytorch_forward = nn.GRU.forward


class RNN(KernelForward, nn.RNN):
    """``torch.nn.RNN`` on recurra's kernels, as :class:`LSTM` is; with its `resets` too."""

    _pytorch_forward = nn.RNN.forward
