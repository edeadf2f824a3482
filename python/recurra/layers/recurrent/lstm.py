"""The LSTM layer."""

from __future__ import annotations

from typing import Any

from recurra.layers.recurrent.kernel_layer import KernelLayer, cell_options
from recurra.layers.recurrent.lstm_cell import LSTMCell


class LSTM(KernelLayer):
    """Long short-term memory over sequences; the equations are :class:`LSTMCell`'s.

    units : size of the states h and c and of the output
    activation, recurrent_activation : names or functions; tanh, sigmoid, relu, hard_sigmoid and linear run in the
        kernel, others step by step
    use_bias, unit_forget_bias : whether there is a bias, and whether its f block starts at one
    kernel_initializer, recurrent_initializer, bias_initializer : first values of kernel (I, 4*units),
        recurrent_kernel (units, 4*units) and bias (4*units,), blocks i, f, c, o
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties on them; activity_regularizer : on the
        output
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the inputs and of h set to zero in training, the same at every step
    seed : of the dropout masks
    return_sequences, return_state, go_backwards, stateful, unroll : see :class:`RNN`
    use_cudnn : "auto", True or False; there is no such library on a CPU, so it chooses nothing
    implementation, zero_output_for_mask, time_major and what :class:`Layer` takes : by name

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h and c, both (B, units).

    >>> import numpy as np
    >>> from recurra.layers import LSTM
    >>> y, h, c = LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3), "float32"))
    >>> y.shape, h.shape, c.shape
    ((2, 5, 4), (2, 4), (2, 4))
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            unit_forget_bias,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            implementation=implementation,
            name="lstm_cell",
            **cell_options(kwargs),
        )
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            use_cudnn=use_cudnn,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
