"""Layer-normalised gated recurrent unit: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell, column_blocks, gated
from recurra.layers.recurrent.kernel_layer import KernelLayer


class LayerNormGRUCell(KernelCell):
    """One step of a gated recurrent unit, reset after the product, whose gates are normalised over the units.

    With the blocks of kernel W (I, 3*units) and recurrent kernel U (units, 3*units) in the order z, r, h, the rows of
    scale_and_shift p (8, units), which scale z, r, h U_h and x W_h and then shift them, and s = recurrent_activation,
    a = activation::

        z = s(p_0 * N(x W_z + h U_z) + p_4)        r = s(p_1 * N(x W_r + h U_r) + p_5)
        n = a(p_3 * N(x W_h) + p_7 + r * (p_2 * N(h U_h) + p_6))
        h' = z * h + (1 - z) * n

    N normalises over the units of each row: ``N(v) = (v - mean(v)) / sqrt(variance(v) + 0.001)``. There is no bias
    beside the shifts. From J. Ba, J. Kiros, G. Hinton, Layer Normalization, 2016, equation 4, for each gate.

    units : size of the state h
    activation, recurrent_activation : names or functions
    kernel_initializer, recurrent_initializer, scale_and_shift_initializer : first values of W, U and p; those of p are
        one where it scales and zero where it shifts
    kernel_regularizer, recurrent_regularizer, scale_and_shift_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, scale_and_shift_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same for all gates and at all
        steps of a sequence; clamped to [0, 1]
    seed : of the dropout masks and of zoneout
    zoneout_h : probability that a unit of h keeps its value at a step in training; at inference its expectation. By
        name

    Called as ``cell(inputs, h, training=False)`` or with ``[h]``; returns ``(h', h')`` or ``(h', [h'])``.
    """

    kernel_cell = CELLS["layer_norm_gru"]
    unit_parameters_prefix = "scale_and_shift"
    unit_parameters_initializer = "scale_and_shift"
    scale_and_shift: Any

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h = states[0]
        kernels, recurrent = column_blocks(self.kernel, 3), column_blocks(self.recurrent_kernel, 3)
        xz, xr, xn = (ops.matmul(xg, W) for xg, W in zip(gated(x, masks[0], 3), kernels, strict=True))
        hz, hr, hn = (ops.matmul(hg, U) for hg, U in zip(gated(h, masks[1], 3), recurrent, strict=True))
        sums = [xz + hz, xr + hr, hn, xn]
        p = self.scale_and_shift
        zz, zr, zh, zx = (ops.layer_normalization(v, p[row], p[row + 4]) for row, v in enumerate(sums))
        z = self.recurrent_activation(zz)
        n = self.activation(zx + self.recurrent_activation(zr) * zh)
        h = z * h + (1.0 - z) * n
        return h, [h]


class LayerNormGRU(KernelLayer):
    """Layer-normalised gated recurrent unit over sequences; the equations are :class:`LayerNormGRUCell`'s.

    Its arguments are those of :class:`LayerNormGRUCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h (B, units).

    >>> import numpy as np
    >>> from recurra.layers import LayerNormGRU
    >>> LayerNormGRU(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    cell_class = LayerNormGRUCell
