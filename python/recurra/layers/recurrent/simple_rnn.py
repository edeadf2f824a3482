"""The plain recurrent network: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.base.arguments import given
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike


class SimpleRNNCell(KernelCell):
    """``h' = activation(x W + h U + b)``: Elman's network, one step.

    units : size of the state h
    activation : a name or function
    use_bias : whether b is there
    kernel_initializer, recurrent_initializer, bias_initializer : first values of W (I, units), U (units, units), b
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same at all steps of a
        sequence; clamped to [0, 1]
    seed : of the dropout masks and of zoneout
    zoneout_h : probability that a unit of h keeps its value at a step in training; at inference its expectation. By
        name

    Called as ``cell(inputs, h, training=False)`` or with ``[h]``; returns ``(h', h')`` or ``(h', [h'])``.
    """

    kernel_cell = CELLS["simple_rnn"]

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**given(locals()))

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h = states[0]
        if masks[0] is not None:
            x = x * masks[0]
        if masks[1] is not None:
            h = h * masks[1]
        z = ops.dense(x, self.kernel, self.bias) + ops.matmul(h, self.recurrent_kernel)
        h = self.activation(z)
        return h, [h]


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
    seed : of the dropout masks and of zoneout
    zoneout_h : probability that a unit of h keeps its value at a step in training; at inference its expectation. By
        name
    zero_output_for_mask, time_major and what :class:`Layer` takes : by name

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h (B, units).

    >>> import numpy as np
    >>> from recurra.layers import SimpleRNN
    >>> SimpleRNN(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
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
        super().__init__(**given(locals()))
