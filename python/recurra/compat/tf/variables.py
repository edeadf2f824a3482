"""``tf.Variable`` and ``tf.Module``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.autograd import Variable as Weight
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.making import shape_of
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import TensorMethods, array_of, present
from recurra.tree import leaves

__all__ = ["Module", "Variable"]


class Variable(TensorMethods, Weight):
    """A value that may change and that tapes follow.

    initial_value : a number, an array, nested lists, a tensor, or a function that makes one
    trainable : whether tapes follow it and :attr:`Module.trainable_variables` lists it
    validate_shape, caching_device, import_scope, synchronization, aggregation : of TensorFlow's graphs and devices
    """

    __slots__ = ()
    __eq__ = Weight.__eq__
    __ne__ = Weight.__ne__
    __hash__ = Weight.__hash__

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: None = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Callable[[Any], Any] | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ValueError("tf.Variable: initial_value must be given")
        value = array_of(initial_value() if callable(initial_value) else initial_value)
        if dtype is not None:
            value = value.astype(np.dtype(as_dtype(dtype)))
        if shape is not None:
            TensorShape(value.shape).assert_is_compatible_with(shape)
        Weight.__init__(self, value, name=name or "Variable", trainable=trainable is not False)
        self.constraint = constraint

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Take another value of the same shape."""
        Weight.assign(self, array_of(value))
        return self

    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Add `delta`."""
        return self.assign(self.value + array_of(delta).astype(self.value.dtype))

    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Subtract `delta`."""
        return self.assign(self.value - array_of(delta).astype(self.value.dtype))

    def read_value(self) -> Any:
        """The value, as a tensor."""
        return present(self + np.zeros((), self.value.dtype)) if self.value.dtype.kind in "fiu" else present(self.value)

    def initialized_value(self) -> Any:
        """The value."""
        return self.read_value()

    def numpy(self) -> Any:
        """A copy of the value, of a variable without axes a number."""
        return self.value.copy() if self.value.ndim else self.value[()]

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}:0' shape={self.shape} dtype={self.dtype}, numpy={self.value!r}>"


class Module:
    """An object that finds the variables in its attributes, and in those of its modules and layers."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name or type(self).__name__.lower()

    @property
    def name(self) -> str:
        return self._name

    @property
    def variables(self) -> tuple[Any, ...]:
        return tuple(_variables(self))

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        return tuple(one for one in _variables(self) if one.trainable)

    @property
    def submodules(self) -> tuple[Any, ...]:
        return tuple(one for value in vars(self).values() for one in leaves(value) if isinstance(one, Module))


def _variables(module: Module) -> list[Any]:
    found: dict[int, Any] = {}
    for key in sorted(vars(module)):
        for one in leaves(vars(module)[key]):
            if isinstance(one, Weight):
                found[id(one)] = one
            elif isinstance(one, Module):
                found.update({id(inner): inner for inner in _variables(one)})
            elif hasattr(one, "weights") and hasattr(one, "call"):
                found.update({id(inner): inner for inner in one.weights})
    return list(found.values())


def sizes(shape: Any) -> tuple[int, ...]:
    """A shape as Python numbers."""
    return shape_of(shape)
