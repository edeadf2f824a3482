"""Operands of the functions of ``tf``: what a program may give, as what ``recurra.ops`` and numpy take."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Tensor as Tracked
from recurra.autograd import Variable as Weight
from recurra.autograd import thread_state, tracked
from recurra.compat.tf.tensors import array_of, is_symbolic


def operand(value: Any) -> Any:
    """For an operation of recurra: tensors and numbers as they are, lists as arrays, bool arrays for what they are."""
    if isinstance(value, (list, tuple)):
        return array_of(value)
    return value


def constant_of(value: Any, name: str) -> Any:
    """The array of an operand of a function without a gradient here.

    raises : NotImplementedError where an open tape follows `value`
    """
    if isinstance(value, Tracked) and not isinstance(value, Weight) and tracked(value, thread_state.tape):
        raise NotImplementedError(f"tf.{name} has no gradient here: use tf.stop_gradient, or write it with others")
    if is_symbolic(value):
        raise NotImplementedError(f"tf.{name} takes no symbolic tensor: put it into a Lambda or a layer of your own")
    return array_of(value)


def axes_of(axis: Any) -> Any:
    """An axis, or several, as Python numbers."""
    if axis is None or isinstance(axis, int):
        return axis
    found = np.asarray(array_of(axis))
    return tuple(int(one) for one in found) if found.ndim else int(found)
