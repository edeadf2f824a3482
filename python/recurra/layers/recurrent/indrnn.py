"""Independently recurrent neural network: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any, ClassVar

from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer


class IndRNNCell(KernelCell):
    """``h' = activation(x W + b + u * h)``: one step, in which each unit sees only its own state.

    From S. Li and others, Independently Recurrent Neural Network (IndRNN), 2018 (https://arxiv.org/abs/1803.04831).
    Over T steps the gradient of a unit changes by u to the power of T: the paper holds ``|u|`` below ``2 ** (1 / T)``,
    which ``recurrent_constraint=MaxNorm(2 ** (1 / T))`` does here, and stacks layers, as units do not mix in one.

    units : size of the state h
    activation : a name or function
    use_bias : whether b is there
    kernel_initializer, recurrent_initializer, bias_initializer : first values of W (I, units), u (1, units), which are
        by default uniform in [0, 1], and b (units,)
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout : share of the input set to zero in training, the same at all steps of a sequence; clamped to [0, 1]
    seed : of the dropout masks and of zoneout
    zoneout_h : probability that a unit of h keeps its value at a step in training; at inference its expectation. By
        name

    Called as ``cell(inputs, h, training=False)`` or with ``[h]``; returns ``(h', h')`` or ``(h', [h'])``. The weight
    u is called `recurrent_weights`.
    """

    kernel_cell = CELLS["indrnn"]
    unit_parameters_prefix = "recurrent"
    unit_parameters_initializer: ClassVar[Any] = {
        "class_name": "RandomUniform",
        "config": {"minval": 0.0, "maxval": 1.0},
    }
    recurrent_weights: Any

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        (h,) = states
        h = self.activation(self._sums(x, h, masks)[0] + self.recurrent_weights[0] * h)
        return h, [h]


class IndRNN(KernelLayer):
    """Independently recurrent neural network over sequences: ``h_t = activation(x_t W + b + u * h_(t-1))``.

    Its arguments are those of :class:`IndRNNCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h (B, units).

    >>> import numpy as np
    >>> from recurra.layers import IndRNN
    >>> layer = IndRNN(1, kernel_initializer="ones", recurrent_initializer="ones", return_sequences=True)
    >>> layer(np.ones((1, 3, 1), "float32"))[0, :, 0]
    array([1., 2., 3.], dtype=float32)
    """

    cell_class = IndRNNCell
