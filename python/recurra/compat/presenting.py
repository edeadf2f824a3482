"""What a program gets from layers: tensors with the methods of TensorFlow's, while ``install()`` is in force.

A layer that the program calls gives EagerTensors, and a layer that the program wrote is given them. Layers inside
layers of recurra pass arrays, as always. `start` puts a wrapper around ``Layer.__call__`` and a few methods on weights
and symbolic tensors; `stop` takes them away: outside of `install` nothing is asked and nothing costs.
"""

from __future__ import annotations

import threading
from typing import Any

from recurra.autograd import Variable
from recurra.compat.tf import tensors
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import TensorMethods, plain, present
from recurra.layers.base.layer import Layer
from recurra.symbolic import KerasTensor

_plain_call = Layer.__call__
_METHODS = [
    name for name in TensorMethods.__dict__ if name not in ("__module__", "__doc__", "__slots__", "__annotations__")
]
#: operators that weights have from the class that they share with all tracked values
_ADDED = [name for name in _METHODS if name not in Variable.__dict__ and name != "__array_ufunc__"]
_kinds: dict[type, bool] = {}


class _Caller(threading.local):
    """Whether the code that runs is the program's, and not recurra's."""

    program = True


_caller = _Caller()


def _is_programs(kind: type) -> bool:
    """Whether the `call` of a class of layers was written outside of recurra."""
    found = _kinds.get(kind)
    if found is None:
        home = next(one for one in kind.__mro__ if "call" in one.__dict__)
        found = _kinds[kind] = not home.__module__.startswith("recurra.")
    return found


def _call(self: Layer, *args: Any, **kwargs: Any) -> Any:
    outer, inner = _caller.program, _is_programs(type(self))
    convert = present if inner else plain
    args = tuple(convert(value) for value in args)
    for key, value in kwargs.items():
        if value is not None and not isinstance(value, bool):
            kwargs[key] = convert(value)
    _caller.program = inner
    try:
        outputs = _plain_call(self, *args, **kwargs)
    finally:
        _caller.program = outer
    return present(outputs) if outer else plain(outputs)


def _symbolic_shape(self: KerasTensor) -> TensorShape:
    return TensorShape(self.__dict__["shape"])


def _keep_shape(self: KerasTensor, shape: Any) -> None:
    self.__dict__["shape"] = tuple(shape)


def start() -> None:
    """Give what layers return the methods of TensorFlow's tensors."""
    Layer.__call__ = _call  # type: ignore[method-assign]
    for name in _ADDED:
        setattr(Variable, name, TensorMethods.__dict__[name])
    KerasTensor.shape = property(_symbolic_shape, _keep_shape)  # type: ignore[assignment]
    KerasTensor.get_shape = _symbolic_shape  # type: ignore[attr-defined]


def stop() -> None:
    """Undo :func:`start`."""
    Layer.__call__ = _plain_call  # type: ignore[method-assign]
    for name in _ADDED:
        delattr(Variable, name)
    for name in ("shape", "get_shape"):
        delattr(KerasTensor, name)


__all__ = ["start", "stop", "tensors"]
