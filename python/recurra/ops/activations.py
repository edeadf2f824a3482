"""Activation functions that are made of others: shrinkage, gates, and sparse relatives of softplus and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, record
from recurra.ops import math as M
from recurra.ops import neural
from recurra.ops import shaping as S
from recurra.ops.common import floats_of
from recurra.ops.dispatch import operation
from recurra.typing import ArrayLike


@operation
def celu(x: ArrayLike, alpha: float = 1.0) -> Any:
    """``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``."""
    below = M.subtract(M.exp(M.divide(M.minimum(x, 0.0), alpha)), 1.0)
    return M.add(neural.relu(x), M.multiply(alpha, below))


@operation
def glu(x: ArrayLike, axis: int = -1) -> Any:
    """The first half of `x` along `axis` times the sigmoid of the second half."""
    first, second = S.split(x, 2, axis)
    return M.multiply(first, neural.sigmoid(second))


@operation
def hard_tanh(x: ArrayLike) -> Any:
    """``clip(x, -1, 1)``."""
    return M.clip(x, -1.0, 1.0)


@operation
def tanh_shrink(x: ArrayLike) -> Any:
    """``x - tanh(x)``."""
    return M.subtract(x, neural.tanh(x))


@operation
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Any:
    """``x`` where ``abs(x) > threshold``, zero elsewhere."""
    v = floats_of(x)
    return M.multiply(x, (np.abs(v) > threshold).astype(v.dtype))


@operation
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Any:
    """``x`` moved towards zero by `threshold`, zero where it is nearer than that."""
    return M.subtract(neural.relu(M.subtract(x, threshold)), neural.relu(M.subtract(M.negative(x), threshold)))


@operation
def threshold(x: ArrayLike, threshold: float, default_value: float) -> Any:
    """``x`` where above `threshold`, `default_value` elsewhere."""
    v = floats_of(x)
    above = v > threshold
    return M.add(M.multiply(x, above.astype(v.dtype)), v.dtype.type(default_value) * ~above)


@operation
def squareplus(x: ArrayLike, b: float = 4) -> Any:
    """``(x + sqrt(x * x + b)) / 2``."""
    return M.divide(M.add(x, M.sqrt(M.add(M.square(x), b))), 2.0)


@operation
def sparse_plus(x: ArrayLike) -> Any:
    """0 up to -1, ``(x + 1)**2 / 4`` between -1 and 1, ``x`` from 1 on."""
    inner = M.divide(M.square(M.add(M.clip(x, -1.0, 1.0), 1.0)), 4.0)
    return M.add(inner, neural.relu(M.subtract(x, 1.0)))


@operation
def sparse_sigmoid(x: ArrayLike) -> Any:
    """0 up to -1, ``(x + 1) / 2`` between -1 and 1, 1 from 1 on."""
    return M.divide(M.add(M.clip(x, -1.0, 1.0), 1.0), 2.0)


@operation
def sparsemax(x: ArrayLike, axis: int = -1) -> Any:
    """The point of the simplex that is nearest to `x` along `axis` (Martins and Astudillo, 2016); many are 0.

    It adds up to 1. Keras 3.15's does not, where more than one number is positive.
    """
    v = np.moveaxis(floats_of(x), axis, -1)
    descending = -np.sort(-v, axis=-1)
    ranks = np.arange(1, v.shape[-1] + 1, dtype=v.dtype)
    sums = np.cumsum(descending, axis=-1) - 1
    count = np.sum(descending * ranks > sums, axis=-1, keepdims=True)
    limit = np.take_along_axis(sums, count - 1, -1) / count.astype(v.dtype)
    y = np.maximum(v - limit, 0)

    def backward(d: Array) -> tuple[Array]:
        chosen = y > 0
        moved = np.where(chosen, np.moveaxis(d, axis, -1), 0)
        mean = moved.sum(-1, keepdims=True) / np.maximum(chosen.sum(-1, keepdims=True), 1)
        return (np.moveaxis(np.where(chosen, moved - mean, 0), -1, axis).astype(v.dtype),)

    return record(np.moveaxis(y, -1, axis), (x,), backward)
