"""Operations on whole numbers: bits, common divisors and multiples. They have no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.ops.common import array_of
from recurra.ops.dispatch import operation
from recurra.typing import ArrayLike


def _whole(x: ArrayLike, name: str) -> Array:
    v = array_of(x)
    if v.dtype.kind not in "biu":
        raise TypeError(f"{name} must be whole numbers or bool, got dtype {v.dtype}")
    return v


def _pair(function: Any, x: ArrayLike, y: ArrayLike) -> Any:
    return function(_whole(x, "x"), _whole(y, "y"))


@operation
def bitwise_and(x: ArrayLike, y: ArrayLike) -> Any:
    """The bits that both have."""
    return _pair(np.bitwise_and, x, y)


@operation
def bitwise_or(x: ArrayLike, y: ArrayLike) -> Any:
    """The bits that one has."""
    return _pair(np.bitwise_or, x, y)


@operation
def bitwise_xor(x: ArrayLike, y: ArrayLike) -> Any:
    """The bits that exactly one has."""
    return _pair(np.bitwise_xor, x, y)


@operation
def bitwise_invert(x: ArrayLike) -> Any:
    """The bits that x has not."""
    return np.invert(_whole(x, "x"))


@operation
def bitwise_left_shift(x: ArrayLike, y: ArrayLike) -> Any:
    """The bits of x moved to the left, by y places."""
    return _pair(np.left_shift, x, y)


@operation
def bitwise_right_shift(x: ArrayLike, y: ArrayLike) -> Any:
    """The bits of x moved to the right, by y places."""
    return _pair(np.right_shift, x, y)


@operation
def gcd(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The greatest common divisor."""
    return _pair(np.gcd, x1, x2)


@operation
def lcm(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The least common multiple."""
    return _pair(np.lcm, x1, x2)


bitwise_not, left_shift, right_shift = bitwise_invert, bitwise_left_shift, bitwise_right_shift
