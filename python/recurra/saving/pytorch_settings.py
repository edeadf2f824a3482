"""Settings of recurrent layers that no module of PyTorch has: with the same weights it would compute something else."""

from __future__ import annotations

from typing import Any

MODULES = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN", "ProjectionLSTM": "nn.LSTM"}


def check_settings(layer: Any, cell: str) -> None:
    """Raise ValueError where a layer of one of these cells computes what PyTorch's module does not."""
    taken: dict[str, tuple[Any, ...]] = {
        "activation": ("tanh", "relu") if cell == "SimpleRNN" else ("tanh",),
        "recurrent_activation": ("sigmoid",),
        "reset_after": (True,),
        "zoneout_h": (0.0,),
        "zoneout_c": (0.0,),
    }
    config = layer.get_config()
    for name, values in taken.items():
        value = config.get(name, values[0])
        if value not in values:
            raise ValueError(
                f"{layer.name}: {name} must be {' or '.join(map(repr, values))}, as PyTorch's {MODULES[cell]} has it, "
                f"got {value!r}: no module of PyTorch computes the same from these weights"
            )
