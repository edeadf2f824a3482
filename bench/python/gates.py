"""Weights and gradients between Keras's layout and the peers'.

Keras keeps (I, G*H) with gates LSTM i f c o, GRU z r h. PyTorch keeps (G*H, I) with i f g o and r z n; ONNX keeps
(G*H, I) with i o f c and z r h, both biases in one row. The bench converts by itself, independently of the library that
it measures, so that a mistake in either shows as a difference.
"""

from __future__ import annotations

import numpy as np

from bench.cells import Cell
from bench.python.problem import Array, Weights

# Position of each of the peer's gates in Keras's order.
TORCH_ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "simple_rnn": (0,)}
ONNX_ORDER = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "gru_reset_before": (0, 1, 2), "simple_rnn": (0,)}


def reorder(columns: Array, order: tuple[int, ...]) -> Array:
    """The last axis is a row of gate blocks; put them in this order."""
    blocks = np.split(columns, len(order), axis=-1)
    return np.ascontiguousarray(np.concatenate([blocks[gate] for gate in order], axis=-1))


def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(gate) for gate in np.argsort(order))


def _two_biases(cell: Cell, bias: Array) -> tuple[Array, Array]:
    """Input and recurrent bias; cells with one bias get zeros for the second."""
    return (bias[0], bias[1]) if cell.biases == 2 else (bias, np.zeros_like(bias))


def to_torch(cell: Cell, weights: Weights) -> tuple[Array, Array, Array, Array]:
    """weight_ih (G*H, I), weight_hh (G*H, H), bias_ih (G*H,), bias_hh (G*H,)."""
    order = TORCH_ORDER[cell.name]
    first, second = _two_biases(cell, weights.bias)
    return (
        np.ascontiguousarray(reorder(weights.kernel, order).T),
        np.ascontiguousarray(reorder(weights.recurrent_kernel, order).T),
        reorder(first, order),
        reorder(second, order),
    )


def gradients_from_torch(cell: Cell, kernel: Array, recurrent: Array, bias: Array, bias_hh: Array) -> Weights:
    """The gradients of :func:`to_torch`'s four arrays, in Keras's layout."""
    order = inverse(TORCH_ORDER[cell.name])
    biases = reorder(bias, order)
    if cell.biases == 2:
        biases = np.stack([biases, reorder(bias_hh, order)])
    return Weights(reorder(kernel.T, order), reorder(recurrent.T, order), biases)


def to_onnx(cell: Cell, weights: Weights) -> tuple[Array, Array, Array]:
    """W (G*H, I), R (G*H, H), B (2*G*H,) of one direction."""
    order = ONNX_ORDER[cell.name]
    biases = [reorder(bias, order) for bias in _two_biases(cell, weights.bias)]
    return (
        np.ascontiguousarray(reorder(weights.kernel, order).T),
        np.ascontiguousarray(reorder(weights.recurrent_kernel, order).T),
        np.concatenate(biases),
    )
