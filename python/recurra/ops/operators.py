"""Gives :class:`recurra.autograd.Tensor` its operators."""

from __future__ import annotations

from typing import Any

from recurra.autograd import Tensor, Variable
from recurra.ops import math as M
from recurra.ops.products import matmul
from recurra.ops.shaping import cast, getitem, reshape, transpose


def _swapped(function: Any) -> Any:
    return lambda self, other: function(other, self)


def _reshape(self: Tensor, *shape: Any) -> Any:
    return reshape(self, shape[0] if len(shape) == 1 else shape)


_methods: dict[str, Any] = {
    "__add__": M.add,
    "__radd__": M.add,
    "__sub__": M.subtract,
    "__rsub__": _swapped(M.subtract),
    "__mul__": M.multiply,
    "__rmul__": M.multiply,
    "__truediv__": M.divide,
    "__rtruediv__": _swapped(M.divide),
    "__pow__": M.power,
    "__rpow__": _swapped(M.power),
    "__matmul__": matmul,
    "__rmatmul__": _swapped(matmul),
    "__neg__": M.negative,
    "__abs__": M.abs,
    "__getitem__": getitem,
    "__eq__": M.equal,
    "__ne__": M.not_equal,
    "__lt__": M.less,
    "__le__": M.less_equal,
    "__gt__": M.greater,
    "__ge__": M.greater_equal,
    "transpose": transpose,
    "reshape": _reshape,
    "astype": cast,
    "sum": M.sum,
    "mean": M.mean,
    "max": M.max,
    "min": M.min,
}
for _name, _function in _methods.items():
    setattr(Tensor, _name, _function)

__all__ = ["Tensor", "Variable"]
