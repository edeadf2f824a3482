"""What the LSTM, GRU and SimpleRNN cells share: weights, dropout masks, and the way into the kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recurra import activations, constraints, initializers, ops, regularizers
from recurra.autograd import Array
from recurra.layers.base.arguments import check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.lazy_embedding import EmbeddedIds
from recurra.random import SeedGenerator, dropout_multiplier
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape


class _Like(NamedTuple):
    """The shape and the dtype of an array that is not at hand."""

    shape: tuple[int, ...]
    dtype: str


class DropoutRNNCell:
    """Dropout masks that stay the same over the steps of a sequence, for cells of one's own.

    A cell that inherits it sets `dropout`, `recurrent_dropout` and `seed_generator` (and `dropout_mask_count` where
    each gate has a mask of its own), multiplies with what the ``get_`` methods return, and is used in an ``RNN``
    layer, which resets the masks after each sequence. Called step by step, the cell keeps its masks until
    :meth:`reset_dropout_mask` and :meth:`reset_recurrent_dropout_mask` are called.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: SeedGenerator
    dropout_mask_count: int | None = None
    _dropout_mask: Array | None = None
    _recurrent_dropout_mask: Array | None = None

    def get_dropout_mask(self, step_input: Any) -> Array | None:
        """What to multiply the input with: (B, I), or (count, B, I); None where `dropout` is 0."""
        if self.dropout > 0:
            self._dropout_mask = self._kept(self._dropout_mask, step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Array | None:
        """What to multiply the state with: (B, H), or (count, B, H); None where `recurrent_dropout` is 0."""
        if self.recurrent_dropout > 0:
            self._recurrent_dropout_mask = self._kept(self._recurrent_dropout_mask, step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def _kept(self, mask: Array | None, like: Any, rate: float) -> Array:
        shape = tuple(like.shape)
        if mask is not None and mask.shape[-len(shape) :] == shape:
            return mask
        if self.dropout_mask_count is None:
            return dropout_multiplier(shape, rate, like.dtype, self.seed_generator)
        return np.stack(
            [dropout_multiplier(shape, rate, like.dtype, self.seed_generator) for _ in range(self.dropout_mask_count)]
        )

    def reset_dropout_mask(self) -> None:
        """Draw a new input mask at the next step."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Draw a new state mask at the next step."""
        self._recurrent_dropout_mask = None


class KernelCell(Layer, DropoutRNNCell):
    """Base of the cells that the kernels know.

    A subclass sets `_gates` (how many blocks the kernels' last axis has), makes its bias in `_build_bias`, calls its
    kernel in `sequence`, and writes one step with ``recurra.ops`` in `_step`, for activations that no kernel has.
    """

    _gates = 1
    _float_inputs = True
    #: a dropout rate of exactly 1 drops nothing (Keras's LSTM and GRU cells)
    _full_rate_is_none = True
    use_bias: bool

    def __init__(
        self,
        units: int,
        activation: ActivationLike,
        use_bias: bool,
        kernel_initializer: InitializerLike,
        recurrent_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        kernel_regularizer: RegularizerLike,
        recurrent_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike,
        kernel_constraint: ConstraintLike,
        recurrent_constraint: ConstraintLike,
        bias_constraint: ConstraintLike,
        dropout: float,
        recurrent_dropout: float,
        seed: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_positive(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, float(dropout)))
        self.recurrent_dropout = min(1.0, max(0.0, float(recurrent_dropout)))
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.output_size = self.units
        self.bias: Any = None

    def _settle(self, **functions: Any) -> None:
        """Note the kernels' names of the activations; `runs_in_kernel` says whether a kernel does what `call` does."""
        self._kernel_names: dict[str, Any] = {key: activations.kernel_name(fn) for key, fn in functions.items()}
        self._stretch: Array | None = None
        if functions.get("recurrent_activation") is activations.hard_sigmoid_keras2:
            # clip(0.2 z + 0.5) is the kernels' clip(z/6 + 0.5) of 1.2 z: the gates' columns are stretched on their way
            self._kernel_names["recurrent_activation"] = "hard_sigmoid"
            self._stretch = np.full(self._gates * self.units, 1.2, self.dtype)
            self._stretch[2 * self.units : 3 * self.units] = 1.0  # but the candidate's, third in LSTM and GRU
        own = type(self).call.__module__.startswith("recurra.")
        self.runs_in_kernel = own and all(name is not None for name in self._kernel_names.values())
        self._kernel_names.update(self._kernel_settings())

    def _kernel_settings(self) -> dict[str, Any]:
        """More keyword arguments for the kernel's operation, the same at every call."""
        return {}

    def build(self, input_shape: Shape) -> None:
        size = input_shape[-1]
        if size is None:
            raise ValueError(f"{self.name}: the last axis of the input must have a known size, got {input_shape}")
        columns = self._gates * self.units
        self.kernel = self.add_weight(
            (size, columns),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, columns),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
            name="recurrent_kernel",
        )
        if self.use_bias:
            shape, initializer = self._bias_spec()
            self.bias = self.add_weight(
                shape,
                initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def _bias_spec(self) -> tuple[tuple[int, ...], Any]:
        """The shape and the initializer of the bias."""
        return (self._gates * self.units,), self.bias_initializer

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

    def _kernel_weights(self) -> tuple[Any, Any, Any]:
        """Kernel, recurrent kernel and bias (or None) for the kernel's operation."""
        weights = (self.kernel, self.recurrent_kernel, self.bias)
        if self._stretch is None:
            return weights
        kernel, recurrent_kernel, bias = (None if w is None else ops.multiply(w, self._stretch) for w in weights)
        return kernel, recurrent_kernel, bias

    def _kernel_options(self, x: Any, training: bool) -> tuple[Any, dict[str, Any]]:
        """The input and the keyword arguments for the kernel's operation."""
        options = self._kernel_names
        drops = training and (self.dropout > 0.0 or self.recurrent_dropout > 0.0)
        if not drops and type(x) is np.ndarray:
            return x, options
        options = dict(options)
        if drops:
            batch = x.shape[0]
            like, state = _Like((batch, x.shape[2]), self.dtype), _Like((batch, self.units), self.dtype)
            options["input_dropout"], options["recurrent_dropout"] = self._masks(like, state, True)
        if isinstance(x, EmbeddedIds):
            options["embeddings"] = x.table
            x = x.ids
        return x, options

    # --- computing -----------------------------------------------------------------------------------------------

    runs_in_kernel: bool

    def sequence(self, x: Any, state: Any, mask: Any, training: bool, **options: Any) -> tuple[Any, list[Any]]:
        """Run over whole sequences (B, T, I) in the kernel: the output and the final states."""
        raise TypeError(f"{type(self).__name__} has no kernel")

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        raise TypeError(f"{type(self).__name__} must define _step")

    def _one_step(self, inputs: Any, states: list[Any], training: bool) -> tuple[Any, list[Any]]:
        if inputs.ndim != 2:
            raise ValueError(f"{self.name}: inputs of one step must have shape (B, I), got {tuple(inputs.shape)}")
        if not self.runs_in_kernel:
            return self._step(inputs, states, self._masks(inputs, states[0], training))
        x = inputs[:, None] if type(inputs) is np.ndarray else ops.expand_dims(inputs, 1)
        return self.sequence(x, states, None, training, return_sequences=False)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros, (batch_size, units) for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [np.zeros((batch_size or 0, size), self.dtype) for size in sizes]

    state_size: Any

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (input_shape[0], self.units)

    def compute_output_spec(self, inputs: Any, states: Any, training: bool = False) -> Any:
        from recurra.symbolic import KerasTensor, map_symbolic

        copied = map_symbolic(states, lambda tensor: KerasTensor(tensor.shape, tensor.dtype))
        return KerasTensor((inputs.shape[0], self.units), self.dtype), copied

    # --- configuration -------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.shared_config()}

    def shared_config(self) -> dict[str, Any]:
        """The settings that the cell and its layer both write."""
        return {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


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


def single_state(states: Any) -> tuple[Any, bool]:
    """The one state in `states`, and whether it came in a list."""
    if isinstance(states, (list, tuple)):
        return states[0], True
    return states, False
