"""Products and quotients that are 0 where a factor or divisor is, whatever stands beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.operands import operand
from recurra.compat.tf.tensors import array_of, present


def _float_operand(value: Any) -> Any:
    return array_of(value) if isinstance(value, (int, float)) else operand(value)


def _filled(places: Any, number: float, x: Any) -> Any:
    """`x` with a number of its own type at some places."""
    return ops.where(places, np.asarray(number, x.dtype), x)


def divide_no_nan(x: Any, y: Any, name: str | None = None) -> Any:
    """X / y, 0 where y is 0."""
    x, y = _float_operand(x), _float_operand(y)
    zero = ops.equal(y, 0)
    return present(_filled(zero, 0.0, ops.divide(x, _filled(zero, 1.0, y))))


def multiply_no_nan(x: Any, y: Any, name: str | None = None) -> Any:
    """X * y, 0 where y is 0 whatever x is."""
    x, y = _float_operand(x), _float_operand(y)
    zero = ops.equal(y, 0)
    return present(_filled(zero, 0.0, ops.multiply(_filled(zero, 0.0, x), y)))


def xlogy(x: Any, y: Any, name: str | None = None) -> Any:
    """X * log(y), 0 where x is 0."""
    x, y = _float_operand(x), _float_operand(y)
    zero = ops.equal(x, 0)
    return present(_filled(zero, 0.0, ops.multiply(x, ops.log(_filled(zero, 1.0, y)))))
