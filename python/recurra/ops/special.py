"""Special functions, and elementwise ones of two arrays that are seldom used; gradients as in math.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recurra.ops import math as M
from recurra.ops.common import array_of, binary, constant_of, floats_of, unary, value_of
from recurra.ops.dispatch import operation
from recurra.typing import ArrayLike

_ROOT_PI = math.sqrt(math.pi)


def _elementwise(function: Any, v: Any) -> Any:
    return np.fromiter(map(function, v.reshape(-1).tolist()), np.float64, v.size).reshape(v.shape).astype(v.dtype)


@operation
def erfc(x: ArrayLike) -> Any:
    """1 - erf(x), accurate where it is small."""
    v = floats_of(x)
    return unary(_elementwise(math.erfc, v), x, lambda d: d * (-2 / _ROOT_PI) * np.exp(-v * v))


@operation
def erfinv(x: ArrayLike) -> Any:
    """The inverse of erf, for x in [-1, 1]."""
    v = floats_of(x)
    y = _elementwise(_erfinv, v)
    return unary(y, x, lambda d: d * (_ROOT_PI / 2) * np.exp(y * y))


def _erfinv(x: float) -> float:
    """Winitzki's approximation, then Newton's steps on erfc, which keeps its digits in the tail."""
    if not -1.0 < x < 1.0:
        return math.copysign(math.inf, x) if abs(x) == 1.0 else math.nan
    size = abs(x)
    log = math.log1p(-size * size)
    part = 2 / (math.pi * 0.147) + log / 2
    y = math.sqrt(math.sqrt(part * part - log / 0.147) - part)
    for _ in range(3):
        distance = math.erf(y) - size if size < 0.5 else (1 - size) - math.erfc(y)
        step = distance * _ROOT_PI / 2 * math.exp(y * y)
        y -= step / (1 + y * step)
    return math.copysign(y, x)


@operation
def sinc(x: ArrayLike) -> Any:
    """sin(pi x) / (pi x), and 1 at 0."""
    v = floats_of(x)
    y = np.sinc(v)

    def slope(d: Any) -> Any:
        safe = np.where(v == 0, 1, v)
        return d * np.where(v == 0, 0, (np.cos(np.pi * v) - y) / safe)

    return unary(y, x, slope)


@operation
def i0(x: ArrayLike) -> Any:
    """The modified Bessel function of the first kind, of order 0. It has no gradient here."""
    v = constant_of(x, "i0")
    return np.i0(v).astype(floats_of(v).dtype)


@operation
def fabs(x: ArrayLike) -> Any:
    """The absolute value, as a float."""
    v = floats_of(x)
    return unary(np.fabs(v), x, lambda d: d * np.sign(v))


@operation
def fmax(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The greater of each pair; NaN only where both are."""
    return M.maximum(*_without_nan(x1, x2))


@operation
def fmin(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The smaller of each pair; NaN only where both are."""
    return M.minimum(*_without_nan(x1, x2))


def _without_nan(x1: ArrayLike, x2: ArrayLike) -> tuple[Any, Any]:
    a, b = np.isnan(array_of(x1)), np.isnan(array_of(x2))
    return M.where(a, x2, x1), M.where(b, x1, x2)


@operation
def fmod(x1: ArrayLike, x2: ArrayLike) -> Any:
    """What is left of x1 / x2, with the sign of x1."""
    a, b = value_of(x1), value_of(x2)
    return binary(np.fmod(a, b), x1, x2, lambda d: d, lambda d: -d * np.trunc(np.divide(a, b)))


@operation
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x1 * 2 ** x2, for whole numbers x2."""
    return M.multiply(x1, np.exp2(floats_of(constant_of(x2, "ldexp"))))


@operation
def logaddexp2(x1: ArrayLike, x2: ArrayLike) -> Any:
    """log2(2 ** x1 + 2 ** x2)."""
    a, b = value_of(x1), value_of(x2)
    y = np.logaddexp2(a, b)
    apart = np.subtract(b, a)  # not exp2(a - y): see logaddexp
    return binary(
        y, x1, x2, lambda d: d * np.exp2(-np.logaddexp2(0, apart)), lambda d: d * np.exp2(-np.logaddexp2(0, -apart))
    )


@operation
def heaviside(x1: ArrayLike, x2: ArrayLike) -> Any:
    """0 where x1 is negative, 1 where it is positive, x2 where it is 0. Its gradient is 0."""
    v = floats_of(x1)
    return np.heaviside(v, np.asarray(value_of(x2), v.dtype))


@operation
def nextafter(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The next number after x1 in the direction of x2. Its gradient is 0."""
    v = floats_of(x1)
    return np.nextafter(v, np.asarray(value_of(x2), v.dtype))


@operation
def isneginf(x: ArrayLike) -> Any:
    """Where x is minus infinity."""
    return np.isneginf(array_of(x))


@operation
def isposinf(x: ArrayLike) -> Any:
    """Where x is plus infinity."""
    return np.isposinf(array_of(x))


@operation
def isreal(x: ArrayLike) -> Any:
    """Where x has no imaginary part."""
    return np.isreal(array_of(x))


@operation
def allclose(x1: ArrayLike, x2: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all of x1 and x2 are nearly equal."""
    return np.asarray(np.allclose(array_of(x1), array_of(x2), rtol, atol, equal_nan))
