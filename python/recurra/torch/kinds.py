"""PyTorch's recurrent modes, and the kernels' cells that compute them."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One mode of PyTorch's RNNBase; an LSTM with ``proj_size`` is one of its own."""

    cell: str  # of the kernels
    activation: str
    gates: int
    function: str  # PyTorch's own, in torch._VF
    swap: bool = False  # the kernels' first two gates are PyTorch's in the other order
    two_biases: bool = False  # the kernels keep the biases of input and state apart
    has_c: bool = False  # whether the cell carries c beside h
    projects: bool = False  # whether h is projected: then its size is not that of c


KINDS = {
    "LSTM": Kind("lstm", "tanh", 4, "lstm", has_c=True),
    "LSTM_PROJECTED": Kind("projection_lstm", "tanh", 4, "lstm", has_c=True, projects=True),
    "GRU": Kind("gru", "tanh", 3, "gru", swap=True, two_biases=True),
    "RNN_TANH": Kind("simple_rnn", "tanh", 1, "rnn_tanh"),
    "RNN_RELU": Kind("simple_rnn", "relu", 1, "rnn_relu"),
}
