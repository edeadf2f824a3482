"""Long short-term memory with peephole connections: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer


class PeepholeLSTMCell(KernelCell):
    """One step of a long short-term memory whose gates see c: Keras 2's ``experimental.PeepholeLSTMCell``.

    With the blocks of kernel W (I, 4*units), recurrent kernel U (units, 4*units) and bias b (4*units,) in the order
    i, f, c, o, the rows of peepholes p (3, units) in the order i, f, o, and s = recurrent_activation, a = activation::

        i = s(x W_i + h U_i + b_i + p_i * c)        f = s(x W_f + h U_f + b_f + p_f * c)
        c' = f * c + i * a(x W_c + h U_c + b_c)
        o = s(x W_o + h U_o + b_o + p_o * c')
        h' = o * a(c')

    From F. Gers, N. Schraudolph, J. Schmidhuber, Learning Precise Timing with LSTM Recurrent Networks, 2002. Keras
    has the rows of p as three weights, ``input_gate_peephole_weights`` and those of the other gates.

    units : size of the states h and c
    activation, recurrent_activation : names or functions
    use_bias, unit_forget_bias : whether b is there, and whether b_f starts at one
    kernel_initializer, recurrent_initializer, bias_initializer, peephole_initializer : first values of W, U, b and p
    kernel_regularizer, recurrent_regularizer, bias_regularizer, peephole_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint, peephole_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same for all gates and at all
        steps of a sequence; clamped to [0, 1]
    seed : of the dropout masks and of zoneout
    zoneout_h, zoneout_c : probability that a unit of h, of c, keeps its value at a step in training; at inference
        its expectation. By name

    Called as ``cell(inputs, [h, c], training=False)``; returns ``(h', [h', c'])``.
    """

    kernel_cell = CELLS["peephole_lstm"]
    unit_parameters_prefix = "peephole"
    peepholes: Any

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h, c = states
        zi, zf, zc, zo = self._sums(x, h, masks)
        i = self.recurrent_activation(zi + self.peepholes[0] * c)
        f = self.recurrent_activation(zf + self.peepholes[1] * c)
        c = f * c + i * self.activation(zc)
        h = self.recurrent_activation(zo + self.peepholes[2] * c) * self.activation(c)
        return h, [h, c]


class PeepholeLSTM(KernelLayer):
    """Long short-term memory with peephole connections over sequences; the equations are :class:`PeepholeLSTMCell`'s.

    Its arguments are those of :class:`PeepholeLSTMCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h and c, both (B, units).

    >>> import numpy as np
    >>> from recurra.layers import PeepholeLSTM
    >>> y, h, c = PeepholeLSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3), "float32"))
    >>> y.shape, h.shape, c.shape
    ((2, 5, 4), (2, 4), (2, 4))
    """

    cell_class = PeepholeLSTMCell
