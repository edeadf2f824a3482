"""Recurrent layers and their cells, under the path that Keras 2 had for them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.layers.recurrent.gru import GRU, GRUCell
    from recurra.layers.recurrent.lstm import LSTM, LSTMCell
    from recurra.layers.recurrent.rnn import RNN
    from recurra.layers.recurrent.simple_rnn import SimpleRNN, SimpleRNNCell
    from recurra.layers.recurrent.stacked_cells import StackedRNNCells

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells"]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name in __all__:
            from recurra import layers

            return getattr(layers, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
