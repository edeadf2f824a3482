"""Any function as a layer."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from recurra.layers.base.layer import Layer
from recurra.layers.base.symbolic_call import spec_from_shapes
from recurra.registry import copying_live, deserialize_keras_object, is_lambda, serialize_keras_object
from recurra.symbolic import KerasTensor


class Lambda(Layer):
    """Applies a function written with ``recurra.ops`` (of arrays in inference, Tensors in training).

    function : called with the inputs, and with `mask` and `training` where it has such parameters
    output_shape : the output's shape without the batch axis, or a function of the input's shape; None: found by
        running the function on zeros
    mask : the output's mask, or a function of inputs and mask; None: masks are not supported
    arguments : further keyword arguments for the function

    A Lambda is saved by its function's name: give that name in `custom_objects` to load it. Code is never saved or
    loaded; for a ``lambda`` expression, which has no name, the name of the layer is given. The process that saved a
    model loads it from there without: it still has the functions.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"function must be callable, got {function!r}")
        self.function = function
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        try:
            self._parameters = frozenset(inspect.signature(function).parameters)
        except ValueError:  # a builtin without a signature
            self._parameters = frozenset()

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        options = dict(self.arguments)
        if "mask" in self._parameters:
            options["mask"] = mask
        if "training" in self._parameters:
            options["training"] = training
        return self.function(inputs, **options)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return tuple(self._output_shape(input_shape))
        first = input_shape[0] if not isinstance(input_shape[0], (tuple, list)) else input_shape[0][0]
        return (first, *self._output_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._output_shape is None:
            from recurra.layers.base.symbolic_call import dry_run

            return dry_run(self, args, kwargs)
        shapes = args[0].shape if isinstance(args[0], KerasTensor) else [tensor.shape for tensor in args[0]]
        return spec_from_shapes(self, self.compute_output_shape(shapes), self.dtype)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "function": self._function_config()}
        if self._output_shape is not None and (copying_live() or not is_lambda(self._output_shape)):  # else found anew
            config["output_shape"] = serialize_keras_object(self._output_shape)
        if self.mask is not None:
            config["mask"] = serialize_keras_object(self.mask)
        return {**config, "arguments": serialize_keras_object(self.arguments)}

    def _function_config(self) -> Any:
        if copying_live() or not is_lambda(self.function):
            return serialize_keras_object(self.function)
        warnings.warn(
            f"{self.name} holds a lambda, whose code is not saved: to load it, pass the function as "
            f"custom_objects={{{self.name!r}: function}}",
            stacklevel=2,
        )
        return {"module": "builtins", "class_name": "function", "config": "<lambda>", "registered_name": "<lambda>"}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        config = dict(config)
        if custom_objects and config.get("name") in custom_objects:
            config["function"] = custom_objects[config["name"]]
        for key in ("function", "output_shape", "mask", "arguments"):
            if key in config and isinstance(config[key], (dict, list)):
                config[key] = deserialize_keras_object(config[key], custom_objects)
        if isinstance(config["function"], str):
            name = config["function"]
            config["function"] = deserialize_keras_object(
                {"class_name": "function", "config": name, "registered_name": name}, custom_objects
            )
        return cls(**config)
