"""Long short-term memory: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.base.arguments import check_choice, given
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike


class LSTMCell(KernelCell):
    """One step of a long short-term memory.

    With the blocks of kernel W (I, 4*units), recurrent kernel U (units, 4*units) and bias b (4*units,) in the order
    i, f, c, o, and s = recurrent_activation, a = activation::

        i = s(x W_i + h U_i + b_i)        f = s(x W_f + h U_f + b_f)        o = s(x W_o + h U_o + b_o)
        c' = f * c + i * a(x W_c + h U_c + b_c)
        h' = o * a(c')

    units : size of the states h and c
    activation, recurrent_activation : names or functions
    use_bias : whether b is there
    kernel_initializer, recurrent_initializer, bias_initializer : first values of W, U and b
    unit_forget_bias : b_f starts at one whatever bias_initializer says; the other three blocks obey it
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same at all steps of a
        sequence; clamped to [0, 1]; exactly 1 drops nothing, as in Keras
    seed : of the dropout masks and of zoneout
    zoneout_h, zoneout_c : probability that a unit of h, of c, keeps its value at a step in training; at inference
        its expectation. By name
    implementation : 2 draws one input mask for all gates, 1 (and 0, of early versions of Keras 2) one for each;
        recurrent_dropout makes it 1

    Called as ``cell(inputs, [h, c], training=False)``; returns ``(h', [h', c'])``.
    """

    kernel_cell = CELLS["lstm"]
    _full_rate_is_none = True

    def __init__(
        self,
        units: int,
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
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**given(locals(), "implementation"))
        chosen = check_choice(implementation or 1, "implementation", (1, 2))
        self.implementation = 1 if self.recurrent_dropout else chosen
        self.dropout_mask_count = 4 if self.implementation == 1 else None

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h, c = states
        sums = self._sums(x, h, masks)
        i = self.recurrent_activation(sums[0])
        f = self.recurrent_activation(sums[1])
        c = f * c + i * self.activation(sums[2])
        h = self.recurrent_activation(sums[3]) * self.activation(c)
        return h, [h, c]


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
    seed : of the dropout masks and of zoneout
    zoneout_h, zoneout_c : probability that a unit of h, of c, keeps its value at a step in training; at inference
        its expectation. By name
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

    cell_class = LSTMCell

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**given(locals(), "use_cudnn"))
        self.use_cudnn = check_choice(use_cudnn, "use_cudnn", ("auto", True, False))
