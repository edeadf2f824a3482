"""The SimpleRNN layer."""

from __future__ import annotations

from typing import Any

from recurra.layers.recurrent.kernel_layer import KernelLayer, cell_options
from recurra.layers.recurrent.simple_rnn_cell import SimpleRNNCell


class SimpleRNN(KernelLayer):
    """Elman's network over sequences: ``h_t = activation(x_t W + h_(t-1) U + b)``.

    units : size of the state h and of the output
    activation : a name or function; tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, others step by
        step
    use_bias : whether there is a bias
    kernel_initializer, recurrent_initializer, bias_initializer : first values of kernel (I, units),
        recurrent_kernel (units, units) and bias (units,)
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties on them; activity_regularizer : on the
        output
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the inputs and of h set to zero in training, the same at every step
    return_sequences, return_state, go_backwards, stateful, unroll : see :class:`RNN`
    seed : of the dropout masks
    zero_output_for_mask, time_major and what :class:`Layer` takes : by name

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h (B, units).

    >>> import numpy as np
    >>> from recurra.layers import SimpleRNN
    >>> SimpleRNN(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            name="simple_rnn_cell",
            **cell_options(kwargs),
        )
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
