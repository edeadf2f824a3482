"""Long short-term memory with a projection of h: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.kernel_layer import KernelLayer


class ProjectionLSTMCell(KernelCell):
    """One step of a long short-term memory whose h is a product with a matrix, of fewer units than c.

    With the blocks of kernel W (I, 4*units), recurrent kernel U (projection_units, 4*units) and bias b (4*units,) in
    the order i, f, c, o, the projection kernel V (units, projection_units), and s = recurrent_activation,
    a = activation::

        i = s(x W_i + h U_i + b_i)        f = s(x W_f + h U_f + b_f)        o = s(x W_o + h U_o + b_o)
        c' = f * c + i * a(x W_c + h U_c + b_c)
        h' = (o * a(c')) V

    From H. Sak, A. Senior, F. Beaufays, Long Short-Term Memory Based Recurrent Neural Network Architectures for Large
    Vocabulary Speech Recognition, 2014. It is PyTorch's LSTM with `proj_size`.

    units : size of the state c
    projection_units : size of the state h and of the output; by default half of `units`, rounded up
    activation, recurrent_activation : names or functions
    use_bias, unit_forget_bias : whether b is there, and whether b_f starts at one
    kernel_initializer, recurrent_initializer, bias_initializer, projection_initializer : first values of W, U, b and V
    kernel_regularizer, recurrent_regularizer, bias_regularizer, projection_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint, projection_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same for all gates and at all
        steps of a sequence; clamped to [0, 1]
    seed : of the dropout masks

    Called as ``cell(inputs, [h, c], training=False)``; returns ``(h', [h', c'])``.
    """

    kernel_cell = CELLS["projection_lstm"]
    projection_kernel: Any
    projection_initializer: Any
    projection_regularizer: Any
    projection_constraint: Any

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h, c = states
        zi, zf, zc, zo = self._sums(x, h, masks)
        c = self.recurrent_activation(zf) * c + self.recurrent_activation(zi) * self.activation(zc)
        h = ops.matmul(self.recurrent_activation(zo) * self.activation(c), self.projection_kernel)
        return h, [h, c]


class ProjectionLSTM(KernelLayer):
    """Long short-term memory with a projection of h over sequences; the equations are :class:`ProjectionLSTMCell`'s.

    Its arguments are those of :class:`ProjectionLSTMCell`, of :class:`RNN` (but `cell`) and of :class:`Layer`.
    tanh, sigmoid, relu, hard_sigmoid and linear run in the kernel, other activations step by step.

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, projection_units), or (B, T, projection_units), and with return_state also h (B, projection_units) and c
    (B, units).

    >>> import numpy as np
    >>> from recurra.layers import ProjectionLSTM
    >>> layer = ProjectionLSTM(6, projection_units=2, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.ones((2, 5, 3), "float32"))
    >>> y.shape, h.shape, c.shape
    ((2, 5, 2), (2, 2), (2, 6))
    """

    cell_class = ProjectionLSTMCell
