"""Layer-normalised long short-term memory: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer


class LayerNormLSTMCell(KernelCell):
    """One step of a long short-term memory whose gates are normalised over the units.

    With the blocks of kernel W (I, 4*units) and recurrent kernel U (units, 4*units) in the order i, f, c, o, the rows
    of scale_and_shift p (8, units), which scale i, f, c, o and then shift them, and s = recurrent_activation,
    a = activation::

        i = s(p_0 * N(x W_i + h U_i) + p_4)        f = s(p_1 * N(x W_f + h U_f) + p_5)
        c' = f * c + i * a(p_2 * N(x W_c + h U_c) + p_6)
        o = s(p_3 * N(x W_o + h U_o) + p_7)
        h' = o * a(c')

    N normalises over the units of each row: ``N(v) = (v - mean(v)) / sqrt(variance(v) + 0.001)``. There is no bias
    beside the shifts. From J. Ba, J. Kiros, G. Hinton, Layer Normalization, 2016, equation 4, for each gate.

    units : size of the states h and c
    activation, recurrent_activation : names or functions
    kernel_initializer, recurrent_initializer, scale_and_shift_initializer : first values of W, U and p; those of p are
        one where it scales and zero where it shifts
    kernel_regularizer, recurrent_regularizer, scale_and_shift_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, scale_and_shift_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same for all gates and at all
        steps of a sequence; clamped to [0, 1]
    seed : of the dropout masks and of zoneout
    zoneout_h, zoneout_c : probability that a unit of h, of c, keeps its value at a step in training; at inference
        its expectation. By name

    Called as ``cell(inputs, [h, c], training=False)``; returns ``(h', [h', c'])``.
    """

    kernel_cell = CELLS["layer_norm_lstm"]
    unit_parameters_prefix = "scale_and_shift"
    unit_parameters_initializer = "scale_and_shift"
    scale_and_shift: Any

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h, c = states
        sums = self._sums(x, h, masks)
        p = self.scale_and_shift
        zi, zf, zc, zo = (ops.layer_normalization(z, p[row], p[row + 4]) for row, z in enumerate(sums))
        c = self.recurrent_activation(zf) * c + self.recurrent_activation(zi) * self.activation(zc)
        h = self.recurrent_activation(zo) * self.activation(c)
        return h, [h, c]


class LayerNormLSTM(KernelLayer):
    """Layer-normalised long short-term memory over sequences; the equations are :class:`LayerNormLSTMCell`'s.

    Its arguments are those of :class:`LayerNormLSTMCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h and c, each (B, units).

    >>> import numpy as np
    >>> from recurra.layers import LayerNormLSTM
    >>> LayerNormLSTM(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    cell_class = LayerNormLSTMCell
