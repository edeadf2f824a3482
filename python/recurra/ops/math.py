"""Arithmetic, elementwise functions, reductions and comparisons.

Each takes arrays, Tensors, Variables or numbers and broadcasts as numpy does. Comparisons, ``argmax`` and the like
return plain arrays: they have no gradient.
"""
# ruff: noqa: D403  (a docstring may begin with a formula)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recurra.autograd import Array, Tensor, filled, record, thread_state
from recurra.ops.common import FLOATS, array_of, axes_of, batch_first, binary, unary, unbroadcast, value_of
from recurra.typing import ArrayLike, Axis


def add(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 + x2."""
    y = np.add(value_of(x1), value_of(x2))
    return y if thread_state.tape is None else binary(y, x1, x2, _same, _same)


def subtract(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 - x2."""
    y = np.subtract(value_of(x1), value_of(x2))
    return y if thread_state.tape is None else binary(y, x1, x2, _same, np.negative)


def multiply(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 * x2, elementwise."""
    a, b = value_of(x1), value_of(x2)
    y = np.multiply(a, b)
    return y if thread_state.tape is None else binary(y, x1, x2, lambda d: d * b, lambda d: d * a)


def divide(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 / x2, elementwise."""
    a, b = value_of(x1), value_of(x2)
    y = np.true_divide(a, b)
    return y if thread_state.tape is None else binary(y, x1, x2, lambda d: d / b, lambda d: -d * y / b)


def power(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 ** x2, elementwise. The gradient of an exponent is taken as 0 where x1 is not positive."""
    a, b = value_of(x1), value_of(x2)
    y = np.power(a, b)
    if thread_state.tape is None:
        return y

    def d_base(d: Any) -> Any:
        return d * 2 * a if isinstance(b, (int, float)) and b == 2 else d * (b * np.power(a, np.subtract(b, 1)))

    def d_exponent(d: ArrayLike) -> Any:
        positive = np.greater(a, 0)
        return d * y * np.where(positive, np.log(np.where(positive, a, 1)), 0)

    return binary(y, x1, x2, d_base, d_exponent)


def maximum(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The greater of each pair; equal ones share the gradient."""
    a, b = value_of(x1), value_of(x2)
    y = np.maximum(a, b)
    return y if thread_state.tape is None else binary(y, x1, x2, lambda d: d * _share(a, b), lambda d: d * _share(b, a))


def minimum(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The smaller of each pair; equal ones share the gradient."""
    a, b = value_of(x1), value_of(x2)
    y = np.minimum(a, b)
    return y if thread_state.tape is None else binary(y, x1, x2, lambda d: d * _share(b, a), lambda d: d * _share(a, b))


def _same(d: ArrayLike) -> Any:
    return d


def _share(a: ArrayLike, b: ArrayLike) -> Any:
    """1 where a > b, 1/2 where they are equal, else 0."""
    return (np.greater(a, b).astype(np.float32) + np.greater_equal(a, b)) * np.float32(0.5)


def negative(x: ArrayLike) -> Any:
    """-x."""
    y = np.negative(value_of(x))
    return y if thread_state.tape is None else unary(y, x, np.negative)


def abs(x: ArrayLike) -> Any:
    """The absolute value; its gradient at 0 is 0."""
    v = value_of(x)
    y = np.abs(v)
    return y if thread_state.tape is None else unary(y, x, lambda d: d * np.sign(v))


def square(x: ArrayLike) -> Any:
    """x * x."""
    v = value_of(x)
    y = np.square(v)
    return y if thread_state.tape is None else unary(y, x, lambda d: 2 * d * v)


def sqrt(x: ArrayLike) -> Any:
    """The square root."""
    y = np.sqrt(value_of(x))
    return y if thread_state.tape is None else unary(y, x, lambda d: d / (2 * y))


def exp(x: ArrayLike) -> Any:
    """e ** x."""
    y = np.exp(value_of(x))
    return y if thread_state.tape is None else unary(y, x, lambda d: d * y)


def log(x: ArrayLike) -> Any:
    """The natural logarithm."""
    v = value_of(x)
    y = np.log(v)
    return y if thread_state.tape is None else unary(y, x, lambda d: d / v)


def log1p(x: ArrayLike) -> Any:
    """log(1 + x), accurate for small x."""
    v = value_of(x)
    y = np.log1p(v)
    return y if thread_state.tape is None else unary(y, x, lambda d: d / (1 + v))


def sin(x: ArrayLike) -> Any:
    """The sine of an angle in radians."""
    v = value_of(x)
    y = np.sin(v)
    return y if thread_state.tape is None else unary(y, x, lambda d: d * np.cos(v))


def cos(x: ArrayLike) -> Any:
    """The cosine of an angle in radians."""
    v = value_of(x)
    y = np.cos(v)
    return y if thread_state.tape is None else unary(y, x, lambda d: -d * np.sin(v))


def sign(x: ArrayLike) -> Any:
    """-1, 0 or 1. Its gradient is 0."""
    return np.sign(value_of(x))


def floor(x: ArrayLike) -> Any:
    """The greatest whole number that is not above x. Its gradient is 0."""
    return np.floor(value_of(x))


def round(x: ArrayLike, decimals: int = 0) -> Any:
    """x rounded, halves to even. Its gradient is 0."""
    return np.round(value_of(x), decimals)


def clip(x: ArrayLike, x_min: ArrayLike, x_max: ArrayLike) -> Any:
    """x held within [x_min, x_max]; the gradient passes where x lies inside or on the edge."""
    v, low, high = value_of(x), value_of(x_min), value_of(x_max)
    y = np.clip(v, low, high)
    like = np.shape(v), y.dtype
    return y if thread_state.tape is None else unary(y, x, lambda d: unbroadcast(d * ((v >= low) & (v <= high)), *like))


def sum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over `axis` (all axes without one)."""
    v = array_of(x)
    y = (v if axis is None else batch_first(v)).sum(axis=_axis(axis), keepdims=keepdims)
    if thread_state.tape is None:
        return y
    shape, dtype = v.shape, v.dtype
    return record(y, (x,), lambda d: (_spread(d, shape, dtype, axis, keepdims),))


def mean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over `axis` (all axes without one)."""
    v = array_of(x)
    if axis is None and not keepdims and v.size and v.dtype in FLOATS:
        y = v.dtype.type(np.add.reduce(v, axis=None) / v.size)  # as v.mean(), without its Python
    else:
        y = (v if axis is None else batch_first(v)).mean(axis=_axis(axis), keepdims=keepdims)
    if thread_state.tape is None:
        return y
    count = v.size // y.size if y.size else 1
    shape, dtype = v.shape, v.dtype
    return record(y, (x,), lambda d: (_spread(np.asarray(d, dtype) / count, shape, dtype, axis, keepdims),))


def max(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The greatest value over `axis`; equal ones share the gradient."""
    return _extreme(np.max, x, axis, keepdims)


def min(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest value over `axis`; equal ones share the gradient."""
    return _extreme(np.min, x, axis, keepdims)


def _extreme(function: Any, x: ArrayLike, axis: Axis, keepdims: bool) -> Any:
    v = array_of(x)
    y = function(v, axis=_axis(axis), keepdims=keepdims)
    if thread_state.tape is None:
        return y

    def backward(d: Array) -> tuple[Array]:
        chosen = v == _kept(y, v.shape, v.dtype, axis, keepdims)
        ties = chosen.sum(axis=_axis(axis), keepdims=True)
        return (chosen * (_kept(d, v.shape, v.dtype, axis, keepdims) / ties).astype(v.dtype),)

    return record(y, (x,), backward)


def var(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the squared distances from the mean."""
    return mean(square(subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


def std(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of :func:`var`."""
    return sqrt(var(x, axis, keepdims))


def moments(x: ArrayLike, axes: Axis, keepdims: bool = False) -> tuple[Any, Any]:
    """Mean and variance over `axes`."""
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def logsumexp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`, without overflow."""
    v = batch_first(array_of(x))
    top = np.max(v, axis=_axis(axis), keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    e = np.exp(v - top)
    total = e.sum(axis=_axis(axis), keepdims=True)
    kept = top + np.log(total)
    y = kept if keepdims else np.squeeze(kept, axes_of(axis, v.ndim))
    if thread_state.tape is None:
        return y
    return record(y, (x,), lambda d: (e / total * _kept(d, v.shape, v.dtype, axis, keepdims),))


def cumsum(x: ArrayLike, axis: int | None = None) -> Any:
    """Running sums along `axis` (of the flattened array without one)."""
    v = array_of(x)
    y = np.cumsum(v, axis=axis)
    if thread_state.tape is None:
        return y

    def backward(d: Array) -> tuple[Array]:
        along = 0 if axis is None else axis
        return (np.flip(np.cumsum(np.flip(d, along), along), along).reshape(v.shape),)

    return record(y, (x,), backward)


def _axis(axis: Axis) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _kept(d: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any], axis: Axis, keepdims: bool) -> Array:
    """`d`, reduced from `shape`, with the reduced axes back as 1."""
    d = np.asarray(d, dtype)
    return d if keepdims else np.expand_dims(d, axes_of(axis, len(shape)))


def _spread(d: Array, shape: tuple[int, ...], dtype: np.dtype[Any], axis: Axis, keepdims: bool) -> Array:
    """`d`, reduced from `shape`, at each of the elements that were reduced to it."""
    if axis is None and math.prod(shape) <= 4096:  # most losses end here; a view takes much of numpy's Python
        return filled(shape, dtype, d)
    return np.broadcast_to(_kept(d, shape, dtype, axis, keepdims), shape)


def argmax(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the greatest value stands, the first on ties."""
    return np.asarray(np.argmax(value_of(x), axis=axis, keepdims=keepdims))


def argmin(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the smallest value stands, the first on ties."""
    return np.asarray(np.argmin(value_of(x), axis=axis, keepdims=keepdims))


def argsort(x: ArrayLike, axis: int = -1) -> Array:
    """The order that sorts, ascending and stable."""
    return np.argsort(value_of(x), axis=axis, kind="stable")


def equal(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 == x2, elementwise."""
    return np.equal(value_of(x1), value_of(x2))


def not_equal(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 != x2, elementwise."""
    return np.not_equal(value_of(x1), value_of(x2))


def greater(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 > x2, elementwise."""
    return np.greater(value_of(x1), value_of(x2))


def greater_equal(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 >= x2, elementwise."""
    return np.greater_equal(value_of(x1), value_of(x2))


def less(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 < x2, elementwise."""
    return np.less(value_of(x1), value_of(x2))


def less_equal(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 <= x2, elementwise."""
    return np.less_equal(value_of(x1), value_of(x2))


def logical_and(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Both, elementwise."""
    return np.logical_and(value_of(x1), value_of(x2))


def logical_or(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Either, elementwise."""
    return np.logical_or(value_of(x1), value_of(x2))


def logical_not(x: ArrayLike) -> Any:
    """The opposite, elementwise."""
    return np.logical_not(value_of(x))


def any(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether one is true."""
    return np.any(array_of(x), axis=_axis(axis), keepdims=keepdims)


def all(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether every one is true."""
    return np.all(array_of(x), axis=_axis(axis), keepdims=keepdims)


def isnan(x: ArrayLike) -> Any:
    """Whether it is not a number, elementwise."""
    return np.isnan(value_of(x))


def isfinite(x: ArrayLike) -> Any:
    """Whether it is neither infinite nor NaN, elementwise."""
    return np.isfinite(value_of(x))


def stop_gradient(x: ArrayLike) -> Any:
    """The value, without history: a constant for every gradient."""
    if isinstance(x, Tensor):
        return x.value
    return array_of(x) if getattr(x, "is_symbolic", False) else x  # a symbolic tensor says that it has no value


def where(condition: ArrayLike, x1: ArrayLike | None = None, x2: ArrayLike | None = None) -> Any:
    """x1 where the condition holds, else x2. With it alone, the indices where it holds, one array an axis."""
    chosen = value_of(condition)
    if x1 is None and x2 is None:
        return np.nonzero(chosen)
    if x1 is None or x2 is None:
        raise ValueError("x1 and x2 must both be given, or neither")
    y = np.where(chosen, value_of(x1), value_of(x2))
    if thread_state.tape is None:
        return y
    return binary(y, x1, x2, lambda d: np.where(chosen, d, 0), lambda d: np.where(chosen, 0, d))
