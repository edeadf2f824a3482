"""What the layers of the kernels' cells share: a RNN whose settings are its cell's."""

from __future__ import annotations

import inspect
from typing import Any

from recurra import regularizers
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.constructors import add_constructor, layer_parameters
from recurra.layers.recurrent.rnn import RNN
from recurra.naming import missing_attribute, to_snake_case
from recurra.registry import is_builtin
from recurra.typing import ActivationLike

_LOOP = [p for p in inspect.signature(RNN.__init__).parameters.values() if p.name not in ("self", "cell", "kwargs")]


class KernelLayer(RNN):
    """Base of LSTM and the like: takes the cell, checks ranks, writes Keras's flat configuration.

    A subclass sets `cell_class`. Without a constructor of its own it gets one, with the arguments of cell and loop.
    """

    #: what makes one step; the arguments of its constructor are the layer's too, and its attributes of these names
    cell_class: type[KernelCell]
    int8_matrices = KernelCell.int8_matrices  # of the cell
    _cell_arguments: tuple[str, ...] = ()
    # some of them
    units: int
    use_bias: bool
    dropout: float
    recurrent_dropout: float

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "cell_class" in cls.__dict__:
            cell: Any = cls.cell_class
            parameters = list(inspect.signature(cell.__init__).parameters.values())[1:]
            own = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
            cls._cell_arguments = tuple(dict.fromkeys([*(p.name for p in own), *cell.zoneout_arguments()]))
            if cls.__init__ is KernelLayer.__init__:
                add_constructor(cls, layer_parameters(own, _LOOP))

    def __init__(self, units: int, activation: ActivationLike = None, **arguments: Any) -> None:
        arguments |= {"units": units, "activation": activation}
        of_cell = {key: arguments.pop(key) for key in self._cell_arguments if key in arguments}
        of_both = {key: arguments[key] for key in ("dtype", "trainable") if key in arguments}
        name = to_snake_case(self.cell_class.__name__)
        super().__init__(self.cell_class(**of_cell, **of_both, name=name), **arguments)
        self.input_spec = InputSpec(ndim=3)

    @property
    def quantization_mode(self) -> str | None:
        return self.cell.quantization_mode if "cell" in self.__dict__ else self._quantization

    def _matrices(self) -> dict[str, int]:
        return {}  # the cell holds them

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Turn the cell's matrices into 8-bit integers; see :meth:`recurra.layers.Layer.quantize`."""
        if type_check and not is_builtin(type(self)):
            raise NotImplementedError(f"{self.name} ({type(self).__name__}) has no 8-bit form")
        self.cell.quantize(mode, type_check, config)

    @classmethod
    def zoneout_arguments(cls) -> list[str]:
        """The name of each state's probability of zoneout."""
        return cls.cell_class.zoneout_arguments()

    def __getattr__(self, name: str) -> Any:
        if name in self._cell_arguments and "cell" in self.__dict__:
            return getattr(self.cell, name)
        return missing_attribute(self, name, "_call_spec" in self.__dict__)

    @property
    def puts_outputs(self) -> bool:
        """Whether a call makes just the sequences that it returns, in the kernel: then it may be told where.

        A subclass may do more with them, or run more than once.
        """
        return is_builtin(type(self)) and self.cell.runs_in_kernel and self.return_sequences and not self.time_major

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), **self.cell.shared_config()}
        config.pop("cell")
        config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if getattr(self.cell, "implementation", 2) == 1 and not self.cell.recurrent_dropout:
            config["implementation"] = 1
        return config
