"""PyTorch's recurrent modes, and the kernels' cells that compute them."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One mode of PyTorch's RNNBase."""

    cell: str  # of the kernels
    activation: str
    gates: int
    swap: bool  # the kernels' first two gates are PyTorch's in the other order
    two_biases: bool  # the kernels keep the biases of input and state apart

    @property
    def has_c(self) -> bool:
        """Whether the cell carries c beside h."""
        return self.cell == "lstm"


KINDS = {
    "LSTM": Kind("lstm", "tanh", 4, False, False),
    "GRU": Kind("gru", "tanh", 3, True, True),
    "RNN_TANH": Kind("simple_rnn", "tanh", 1, False, False),
    "RNN_RELU": Kind("simple_rnn", "relu", 1, False, False),
}
