"""Long short-term memory with coupled input and forget gates: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer


class CIFGLSTMCell(KernelCell):
    """One step of a long short-term memory with coupled input and forget gates (CIFG): what is added is forgotten.

    With the blocks of kernel W (I, 3*units), recurrent kernel U (units, 3*units) and bias b (3*units,) in the order
    i, c, o, and s = recurrent_activation, a = activation::

        i = s(x W_i + h U_i + b_i)        o = s(x W_o + h U_o + b_o)
        c' = (1 - i) * c + i * a(x W_c + h U_c + b_c)
        h' = o * a(c')

    Three quarters of the weights of an LSTM. From K. Greff and others, LSTM: A Search Space Odyssey, 2015
    (https://arxiv.org/abs/1503.04069), there with peepholes.

    units : size of the states h and c
    activation, recurrent_activation : names or functions
    use_bias : whether b is there
    kernel_initializer, recurrent_initializer, bias_initializer : first values of W, U and b
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same for all gates and at all
        steps of a sequence; clamped to [0, 1]
    seed : of the dropout masks and of zoneout
    zoneout_h, zoneout_c : probability that a unit of h, of c, keeps its value at a step in training; at inference
        its expectation. By name

    Called as ``cell(inputs, [h, c], training=False)``; returns ``(h', [h', c'])``.
    """

    kernel_cell = CELLS["cifg_lstm"]

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h, c = states
        zi, zc, zo = self._sums(x, h, masks)
        i = self.recurrent_activation(zi)
        c = (1.0 - i) * c + i * self.activation(zc)
        h = self.recurrent_activation(zo) * self.activation(c)
        return h, [h, c]


class CIFGLSTM(KernelLayer):
    """Long short-term memory with coupled gates over sequences; the equations are :class:`CIFGLSTMCell`'s.

    Its arguments are those of :class:`CIFGLSTMCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h and c, both (B, units).

    >>> import numpy as np
    >>> from recurra.layers import CIFGLSTM
    >>> CIFGLSTM(4)(np.ones((2, 5, 3), "float32")).shape
    (2, 4)
    """

    cell_class = CIFGLSTMCell
