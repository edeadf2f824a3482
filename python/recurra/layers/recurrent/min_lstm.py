"""Minimal long short-term memory: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer


class MinLSTMCell(KernelCell):
    """One step of a minimal long short-term memory, whose gates see the input alone.

    With the blocks of kernel W (I, 3*units) and bias b (3*units,) in the order f, i, h, and
    a = activation::

        f = sigmoid(x W_f + b_f)        i = sigmoid(x W_i + b_i)
        n = a(x W_h + b_h)
        h' = f / (f + i) * h + i / (f + i) * n

    From L. Feng and others, Were RNNs All We Needed?, 2024 (https://arxiv.org/abs/2410.01201).

    units : size of the state h
    activation : a name or function
    use_bias : whether b is there
    kernel_initializer, bias_initializer : first values of W and b
    kernel_regularizer, bias_regularizer : penalties, added to the loss
    kernel_constraint, bias_constraint : limits after each update
    dropout : share of the input set to zero in training, the same for all gates and at all steps of a sequence;
        clamped to [0, 1]
    seed : of the dropout masks

    Called as ``cell(inputs, h, training=False)`` or with ``[h]``; returns ``(h', h')`` or ``(h', [h'])``.
    """

    kernel_cell = CELLS["min_lstm"]

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        (h,) = states
        zf, zi, n = self._sums(x, h, masks)
        share = ops.sigmoid(ops.log_sigmoid(zi) - ops.log_sigmoid(zf))  # i / (f + i), also where both round to 0
        h = h + share * (self.activation(n) - h)
        return h, [h]


class MinLSTM(KernelLayer):
    """Minimal long short-term memory over sequences; the equations are :class:`MinLSTMCell`'s.

    Its arguments are those of :class:`MinLSTMCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h (B, units).

    >>> import numpy as np
    >>> from recurra.layers import MinLSTM
    >>> MinLSTM(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    cell_class = MinLSTMCell
