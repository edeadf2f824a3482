"""Operations on symbolic tensors, as layers without weights: what ``a + b`` and ``a[:, 0]`` put into a graph."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from recurra import ops
from recurra.layers.base.context import context
from recurra.layers.base.layer import Layer
from recurra.layers.base.open_shapes import align, multiple_for, result_size
from recurra.layers.base.symbolic_call import check_size, dry_run
from recurra.naming import auto_name
from recurra.registry import deserialize_keras_object, serialize_keras_object
from recurra.symbolic import has_symbolic

#: the parameters of operations that tensors are given for; all others are settings
OPERANDS = frozenset(
    {
        "x", "x1", "x2", "xs", "operands", "condition", "indices", "constant_values", "kernel", "bias", "table", "ids",
        "mean", "variance", "offset", "scale", "gamma", "beta", "target", "output", "logits", "labels", "targets",
        "target_length", "output_length", "sequence_lengths", "inputs", "depthwise_kernel", "pointwise_kernel", "a",
        "array", "data", "query", "y",
    }
)  # fmt: skip


class Operation(Layer):
    """One function of ``recurra.ops`` applied to its arguments.

    op : the function's name
    arguments : keyword arguments for it; the operands (``x``, ``x1``, ``indices`` and the like, in their order) come
        with the call

    As in Keras 3, a mask that its input carries ends here.
    """

    is_operation = True

    def __init__(self, op: str, arguments: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if op.startswith("_") or not callable(getattr(ops, op, None)):
            raise ValueError(f"op must be the name of a function in recurra.ops, got {op!r}")
        kwargs.setdefault("autocast", False)
        if kwargs.get("name") is None:
            kwargs["name"] = auto_name(op)
        super().__init__(**kwargs)
        self.op = op
        self.arguments = dict(arguments or {})

    @property
    def shown_class(self) -> str:
        """What stands for the class in summaries and drawings: "Add" for ``ops.add``."""
        return "".join(part.capitalize() for part in self.op.split("_"))

    def call(self, *operands: Any, **more: Any) -> Any:
        leading, names = parameters_of(self.op)
        function = getattr(ops, self.op)
        if leading or len(operands) > len(names):
            settings = {key: value for key, value in self.arguments.items() if key not in leading}
            return function(*(self.arguments[key] for key in leading), *operands, **more, **settings)
        return function(**dict(zip(names, operands, strict=False)), **more, **self.arguments)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        args = align(self.op, self.arguments, args)
        if context.loading is not None and args and hasattr(args[0], "shape"):
            check_size(self.name, result_size(self.op, self.arguments, args[0].shape))
        return dry_run(self, args, kwargs, multiple_for(self.op, self.arguments))

    def _warn_mask_lost(self) -> None:
        """Nothing: Keras says nothing either."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "op": self.op, "arguments": serialize_keras_object(self.arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})


@functools.cache
def parameters_of(op: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The settings that stand before operands of any number (einsum's subscripts), and the names of the operands."""
    parameters = list(inspect.signature(getattr(ops, op)).parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD), ()
    return (), tuple(p.name for p in parameters if p.name in OPERANDS)


def record(op: str, values: dict[str, Any]) -> Any:
    """The symbolic result of an operation on symbolic tensors, and its node in their graph.

    op : the function's name
    values : of all its parameters
    raises : ValueError where the sizes cannot go together, or the result's could not be known
    """
    if op == "getitem":
        if has_symbolic(values["key"]):
            raise TypeError("a symbolic tensor cannot be an index: use ops.take(x, indices, axis)")
        return GetItem(values["key"])(values["x"])
    if op == "where" and values["x1"] is None and values["x2"] is None:
        raise ValueError("where needs x1 and x2 on symbolic tensors: how many places there are is not known before")
    leading, names = parameters_of(op)
    operands = [values[name] for name in names] if not leading else list(values["operands"])
    while operands and operands[-1] is None:
        operands.pop()
    settings = {k: v for k, v in values.items() if k not in names and k != "operands"}
    symbolic = {key: value for key, value in settings.items() if has_symbolic(value)}
    settings = {key: _plain(key, value) for key, value in settings.items() if key not in symbolic}
    return Operation(op, settings)(*operands, **symbolic)


def _plain(key: str, value: Any) -> Any:
    """A setting as a configuration holds it."""
    if key == "dtype" and value is not None:
        return np.dtype(value).name
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


class GetItem(Layer):
    """Indexing: ``x[key]``. As in Keras 3, a mask that its input carries ends here.

    key : integers, slices, None and Ellipsis, or a tuple of them
    """

    is_operation = True

    def __init__(self, key: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key = _decode(key)

    def call(self, inputs: Any) -> Any:
        return ops.getitem(inputs, self.key)

    def _warn_mask_lost(self) -> None:
        """Nothing: Keras says nothing either."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "key": _encode(self.key)}


def _encode(key: Any) -> Any:
    if isinstance(key, tuple):
        return {"tuple": [_encode(part) for part in key]}
    if isinstance(key, slice):
        return {"slice": [key.start, key.stop, key.step]}
    return {"ellipsis": True} if key is Ellipsis else key


def _decode(key: Any) -> Any:
    if isinstance(key, dict):
        if "tuple" in key:
            return tuple(_decode(part) for part in key["tuple"])
        return slice(*key["slice"]) if "slice" in key else Ellipsis
    return tuple(_decode(part) for part in key) if isinstance(key, list) else key
