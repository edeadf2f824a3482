"""Recurrent layers and their cells, under the path that Keras 2 had for them."""

from typing import Any

_NAMES = frozenset(("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells"))


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        from recurra import layers

        return getattr(layers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
