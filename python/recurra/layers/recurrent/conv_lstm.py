"""LSTM whose products are convolutions (Shi et al., 2015): for sequences of series, images or volumes.

The convolutions of the inputs know nothing of the states: they are done for all steps at once, all gates in one
product. What remains in the loop over time is the convolution of the state and arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import activations, initializers, ops, regularizers
from recurra.layers.base.arguments import check_flag, check_rate
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.convolution import Convolution, Sizes
from recurra.layers.recurrent.dropout_cell import DropoutRNNCell
from recurra.layers.recurrent.rnn import RNN
from recurra.layers.recurrent.stacked_cells import initial_rows
from recurra.random import SeedGenerator
from recurra.typing import (
    ActivationLike,
    Array,
    ArrayLike,
    ConstraintLike,
    DType,
    InitializerLike,
    RegularizerLike,
    Shape,
    TensorLike,
)

_GATES = 4


class ConvLSTMCell(Convolution, DropoutRNNCell):
    """One step of a ConvLSTM layer. Gates in the order i f c o along the filters."""

    _kernels = ("kernel", "recurrent_kernel")
    dropout_mask_count = _GATES

    def __init__(
        self, rank: int, filters: int, kernel_size: Sizes, strides: Sizes, padding: str, data_format: str | None,
        dilation_rate: Sizes, activation: ActivationLike, recurrent_activation: ActivationLike, use_bias: bool,
        unit_forget_bias: bool, dropout: float, recurrent_dropout: float, seed: int | None, settings: dict[str, Any],
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.rank = rank
        self._set_windows("kernel_size", kernel_size, strides, padding, data_format)
        self._set(filters, dilation_rate, activation, use_bias)
        self._refuse_both()
        self.recurrent_activation = activations.get(recurrent_activation)
        self._set_weights(**settings)
        self.unit_forget_bias = check_flag(unit_forget_bias, "unit_forget_bias")
        self.dropout = check_rate(dropout, "dropout")
        self.recurrent_dropout = check_rate(recurrent_dropout, "recurrent_dropout")
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.state_size = [self.filters, self.filters]

    @property
    def _axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Shape) -> None:
        channels = self._open(input_shape)
        if any(size is None for size in self._spatial(input_shape)):
            raise ValueError(f"{self.name}: the spatial sizes must be known, got shape {input_shape}")
        self._state_shape = self.compute_output_shape(input_shape)[1:]
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, _GATES * self.filters))
        shape = (*self.kernel_size, self.filters, _GATES * self.filters)
        self.recurrent_kernel = self._weight("recurrent", shape, "recurrent_kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self._weight("bias", (_GATES * self.filters,))
            if self.unit_forget_bias:
                self.bias.value[self.filters : 2 * self.filters] = initializers.Ones()((self.filters,))

    def get_initial_state(
        self, batch_size: int | None = None, inputs: ArrayLike | None = None, dtype: DType | None = None
    ) -> list[Array]:
        rows, kind = initial_rows(self, batch_size, inputs, dtype)
        return [np.zeros((rows or 1, *self._state_shape), kind) for _ in range(2)]

    def convolve_input(self, x: TensorLike, mask: Array | None) -> Any:
        """What the inputs add to the gates; `mask` is the dropout's, of each gate."""
        options = (self.strides, self.padding, self.data_format, self.dilation_rate)
        if mask is None:
            return ops.conv(x, self.kernel, *options, self.bias)
        kernels = ops.split(self.kernel, _GATES, axis=-1)
        biases = [None] * _GATES if self.bias is None else ops.split(self.bias, _GATES)
        parts = [ops.conv(x * m, k, *options, b) for m, k, b in zip(mask, kernels, biases, strict=True)]
        return ops.concatenate(parts, axis=self._axis)

    def convolve_state(self, h: TensorLike, mask: Array | None) -> Any:
        """What the state adds to the gates."""
        options = (1, "same", self.data_format)
        if mask is None:
            return ops.conv(h, self.recurrent_kernel, *options)
        kernels = ops.split(self.recurrent_kernel, _GATES, axis=-1)
        return ops.concatenate(
            [ops.conv(h * m, k, *options) for m, k in zip(mask, kernels, strict=True)], axis=self._axis
        )

    def step(self, from_input: TensorLike, states: Sequence[TensorLike], training: bool) -> tuple[Any, list[Any]]:
        """One step from what :meth:`convolve_input` gave."""
        h, c = states
        mask = self.get_recurrent_dropout_mask(h) if training else None
        i, f, g, o = ops.split(from_input + self.convolve_state(h, mask), _GATES, axis=self._axis)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(g)
        h = gate(o) * self.activation(c)
        return h, [h, c]

    def call(self, inputs: TensorLike, states: Sequence[TensorLike], training: bool = False) -> Any:
        mask = self.get_dropout_mask(inputs) if training else None
        return self.step(self.convolve_input(inputs, mask), states, training)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer")
        return {
            **config,
            "filters": self.filters,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


class _ConvLSTM(RNN):
    _rank = 1
    takes_embedded_ids = False

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        settings = {
            "kernel_initializer": kernel_initializer, "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer, "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer, "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint, "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
        }  # fmt: skip
        cell = ConvLSTMCell(
            self._rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout, seed, settings,
            dtype=kwargs.get("dtype"), name="conv_lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=self._rank + 3)

    def _run(self, x: Any, state: Any, mask: Any, training: bool, out: Array | None) -> tuple[Any, list[Any]]:
        cell = self.cell
        batch, steps = x.shape[:2]
        dropped = cell.get_dropout_mask(x[:, 0]) if training and steps else None
        if dropped is not None:  # the same for all steps of a row
            dropped = np.repeat(dropped, steps, axis=1)
        flat = cell.convolve_input(ops.reshape(x, (batch * steps, *x.shape[2:])), dropped)
        gates = ops.reshape(flat, (batch, steps, *flat.shape[1:]))
        return ops.rnn(
            lambda part, states: cell.step(part, states, training),
            gates,
            state,
            mask,
            reverse=self.go_backwards,
            return_sequences=self.return_sequences,
            zero_output_for_mask=self.zero_output_for_mask,
        )

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        first, second = sequences_shape[:2]
        batch, steps = (second, first) if self.time_major else (first, second)
        state = self.cell.compute_output_shape((batch, *sequences_shape[2:]))
        times = (steps, batch) if self.time_major else (batch, steps)
        shape = (*times, *state[1:]) if self.return_sequences else state
        return (shape, state, state) if self.return_state else shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        own = {key: value for key, value in self.cell.get_config().items() if key not in ("name", "trainable", "dtype")}
        return {**config, **own, "activity_regularizer": regularizers.serialize(self.activity_regularizer)}


class ConvLSTM1D(_ConvLSTM):
    """LSTM over a sequence of series (B, T, S, C): its products are convolutions over S.

    filters : channels of the output and of the states
    kernel_size, strides, padding, data_format, dilation_rate : of the inputs' convolution, as for
        :class:`recurra.layers.Conv1D` ("valid" or "same"); the states' has the same window, "same" and no strides
    activation, recurrent_activation : of cell state and output, and of the gates
    use_bias, unit_forget_bias : whether there is a bias, and whether that of the forget gate starts from 1
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint : of the weights
        kernel (kernel_size, C, 4 * filters), recurrent_kernel (kernel_size, filters, 4 * filters), bias (4 * filters,)
    activity_regularizer : penalty on the output
    dropout, recurrent_dropout, seed : as for :class:`recurra.layers.LSTM`
    return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, time_major : as for
        :class:`recurra.layers.RNN`

    >>> import numpy as np
    >>> from recurra.layers import ConvLSTM1D
    >>> ConvLSTM1D(4, 3, return_sequences=True)(np.ones((2, 5, 7, 1), "float32")).shape
    (2, 5, 5, 4)
    """

    _rank = 1


class ConvLSTM2D(_ConvLSTM):
    """LSTM over a sequence of images (B, T, H, W, C). The arguments are those of :class:`ConvLSTM1D`."""

    _rank = 2


class ConvLSTM3D(_ConvLSTM):
    """LSTM over a sequence of volumes (B, T, D, H, W, C). The arguments are those of :class:`ConvLSTM1D`."""

    _rank = 3
