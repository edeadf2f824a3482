"""The rarer elementwise functions, norms, products and running products, with gradients as in math.py."""
# ruff: noqa: D403  (a docstring may begin with a formula)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, record, thread_state
from recurra.ops import math as M
from recurra.ops.common import array_of, axes_of, batch_first, binary, floats_of, unary, value_of
from recurra.typing import ArrayLike, Axis


def tan(x: ArrayLike) -> Any:
    """The tangent."""
    v = floats_of(x)
    y = np.tan(v)
    return unary(y, x, lambda d: d * (1 + y * y))


def arcsin(x: ArrayLike) -> Any:
    """The inverse of sin, in [-pi/2, pi/2]."""
    v = floats_of(x)
    y = np.arcsin(v)
    return unary(y, x, lambda d: d / np.sqrt(1 - v * v))


def arccos(x: ArrayLike) -> Any:
    """The inverse of cos, in [0, pi]."""
    v = floats_of(x)
    y = np.arccos(v)
    return unary(y, x, lambda d: -d / np.sqrt(1 - v * v))


def arctan(x: ArrayLike) -> Any:
    """The inverse of tan, in (-pi/2, pi/2)."""
    v = floats_of(x)
    y = np.arctan(v)
    return unary(y, x, lambda d: d / (1 + v * v))


def sinh(x: ArrayLike) -> Any:
    """(exp(x) - exp(-x)) / 2."""
    v = floats_of(x)
    y = np.sinh(v)
    return unary(y, x, lambda d: d * np.cosh(v))


def cosh(x: ArrayLike) -> Any:
    """(exp(x) + exp(-x)) / 2."""
    v = floats_of(x)
    y = np.cosh(v)
    return unary(y, x, lambda d: d * np.sinh(v))


def arcsinh(x: ArrayLike) -> Any:
    """The inverse of sinh."""
    v = floats_of(x)
    y = np.arcsinh(v)
    return unary(y, x, lambda d: d / np.sqrt(v * v + 1))


def arccosh(x: ArrayLike) -> Any:
    """The inverse of cosh, for x of at least 1."""
    v = floats_of(x)
    y = np.arccosh(v)
    return unary(y, x, lambda d: d / np.sqrt(v * v - 1))


def arctanh(x: ArrayLike) -> Any:
    """The inverse of tanh, for x in (-1, 1)."""
    v = floats_of(x)
    y = np.arctanh(v)
    return unary(y, x, lambda d: d / (1 - v * v))


def exp2(x: ArrayLike) -> Any:
    """2 ** x."""
    v = floats_of(x)
    y = np.exp2(v)
    return unary(y, x, lambda d: d * y * v.dtype.type(np.log(2)))


def expm1(x: ArrayLike) -> Any:
    """exp(x) - 1."""
    v = floats_of(x)
    y = np.expm1(v)
    return unary(y, x, lambda d: d * (y + 1))


def log2(x: ArrayLike) -> Any:
    """The logarithm to base 2."""
    v = floats_of(x)
    y = np.log2(v)
    return unary(y, x, lambda d: d / (v * v.dtype.type(np.log(2))))


def log10(x: ArrayLike) -> Any:
    """The logarithm to base 10."""
    v = floats_of(x)
    y = np.log10(v)
    return unary(y, x, lambda d: d / (v * v.dtype.type(np.log(10))))


def reciprocal(x: ArrayLike) -> Any:
    """1 / x."""
    v = floats_of(x)
    y = 1 / v
    return unary(y, x, lambda d: -d * y * y)


def rsqrt(x: ArrayLike) -> Any:
    """1 / sqrt(x)."""
    v = floats_of(x)
    y = 1 / np.sqrt(v)
    return unary(y, x, lambda d: -d * y / (2 * v))


def cbrt(x: ArrayLike) -> Any:
    """The third root."""
    v = floats_of(x)
    y = np.cbrt(v)
    return unary(y, x, lambda d: d / (3 * y * y))


def deg2rad(x: ArrayLike) -> Any:
    """Degrees as radians."""
    v = floats_of(x)
    y = np.deg2rad(v)
    return unary(y, x, lambda d: d * v.dtype.type(np.pi / 180))


def rad2deg(x: ArrayLike) -> Any:
    """Radians as degrees."""
    v = floats_of(x)
    y = np.rad2deg(v)
    return unary(y, x, lambda d: d * v.dtype.type(180 / np.pi))


def ceil(x: ArrayLike) -> Any:
    """The smallest whole number that is not below x. Its gradient is 0."""
    return np.ceil(value_of(x))


def trunc(x: ArrayLike) -> Any:
    """x without its fraction. Its gradient is 0."""
    return np.trunc(value_of(x))


def isinf(x: ArrayLike) -> Any:
    """Where x is infinite."""
    return np.isinf(value_of(x))


def signbit(x: ArrayLike) -> Any:
    """Where x has a minus sign."""
    return np.signbit(value_of(x))


def nan_to_num(x: ArrayLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with finite numbers in place of NaN and infinities (by default 0 and the greatest); these have no gradient."""
    v = array_of(x)
    return unary(np.nan_to_num(v, nan=nan, posinf=posinf, neginf=neginf), x, lambda d: np.where(np.isfinite(v), d, 0))


def arctan2(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The angle of the point (x2, x1), in (-pi, pi]."""
    a, b = value_of(x1), value_of(x2)
    square = np.square(a) + np.square(b)
    return binary(np.arctan2(a, b), x1, x2, lambda d: d * b / square, lambda d: -d * a / square)


def hypot(x1: ArrayLike, x2: ArrayLike) -> Any:
    """sqrt(x1 ** 2 + x2 ** 2)."""
    a, b = value_of(x1), value_of(x2)
    y = np.hypot(a, b)
    return binary(y, x1, x2, lambda d: d * a / y, lambda d: d * b / y)


def logaddexp(x1: ArrayLike, x2: ArrayLike) -> Any:
    """log(exp(x1) + exp(x2))."""
    a, b = value_of(x1), value_of(x2)
    y = np.logaddexp(a, b)
    apart = np.subtract(b, a)  # not exp(a - y): beside large numbers y has lost the digits
    return binary(
        y, x1, x2, lambda d: d * np.exp(-np.logaddexp(0, apart)), lambda d: d * np.exp(-np.logaddexp(0, -apart))
    )


def mod(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 - x2 * floor(x1 / x2)."""
    a, b = value_of(x1), value_of(x2)
    return binary(np.mod(a, b), x1, x2, lambda d: d, lambda d: -d * np.floor_divide(a, b))


def floor_divide(x1: ArrayLike, x2: ArrayLike) -> Any:
    """floor(x1 / x2). Its gradient is 0."""
    return np.floor_divide(value_of(x1), value_of(x2))


def divide_no_nan(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 / x2, and 0 where x2 is 0."""
    zero = np.equal(value_of(x2), 0)
    return M.where(zero, 0.0, M.divide(x1, M.where(zero, 1.0, x2)))


def logical_xor(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Where exactly one of both holds."""
    return np.logical_xor(value_of(x1), value_of(x2))


def isclose(x1: ArrayLike, x2: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Where x1 and x2 are nearly equal."""
    return np.isclose(value_of(x1), value_of(x2), rtol, atol, equal_nan)


def prod(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product over `axis` (all axes without one). Its gradient is right where a factor is 0."""
    v = array_of(x)
    axes = axes_of(axis, v.ndim)
    y = (v if axis is None else batch_first(v)).prod(axis=axes, keepdims=keepdims)
    if thread_state.tape is None:
        return y

    def backward(d: Array) -> tuple[Array]:
        moved = np.moveaxis(v, axes, range(-len(axes), 0)) if axes else v[..., None]
        flat = moved.reshape(*moved.shape[: v.ndim - len(axes)], -1)
        before = np.cumprod(np.concatenate([np.ones_like(flat[..., :1]), flat[..., :-1]], -1), -1)
        after = np.cumprod(np.concatenate([np.ones_like(flat[..., :1]), flat[..., :0:-1]], -1), -1)[..., ::-1]
        others = (before * after).reshape(moved.shape)
        others = np.moveaxis(others, range(-len(axes), 0), axes) if axes else others[..., 0]
        return (others * (d if keepdims else np.expand_dims(d, axes)),)

    return record(y, (x,), backward)


def cumprod(x: ArrayLike, axis: int | None = None) -> Any:
    """Running products along `axis` (of the flattened array without one), of numbers other than 0 for a gradient."""
    v = array_of(x)
    y = np.cumprod(v, axis=axis)

    def backward(d: Array) -> tuple[Array]:
        along = 0 if axis is None else axis
        sums = np.flip(np.cumsum(np.flip(d * y, along), along), along)
        return ((sums / (v.reshape(-1) if axis is None else v)).reshape(v.shape),)

    return record(y, (x,), backward)


def norm(x: ArrayLike, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length of vectors along `axis` (of all numbers without one), or another norm of them.

    ord : None or 2: Euclidean; 1: the sum of absolute values; inf, -inf: the greatest and least of them; 0: how many
        are not 0; any other number p: (sum |x|^p)^(1/p). "fro" over two axes: Euclidean
    """
    if ord in (None, 2, "fro", "euclidean"):
        axes = axes_of(axis, array_of(x).ndim)
        if ord == 2 and len(axes) == 2:
            raise ValueError("ord=2 of matrices is not supported: use 'fro', or numpy.linalg.norm without a gradient")
        return M.sqrt(M.sum(M.square(x), axis, keepdims))
    if len(axes_of(axis, array_of(x).ndim)) != 1:
        raise ValueError(f"ord={ord!r} needs one axis, got axis={axis!r} of shape {array_of(x).shape}")
    if ord == 0:
        return np.sum(value_of(x) != 0, axis=axis, keepdims=keepdims)
    size = M.abs(x)
    if ord in (np.inf, -np.inf):
        return M.max(size, axis, keepdims) if ord > 0 else M.min(size, axis, keepdims)
    if isinstance(ord, (int, float)):
        return M.sum(size, axis, keepdims) if ord == 1 else M.power(M.sum(M.power(size, ord), axis, keepdims), 1 / ord)
    raise ValueError(f"ord must be a number, 'fro' or None, got {ord!r}")


def average(x: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None) -> Any:
    """The mean over `axis`, weighted if there are `weights`, of x's shape or of its size along `axis`."""
    if weights is None:
        return M.mean(x, axis)
    v, w = array_of(x), array_of(weights)
    if w.shape != v.shape:
        if not isinstance(axis, (int, np.integer)) or w.shape != (v.shape[axis],):
            raise ValueError(f"weights must have x's shape {v.shape} or its size along axis, got {w.shape}")
        w = w.reshape([n if k == axis % v.ndim else 1 for k, n in enumerate(v.shape)])
        w = np.broadcast_to(w, v.shape)
    return M.divide(M.sum(M.multiply(x, w), axis), M.sum(w, axis))


def count_nonzero(x: ArrayLike, axis: Axis = None) -> Any:
    """How many numbers are not 0."""
    return np.asarray(np.count_nonzero(value_of(x), axis=tuple(axis) if isinstance(axis, list) else axis))


def outer(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Each number of x1 times each of x2, (n1, n2)."""
    from recurra.ops.shaping import reshape

    return M.multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def rms_normalization(
    x: ArrayLike, scale: ArrayLike = 1.0, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Any:
    """x / sqrt(mean of x ** 2 over `axis` + epsilon) * scale."""
    mean = M.mean(M.square(x), axis, keepdims=True)
    tiny = float(np.finfo(floats_of(x).dtype).eps) if epsilon is None else epsilon
    return M.multiply(M.multiply(x, rsqrt(M.add(mean, tiny))), scale)
