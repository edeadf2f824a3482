"""What a program gets from layers, losses and metrics: tensors with the methods of TensorFlow's.

What the program calls gives EagerTensors, and a layer that the program wrote is given them. What recurra calls gives
what it always gives. `start` puts a wrapper around a few calls, which looks at who calls, and adds methods to weights
and symbolic tensors; `stop` takes them away: outside of ``install()`` nothing is asked and nothing costs.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.autograd import Tensor, Variable
from recurra.compat import keras1
from recurra.compat.calls import minimize
from recurra.compat.tf.making import sequence_mask
from recurra.compat.tf.ragged import RaggedTensor, map_flat
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import TensorMethods, plain, present
from recurra.data import Dataset
from recurra.layers.base.call_spec import convert
from recurra.layers.base.layer import Layer
from recurra.losses import Loss
from recurra.metrics import Metric
from recurra.optimizers import Optimizer
from recurra.optimizers.schedules import LearningRateSchedule
from recurra.symbolic import KerasTensor
from recurra.training import loop
from recurra.tree import PLAIN, map_structure

_plain_call = Layer.__call__
_tuple_data = loop._data
_OWN = ("__module__", "__doc__", "__slots__", "__annotations__", "__array_ufunc__")
#: operators that weights have from the class that they share with all tracked values
_ADDED = [name for name in TensorMethods.__dict__ if name not in _OWN and name not in Variable.__dict__]
_kinds: dict[type, bool] = {}
_undo: list[tuple[type, str, Any]] = []


def _is_programs(kind: type) -> bool:
    """Whether the `call` of a class of layers was written outside of recurra."""
    found = _kinds.get(kind)
    if found is None:
        home = next(one for one in kind.__mro__ if "call" in one.__dict__)
        found = _kinds[kind] = not home.__module__.startswith("recurra.")
    return found


def _program_calls() -> bool:
    """Whether the caller of the function that asks is the program, and not recurra."""
    return not sys._getframe(2).f_globals.get("__name__", "").startswith("recurra.")


#: layers that look at each value, or each row of features, by itself
_BY_VALUE = ("Activation", "Dense", "Dropout", "Embedding", "IntegerLookup", "StringLookup")


def _ragged_call(layer: Layer, rows: RaggedTensor, kwargs: dict[str, Any]) -> Any:
    """A layer on rows of unequal length: a recurrent layer skips what is missing, others look at the values alone."""
    if type(layer).__name__ in _BY_VALUE:
        return map_flat(lambda flat: layer(flat, **kwargs), rows)
    if not hasattr(layer, "return_sequences"):
        raise TypeError(f"{layer.name} takes no ragged tensors here: give it inputs.to_tensor()")
    lengths = rows.row_lengths()
    outputs = present(layer(rows.to_tensor(), mask=sequence_mask(lengths).value, **kwargs))
    if not layer.return_sequences:
        return outputs
    several = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    several[0] = RaggedTensor.from_tensor(several[0], lengths)
    return several if isinstance(outputs, (list, tuple)) else several[0]


def _call(self: Layer, *args: Any, **kwargs: Any) -> Any:
    if args and type(args[0]) is RaggedTensor and not _is_programs(type(self)):
        return _ragged_call(self, args[0], kwargs)
    change: Callable[..., Any] = present if _is_programs(type(self)) else plain
    if change is present and self.__dict__.get("autocast"):
        change = functools.partial(_cast, self)
        args = tuple(_cast(self, value, number == 0) for number, value in enumerate(args))
    else:
        args = tuple(change(value) for value in args)
    for key, value in kwargs.items():
        if value is not None and not isinstance(value, bool):
            kwargs[key] = change(value)
    outputs = _plain_call(self, *args, **kwargs)
    if not _program_calls():
        return plain(outputs)
    if getattr(self, "ragged", False) and isinstance(outputs, list):
        return RaggedTensor.from_rows(outputs)
    return present(outputs)


def _cast(layer: Layer, value: Any, first: bool = False) -> Any:
    """What a layer is given, in its dtype, as tensors."""
    numbers = first and layer._takes_numbers
    return present(convert(value, layer._numpy_dtype, first and layer._float_inputs, numbers, first))


def shown(value: Any) -> Any:
    """Arrays and tracked values as tensors, datasets as those of ``tf.data``; all else as it is."""
    return map_structure(_shown, value, PLAIN)


def _shown(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic, Tensor)):
        return present(value)
    if type(value) is Dataset:
        from recurra.compat.tf.data import Dataset as Shown

        made: Any = Shown._of(value, batched=not getattr(value, "of_rows", False))
        if hasattr(value, "class_names"):  # of files in folders
            made.class_names = value.class_names
        return made
    return value


def _showing(kind: type, name: str) -> None:
    """Let a method give tensors to the program."""
    method = kind.__dict__[name]

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = method(self, *args, **kwargs)
        if not _program_calls():
            return found
        return present(np.float32(found)) if isinstance(found, float) else shown(found)

    _undo.append((kind, name, method))
    setattr(kind, name, call)


def _symbolic_shape(self: KerasTensor) -> TensorShape:
    return TensorShape(self.__dict__["shape"])


def _keep_shape(self: KerasTensor, shape: Any) -> None:
    self.__dict__["shape"] = tuple(shape)


def _step_data(x: Any, y: Any, weight: Any) -> Any:
    """What a `train_step` is given: as in Keras a single x without labels comes by itself."""
    if y is None and weight is None and not isinstance(x, (tuple, list)):
        return x
    return _tuple_data(x, y, weight)


def _every_kind(kind: type) -> list[type]:
    found = [kind]
    one: type
    for one in kind.__subclasses__():
        found += _every_kind(one)
    return found


def start() -> None:
    """Give what layers return the methods of TensorFlow's tensors."""
    import recurra.metrics.names  # noqa: F401  (every metric)

    Layer.__call__ = _call  # type: ignore[method-assign]
    loop._data = _step_data
    Optimizer.minimize = minimize  # type: ignore[attr-defined]
    _showing(Loss, "__call__")
    _showing(Metric, "__call__")
    for kind in _every_kind(Metric):
        if "result" in kind.__dict__ and kind.__module__.startswith("recurra."):
            _showing(kind, "result")
    for kind in _every_kind(LearningRateSchedule):
        if "__call__" in kind.__dict__ and kind.__module__.startswith("recurra."):
            _showing(kind, "__call__")
    for name in _ADDED:
        setattr(Variable, name, TensorMethods.__dict__[name])
    KerasTensor.shape = property(_symbolic_shape, _keep_shape)  # type: ignore[assignment]
    KerasTensor.get_shape = _symbolic_shape  # type: ignore[attr-defined]
    keras1.start(_every_kind(Layer))


def stop() -> None:
    """Undo :func:`start`."""
    keras1.stop()
    Layer.__call__ = _plain_call  # type: ignore[method-assign]
    loop._data = _tuple_data
    del Optimizer.minimize  # type: ignore[attr-defined]
    while _undo:
        kind, name, method = _undo.pop()
        setattr(kind, name, method)
    for name in _ADDED:
        delattr(Variable, name)
    for name in ("shape", "get_shape"):
        delattr(KerasTensor, name)
