"""What the LSTM, GRU and SimpleRNN layers share: a RNN whose settings are its cell's."""

from __future__ import annotations

from typing import Any

from recurra import regularizers
from recurra.layers.base.arguments import check_choice
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.rnn import RNN

#: attributes of the cell that the layer shows as its own
_OF_CELL = frozenset({
    "units", "activation", "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer",
    "bias_initializer", "unit_forget_bias", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
    "kernel_constraint", "recurrent_constraint", "bias_constraint", "dropout", "recurrent_dropout", "implementation",
    "reset_after", "seed",
})  # fmt: skip


class KernelLayer(RNN):
    """Base of LSTM, GRU and SimpleRNN: takes the cell, checks ranks, writes Keras's flat configuration."""

    def __init__(self, cell: KernelCell, *, activity_regularizer: Any, use_cudnn: Any = "auto", **kwargs: Any) -> None:
        super().__init__(cell, activity_regularizer=activity_regularizer, **kwargs)
        self.input_spec = InputSpec(ndim=3)
        self.use_cudnn = check_choice(use_cudnn, "use_cudnn", ("auto", True, False))

    def __getattr__(self, name: str) -> Any:
        if name in _OF_CELL and "cell" in self.__dict__:
            return getattr(self.cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def puts_outputs(self) -> bool:
        """Whether a call makes just the sequences that it returns, in the kernel: then `context.output` may say where.

        A subclass may do more with them, or run more than once.
        """
        own = type(self).__module__.startswith("recurra.")
        return own and self.cell.runs_in_kernel and self.return_sequences and not self.time_major

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), **self.cell.shared_config()}
        config.pop("cell")
        config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if getattr(self.cell, "implementation", 2) == 1 and not self.cell.recurrent_dropout:
            config["implementation"] = 1
        return config


def cell_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The base arguments that a layer hands to its cell too."""
    return {key: kwargs[key] for key in ("dtype", "trainable") if key in kwargs}
