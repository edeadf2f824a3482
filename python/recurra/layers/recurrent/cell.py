"""What the cells that the kernels know share: weights, dropout masks, and the way into the kernels."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from recurra import activations, constraints, initializers, ops, regularizers
from recurra._core.cells import Cell
from recurra.autograd import Array
from recurra.layers.base.arguments import check_flag, check_positive, check_rate, clipped_rate
from recurra.layers.base.layer import Layer
from recurra.layers.lazy_embedding import EmbeddedIds
from recurra.layers.recurrent.constructors import add_constructor, cell_parameters
from recurra.layers.recurrent.dropout_cell import DropoutRNNCell
from recurra.layers.recurrent.stacked_cells import initial_rows
from recurra.ops.quantization import Int8Weights
from recurra.random import SeedGenerator, dropout_multiplier
from recurra.registry import is_builtin
from recurra.typing import ActivationLike, DType, Shape


class _Like(NamedTuple):
    """The shape and the dtype of an array that is not at hand."""

    shape: tuple[int, ...]
    dtype: str


#: what is said of each weight, and where its names are looked up
_SETTINGS: dict[str, Any] = dict(initializer=initializers, regularizer=regularizers, constraint=constraints)


class KernelCell(Layer, DropoutRNNCell):
    """Base of the cells that the kernels know.

    A subclass sets `kernel_cell` and writes one step with ``recurra.ops`` in `_step`, for activations that no kernel
    has. Weights, states and arguments follow from `kernel_cell`; the constructor too, if the subclass has none.

    Zoneout is every cell's: `zoneout_h`, and `zoneout_c` where there is a state c, are the probabilities in [0, 1] with
    which each unit of the state keeps its value before a step, drawn anew for each step in training; otherwise the unit
    takes that share of it and the rest of the new value. The new states are those of the equations without zoneout, the
    output is h after it. From D. Krueger and others, "Zoneout" (2016, arXiv:1606.01305).
    """

    #: shapes of weights, gates, states and usual activations
    kernel_cell: Cell
    #: where the cell has unit parameters: what their arguments' names begin with, and their usual initializer
    unit_parameters_prefix = ""
    unit_parameters_initializer: ClassVar[Any] = "glorot_uniform"
    #: a dropout rate of exactly 1 drops nothing (Keras's LSTM and GRU cells)
    _full_rate_is_none = False
    _float_inputs = True
    int8_matrices: ClassVar[dict[str, int]] = {"kernel": 0, "recurrent_kernel": 0}

    use_bias: bool
    runs_in_kernel: bool
    recurrent_activation: Any = None
    kernel: Any
    recurrent_kernel: Any = None
    bias: Any = None
    projection_units: int | None = None  # the size of h, where the cell projects it
    #: the rate at which each call in training drops single weights of the recurrent kernel (S. Merity and others,
    #: Regularizing and Optimizing LSTM Language Models, 2017); set on the cell, and not part of its configuration
    weight_drop: float = 0.0
    # of each weight that the cell has
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    recurrent_initializer: Any
    recurrent_regularizer: Any
    recurrent_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kernel_cell" in cls.__dict__ and cls.__init__ is KernelCell.__init__:
            add_constructor(cls, cell_parameters(cls))

    def __init__(
        self,
        units: int,
        activation: ActivationLike = None,
        *,
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        # what the cell has not is left to Layer, which refuses it
        own = {name: options.pop(name) for name in self._own_arguments() if name in options}
        super().__init__(**options)
        self.units = check_positive(units, "units")
        self.activation = activations.get(activation)
        if self.kernel_cell.projects:
            size = own.get("projection_units")
            self.projection_units = check_positive((self.units + 1) // 2 if size is None else size, "projection_units")
        functions = {"activation": self.activation}
        if self.kernel_cell.recurrent_activation is not None:
            self.recurrent_activation = activations.get(own["recurrent_activation"])
            functions["recurrent_activation"] = self.recurrent_activation
        self.use_bias = check_flag(own.get("use_bias", False), "use_bias")
        self.unit_forget_bias = check_flag(own.get("unit_forget_bias", False), "unit_forget_bias")
        for name in self._weight_settings():
            setattr(self, name, _SETTINGS[name.rpartition("_")[2]].get(own[name]))
        self.dropout = clipped_rate(dropout, "dropout")
        self.recurrent_dropout = clipped_rate(own.get("recurrent_dropout", 0.0), "recurrent_dropout")
        self.zoneouts = [check_rate(own.get(name, 0.0), name) for name in self.zoneout_arguments()]
        self._has_zoneout = any(self.zoneouts)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        sizes = self.kernel_cell.state_sizes(self.units, self.projection_units)
        self.output_size = sizes[0]
        self.state_size: Any = list(sizes) if len(sizes) > 1 else sizes[0]
        self._settle(functions)

    @classmethod
    def weight_prefixes(cls) -> dict[str, str]:
        """What the names of each weight's arguments begin with."""
        prefixes = {
            "kernel": "kernel",
            "recurrent_kernel": "recurrent",
            "bias": "bias",
            "projection_kernel": "projection",
        }
        return {name: prefixes.get(name, cls.unit_parameters_prefix) for name in cls.kernel_cell.weights}

    @classmethod
    def has_forget_bias(cls) -> bool:
        """Whether c has a forget gate with a bias, which may start at one."""
        return cls.kernel_cell.biases > 0 and "f" in cls.kernel_cell.gates and "c" in cls.kernel_cell.states

    @classmethod
    def _weight_settings(cls) -> list[str]:
        return [f"{prefix}_{setting}" for setting in _SETTINGS for prefix in cls.weight_prefixes().values()]

    @classmethod
    def zoneout_arguments(cls) -> list[str]:
        """The name of each state's probability."""
        return [f"zoneout_{state}" for state in cls.kernel_cell.states]

    @property
    def zoneout_h(self) -> float:
        """The probability with which a unit of h keeps its value."""
        return self.zoneouts[0]

    @property
    def zoneout_c(self) -> float:
        """The probability with which a unit of c keeps its value."""
        if len(self.zoneouts) < 2:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'zoneout_c'")
        return self.zoneouts[1]

    @classmethod
    def _own_arguments(cls) -> list[str]:
        """What some cells are made with and others not."""
        names = cls._weight_settings() + cls.zoneout_arguments()
        if cls.kernel_cell.projects:
            names.append("projection_units")
        if cls.kernel_cell.biases:
            names.append("use_bias")
        if cls.kernel_cell.recurrent_activation is not None:
            names.append("recurrent_activation")
        if cls.has_forget_bias():
            names.append("unit_forget_bias")
        if cls.kernel_cell.has_recurrent_kernel:
            names.append("recurrent_dropout")
        return names

    def _settle(self, functions: dict[str, Any]) -> None:
        """Note the kernels' names of the activations; `runs_in_kernel` says whether a kernel does what `call` does."""
        self._kernel_names: dict[str, Any] = {key: activations.kernel_name(fn) for key, fn in functions.items()}
        self._stretch: Array | None = None
        gates = self.kernel_cell.gates
        more = self.kernel_cell.unit_parameters or self.kernel_cell.projects  # weights beside the gates' columns
        if self.recurrent_activation is activations.hard_sigmoid_keras2 and not more:
            # clip(0.2 z + 0.5) is the kernels' clip(z/6 + 0.5) of 1.2 z: the gates' columns are stretched on their way
            self._kernel_names["recurrent_activation"] = "hard_sigmoid"
            by_gate = [1.0 if gate in ("c", "h") else 1.2 for gate in gates]  # but the candidate's
            self._stretch = np.repeat(np.array(by_gate, self.dtype), self.units)
        own = type(self).call is KernelCell.call
        self.runs_in_kernel = own and all(name is not None for name in self._kernel_names.values())

    def build(self, input_shape: Shape) -> None:
        size = input_shape[-1]
        if size is None:
            raise ValueError(f"{self.name}: the last axis of the input must have a known size, got {input_shape}")
        shapes = self.kernel_cell.shapes(size, self.units, self.projection_units)
        for weight, prefix in self.weight_prefixes().items():
            if weight == "bias" and not self.use_bias:
                continue
            if self._quantization and weight in self.int8_matrices:
                self._build_int8(weight, shapes[weight])
                continue
            initializer, regularizer, constraint = (getattr(self, f"{prefix}_{setting}") for setting in _SETTINGS)
            if weight == "bias" and self.unit_forget_bias:
                initializer = self._forgetful(initializer)
            variable = self.add_weight(
                shapes[weight], initializer, regularizer=regularizer, constraint=constraint, name=weight
            )
            setattr(self, weight, variable)

    def _forgetful(self, given: Any) -> Any:
        """An initializer of the bias: ones for the forget gate, `given` for the gates before and after it."""
        units, gates = self.units, self.kernel_cell.gates
        before = gates.index("f")

        def forgetful(shape: Any, dtype: DType | None = None) -> Array:
            blocks = (
                given((before * units,), dtype=dtype),
                initializers.Ones()((units,), dtype),
                given(((len(gates) - 1 - before) * units,), dtype=dtype),
            )
            return np.concatenate([np.asarray(block) for block in blocks])

        return forgetful

    # --- dropout -------------------------------------------------------------------------------------------------

    def _masks(self, x: Any, h: Any, training: bool) -> tuple[Array | None, Array | None]:
        """The multipliers of the input and of the state, in training. `x` and `h` give shapes and dtype."""
        if not training:
            return None, None
        upper = 1.0 if self._full_rate_is_none else 2.0
        return (
            self.get_dropout_mask(x) if 0.0 < self.dropout < upper else None,
            self.get_recurrent_dropout_mask(h) if 0.0 < self.recurrent_dropout < upper else None,
        )

    def _zoneout(self, batch: int, steps: int, training: bool) -> list[Array | float]:
        """For each state the share of its old value that it keeps: (batch, steps, size) zeros and ones in training."""
        if not training:
            return list(self.zoneouts)
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [
            self._keeps((batch, steps, size), rate) if rate else 0.0
            for rate, size in zip(self.zoneouts, sizes, strict=True)
        ]

    def _keeps(self, shape: tuple[int, ...], rate: float) -> Array:
        """Ones with probability `rate`, else zeros."""
        dropped: Array = dropout_multiplier(shape, rate, self.dtype, self.seed_generator) == 0
        return dropped.astype(self.dtype)

    def _kernel_weights(self) -> list[Any]:
        """The weights for the kernel's operation; None for a bias that is not there."""
        weights = [getattr(self, name) for name in self.kernel_cell.weights]
        if self._quantization:
            for index, name in enumerate(self._matrices()):
                weights[index] = self._int8(name)
        if self._stretch is None:
            return weights
        return [_stretched(w, self._stretch) for w in weights]

    def _matrices(self) -> dict[str, int]:
        names = self.kernel_cell.weights
        return {name: axis for name, axis in self.int8_matrices.items() if name in names}

    def _can_quantize(self, type_check: bool) -> bool:
        return self.runs_in_kernel and (not type_check or is_builtin(type(self)))

    def _kernel_options(self, x: Any, training: bool) -> tuple[Any, dict[str, Any]]:
        """The input and the keyword arguments for the kernel's operation."""
        options = self._kernel_names
        drops = training and (self.dropout > 0.0 or self.recurrent_dropout > 0.0)
        if not drops and not self._has_zoneout and type(x) is np.ndarray:
            return x, options
        options = dict(options)
        if drops:
            batch = x.shape[0]
            like, state = _Like((batch, x.shape[2]), self.dtype), _Like((batch, self.output_size), self.dtype)
            options["input_dropout"], options["recurrent_dropout"] = self._masks(like, state, True)
        if self._has_zoneout:
            options["zoneout"] = self._zoneout(x.shape[0], x.shape[1], training)
        if isinstance(x, EmbeddedIds):
            options["embeddings"] = x.table
            x = x.ids
        return x, options

    # --- computing -----------------------------------------------------------------------------------------------

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        listed = isinstance(self.state_size, list) or isinstance(states, (list, tuple))
        y, final = self._one_step(inputs, list(states) if listed else [states], training)
        return y, final if listed else final[0]

    def sequence(self, x: Any, state: Any, mask: Any, training: bool, **options: Any) -> tuple[Any, list[Any]]:
        """Run over whole sequences (B, T, I) in the kernel: the output and the final states."""
        x, more = self._kernel_options(x, training)
        weights = self._kernel_weights()
        if training and self.weight_drop:
            place = self.kernel_cell.weights.index("recurrent_kernel")
            kept = dropout_multiplier(weights[place].shape, self.weight_drop, self.dtype, self.seed_generator)
            weights[place] = ops.multiply(weights[place], kept)
        y, final, _ = ops.run_cell(self.kernel_cell.name, x, weights, state, mask=mask, **more, **options)
        return y, list(final)

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        raise TypeError(f"{type(self).__name__} must define _step")

    def _sums(self, x: Any, h: Any, masks: tuple[Array | None, Array | None]) -> list[Any]:
        """``x W + h U + b`` of each gate, of what the cell has of them."""
        count = len(self.kernel_cell.gates)
        if all(mask is None or mask.ndim == 2 for mask in masks):
            z = ops.matmul(gated(x, masks[0], 1)[0], self.kernel)
            if self.recurrent_kernel is not None:
                z = z + ops.matmul(gated(h, masks[1], 1)[0], self.recurrent_kernel)
            return column_blocks(z if self.bias is None else z + self.bias, count)
        sums = [
            ops.matmul(xg, W)
            for xg, W in zip(gated(x, masks[0], count), column_blocks(self.kernel, count), strict=True)
        ]
        if self.recurrent_kernel is not None:
            recurrent = column_blocks(self.recurrent_kernel, count)
            sums = [z + ops.matmul(hg, U) for z, hg, U in zip(sums, gated(h, masks[1], count), recurrent, strict=True)]
        if self.bias is None:
            return sums
        return [z + b for z, b in zip(sums, column_blocks(self.bias, count), strict=True)]

    def _one_step(self, inputs: Any, states: list[Any], training: bool) -> tuple[Any, list[Any]]:
        if inputs.ndim != 2:
            raise ValueError(f"{self.name}: inputs of one step must have shape (B, I), got {tuple(inputs.shape)}")
        if not self.runs_in_kernel:
            output, new = self._step(inputs, states, self._masks(inputs, states[0], training))
            if not self._has_zoneout:
                return output, new
            shares = [
                share if isinstance(share, float) else share[:, 0]
                for share in self._zoneout(inputs.shape[0], 1, training)
            ]
            new = [share * old + (1 - share) * one for share, old, one in zip(shares, states, new, strict=True)]
            return new[0], new
        x = inputs[:, None] if type(inputs) is np.ndarray else ops.expand_dims(inputs, 1)
        return self.sequence(x, states, None, training, return_sequences=False)

    def get_initial_state(self, batch_size: int | None = None, inputs: Any = None, dtype: DType | None = None) -> Any:
        """Zeros, (batch_size, units) for each state; as in Keras 2 rows and type may come from `inputs` and `dtype`."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        rows, kind = initial_rows(self, batch_size, inputs, dtype)
        return [np.zeros((rows, size), kind) for size in sizes]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (input_shape[0], self.output_size)

    def compute_output_spec(self, inputs: Any, states: Any, training: bool = False) -> Any:
        from recurra.symbolic import KerasTensor, map_symbolic

        copied = map_symbolic(states, lambda tensor: KerasTensor(tensor.shape, tensor.dtype))
        return KerasTensor((inputs.shape[0], self.output_size), self.dtype), copied

    # --- configuration -------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.shared_config()}

    def shared_config(self) -> dict[str, Any]:
        """The settings that the cell and its layer both write."""
        config = {"units": self.units, "activation": activations.serialize(self.activation)}
        if self.kernel_cell.projects:
            config["projection_units"] = self.projection_units
        if self.kernel_cell.biases:
            config["use_bias"] = self.use_bias
        for name in self._weight_settings():
            config[name] = _SETTINGS[name.rpartition("_")[2]].serialize(getattr(self, name))
        config["dropout"] = self.dropout
        if self.kernel_cell.has_recurrent_kernel:
            config["recurrent_dropout"] = self.recurrent_dropout
        if self._has_zoneout:  # Keras, which reads these configurations too, has none
            config |= dict(zip(self.zoneout_arguments(), self.zoneouts, strict=True))
        config["seed"] = self.seed
        if self.kernel_cell.recurrent_activation is not None:
            config["recurrent_activation"] = activations.serialize(self.recurrent_activation)
        if self.has_forget_bias():
            config["unit_forget_bias"] = self.unit_forget_bias
        return config


def _stretched(weight: Any, factors: Array) -> Any:
    """A weight, of 8-bit integers or not, with its columns multiplied."""
    if isinstance(weight, Int8Weights):
        return Int8Weights(weight.values, ops.divide(weight.scales, factors))
    return None if weight is None else ops.multiply(weight, factors)


def gated(values: Any, masks: Array | None, count: int) -> list[Any]:
    """`values` multiplied by each gate's mask: `count` times the same where there is one mask or none."""
    if masks is None:
        return [values] * count
    if masks.ndim == values.ndim:
        return [values * masks] * count
    return [values * masks[gate] for gate in range(count)]


def column_blocks(matrix: Any, count: int) -> list[Any]:
    """`matrix` cut into `count` equal blocks of columns."""
    return list(ops.split(matrix, count, axis=-1))
