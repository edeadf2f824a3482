"""Activations, softmax, embedding, dropout and normalisation."""
# ruff: noqa: D403  (a docstring may begin with a formula)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import random
from recurra._core.select import core
from recurra.autograd import Array, RowSparse, record, thread_state
from recurra.ops import math as M
from recurra.ops.common import axes_of, contiguous, floats_of, ids_of, unary
from recurra.ops.shaping import moveaxis, reshape
from recurra.typing import ArrayLike


def _kernel(name: str, x: ArrayLike) -> Any:
    y = core.activation_forward(name, floats_of(x))
    if thread_state.tape is None:
        return y
    return record(y, (x,), lambda d: (core.activation_backward(name, y, contiguous(d)),))


def tanh(x: ArrayLike) -> Any:
    """The hyperbolic tangent."""
    return _kernel("tanh", x)


def sigmoid(x: ArrayLike) -> Any:
    """1 / (1 + exp(-x))."""
    return _kernel("sigmoid", x)


def relu(x: ArrayLike) -> Any:
    """max(x, 0)."""
    return _kernel("relu", x)


def hard_sigmoid(x: ArrayLike) -> Any:
    """clip(x/6 + 1/2, 0, 1), as in Keras 3. (Keras 2 had clip(x/5 + 1/2, 0, 1).)"""
    return _kernel("hard_sigmoid", x)


def relu6(x: ArrayLike) -> Any:
    """min(max(x, 0), 6)."""
    v = floats_of(x)
    return unary(np.clip(v, 0, 6), x, lambda d: d * ((v > 0) & (v < 6)))


def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Any:
    """x where positive, else negative_slope * x."""
    v = floats_of(x)
    slope = v.dtype.type(negative_slope)
    return unary(np.where(v > 0, v, slope * v), x, lambda d: np.where(v > 0, d, slope * d))


def elu(x: ArrayLike, alpha: float = 1.0) -> Any:
    """x where positive, else alpha (exp(x) - 1)."""
    v = floats_of(x)
    below = v.dtype.type(alpha) * np.expm1(np.minimum(v, 0))
    return unary(np.where(v > 0, v, below), x, lambda d: np.where(v > 0, d, d * (below + v.dtype.type(alpha))))


def selu(x: ArrayLike) -> Any:
    """scale * elu(x, alpha), with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return M.multiply(1.0507009873554804934193349852946, elu(x, 1.6732632423543772848170429916717))


def softplus(x: ArrayLike) -> Any:
    """log(1 + exp(x))."""
    v = floats_of(x)
    y = np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))
    return unary(y, x, lambda d: d * core.activation_forward("sigmoid", v))


def softsign(x: ArrayLike) -> Any:
    """x / (1 + |x|)."""
    v = floats_of(x)
    below = 1 + np.abs(v)
    return unary(v / below, x, lambda d: d / (below * below))


def silu(x: ArrayLike) -> Any:
    """x * sigmoid(x), also called swish."""
    v = floats_of(x)
    s = core.activation_forward("sigmoid", v)
    return unary(v * s, x, lambda d: d * (s + v * s * (1 - s)))


def hard_silu(x: ArrayLike) -> Any:
    """x * hard_sigmoid(x)."""
    return M.multiply(x, hard_sigmoid(x))


def mish(x: ArrayLike) -> Any:
    """x * tanh(softplus(x))."""
    return M.multiply(x, tanh(softplus(x)))


def log_sigmoid(x: ArrayLike) -> Any:
    """log(sigmoid(x))."""
    return M.negative(softplus(M.negative(x)))


def gelu(x: ArrayLike, approximate: bool = True) -> Any:
    """x Φ(x), with Φ the normal distribution; `approximate` takes tanh in Φ's place, as Keras's ops do by default."""
    v = floats_of(x)
    if approximate:
        inner = math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)
        t = np.tanh(inner)
        slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * v * v)
        return unary(0.5 * v * (1 + t), x, lambda d: d * (0.5 * (1 + t) + 0.5 * v * (1 - t * t) * slope))
    phi = 0.5 * (1 + erf(v * math.sqrt(0.5)))
    density = np.exp(-0.5 * v * v) / math.sqrt(2 * math.pi)
    return unary(v * phi, x, lambda d: d * (phi + v * density))


def erf(x: ArrayLike) -> Any:
    """The error function, element by element from Python's own (exact, not fast)."""
    v = floats_of(x)
    y = np.fromiter(map(math.erf, v.reshape(-1).tolist()), np.float64, v.size).reshape(v.shape).astype(v.dtype)
    return unary(y, x, lambda d: d * (2 / math.sqrt(math.pi)) * np.exp(-v * v))


class SoftmaxBackward:
    """Kept as a class so that a cross-entropy which follows can see that its input is a softmax."""

    __slots__ = ("x", "y")

    def __init__(self, x: ArrayLike, y: Array) -> None:
        self.x, self.y = x, y

    def __call__(self, d: Array) -> tuple[Array]:
        return (core.softmax_backward(self.y, contiguous(d)),)


def softmax(x: ArrayLike, axis: int = -1) -> Any:
    """exp(x_i) / sum_j exp(x_j) along `axis`."""
    v = floats_of(x)
    if axes_of(axis, v.ndim) != (v.ndim - 1,):
        return moveaxis(softmax(moveaxis(x, axis, -1)), -1, axis)
    y = core.softmax_forward(v)
    return y if thread_state.tape is None else record(y, (x,), SoftmaxBackward(x, y))


def log_softmax(x: ArrayLike, axis: int = -1) -> Any:
    """x - log(sum_j exp(x_j)) along `axis`."""
    v = floats_of(x)
    shifted = v - v.max(axis=axis, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return unary(y, x, lambda d: d - np.exp(y) * d.sum(axis=axis, keepdims=True))


def embedding(table: ArrayLike, ids: ArrayLike) -> Any:
    """table[ids]: one row of the table for each id.

    table : (V, I);  ids : integers of any shape, in [0, V).  Returns ids.shape + (I,)
    The table's gradient is a :class:`recurra.autograd.RowSparse`: only the rows that were used.
    """
    values = floats_of(table)
    if values.ndim != 2:
        raise ValueError(f"table must have shape (V, I), got {values.shape}")
    places = ids_of(ids, "ids", values.shape[0])
    y = core.embedding_forward(values, places)
    if thread_state.tape is None:
        return y

    def backward(d: Array) -> tuple[RowSparse]:
        used, rows = core.embedding_backward(places, contiguous(d))
        return (RowSparse(used, rows, values.shape),)

    return record(y, (table,), backward)


def dropout(
    x: ArrayLike,
    rate: float,
    seed: int | random.SeedGenerator | None = None,
    noise_shape: Sequence[int | None] | None = None,
) -> Any:
    """x with elements zeroed at probability `rate`, the others times 1 / (1 - rate).

    rate : in [0, 1]
    seed : a ``recurra.random.SeedGenerator`` (draws anew each call), an integer (the same each call) or None
    noise_shape : the shape of the random choice; 1 shares one choice along an axis, None takes x's size. (B, 1, I)
        drops whole features of a sequence.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be in [0, 1], got {rate}")
    v = floats_of(x)
    if rate == 0:
        return x if thread_state.tape is not None else v
    shape = v.shape
    if noise_shape is not None:
        if len(noise_shape) != v.ndim:
            raise ValueError(f"noise_shape must have {v.ndim} sizes like x {v.shape}, got {tuple(noise_shape)}")
        shape = tuple(n if k is None else k for k, n in zip(noise_shape, v.shape, strict=True))
        if any(k not in (1, n) for k, n in zip(shape, v.shape, strict=True)):
            raise ValueError(f"noise_shape must be 1, None or x's size at each axis of x {v.shape}, got {shape}")
    factor = random.dropout_multiplier(shape, rate, v.dtype.name, seed)
    return unary(v * factor, x, lambda d: d * factor)


def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance over `axis` of each sample.

    gamma, beta : of the shape that x has along `axis`, or None for 1 and 0
    """
    v = floats_of(x)
    axes = axes_of(axis, v.ndim)
    normal, scale = _normalized(v, axes, epsilon)

    def backward(d: Array) -> tuple[Array]:
        centred = d - d.mean(axis=axes, keepdims=True)
        return (scale * (centred - normal * (d * normal).mean(axis=axes, keepdims=True)),)

    y: Any = normal if thread_state.tape is None else record(normal, (x,), backward)
    return _affine(y, gamma, beta, [n if k in axes else 1 for k, n in enumerate(v.shape)])


def _normalized(v: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array]:
    """(v - mean) * s and s = 1 / sqrt(variance + epsilon)."""
    centred = v - v.mean(axis=axes, keepdims=True)
    scale = 1 / np.sqrt(np.square(centred).mean(axis=axes, keepdims=True) + v.dtype.type(epsilon))
    return centred * scale, scale


def _affine(y: ArrayLike, gamma: ArrayLike | None, beta: ArrayLike | None, shape: list[int]) -> Any:
    if gamma is not None:
        y = M.multiply(y, reshape(gamma, shape))
    return y if beta is None else M.add(y, reshape(beta, shape))


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    axis: int = -1,
    offset: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    epsilon: float = 1e-3,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset.

    mean, variance, offset, scale : of x's size along `axis`. Gradients flow to all of them, so that with ``moments``
        of the batch the whole of the training formula is differentiated.
    """
    v = floats_of(x)
    (place,) = axes_of(axis, v.ndim)
    shape = [n if k == place else 1 for k, n in enumerate(v.shape)]
    factor = M.divide(1.0, M.sqrt(M.add(reshape(variance, shape), epsilon)))
    return _affine(M.multiply(M.subtract(x, reshape(mean, shape)), factor), scale, offset, shape)


def normalize(x: ArrayLike, axis: int = -1, epsilon: float = 1e-12) -> Any:
    """x / max(|x|, epsilon) with the Euclidean norm along `axis`."""
    return M.divide(x, M.sqrt(M.maximum(M.sum(M.square(x), axis, keepdims=True), epsilon**2)))
