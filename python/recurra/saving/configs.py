"""Configurations read from files, brought into the form that recurra's classes take.

A configuration tells of objects as ``{"module", "class_name", "config", ...}``, nested. :func:`prepare` walks it once,
before any object is made: it finds the class of each, names the layer whose class or argument is unknown, turns dtype
policies into names, lets functions of Lambda layers come from `custom_objects` alone, and drops arguments of Keras
that say nothing (``"quantization_config": null``). What Keras 2 wrote differently is in ``keras2.py``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra import activations, losses, metrics, ops, registry
from recurra.config import standardize_dtype
from recurra.layers.base import operation
from recurra.limits import DEPTH, LAYERS, FileFormatError
from recurra.registry import is_builtin
from recurra.saving import graph_ops, keras2
from recurra.typing import Config

#: arguments that say nothing at these values, beside None and False
_SAYS_NOTHING: dict[str, tuple[Any, ...]] = {
    "data_format": ("channels_last",),
    "use_cudnn": ("auto",),
    "renorm_momentum": (0.99,),
    "jit_compile": (True, "auto"),
    "is_legacy_optimizer": (True,),
    "implementation": (0, 1, 2),
    "unroll": (True,),
    "batch_input_shape": (),
    "fused": (True,),
}
#: the base class takes these, whatever a class's own constructor says
_COMMON = frozenset({"name", "dtype", "trainable"})
_PLACEHOLDERS = {"__tuple__", "__keras_tensor__", "__bytes__", "__ellipsis__", "__slice__"}
_REFUSED = {"__lambda__", "__typespec__"}


def prepare(config: Any, custom_objects: Mapping[str, Any] | None, version: int, where: str = "the model") -> Any:
    """`config` ready for ``registry.deserialize_keras_object``.

    custom_objects : classes and functions by name, for what recurra does not know
    version : of the Keras that wrote it, 1, 2 or 3
    where : what the configuration is of, for messages
    raises : FileFormatError naming the layer that is not supported
    """
    return _Preparation(custom_objects or {}, version).value(config, where, 0)


class _Preparation:
    def __init__(self, custom_objects: Mapping[str, Any], version: int) -> None:
        self.custom_objects, self.version = custom_objects, version
        self.objects = 0

    def value(self, config: Any, where: str, depth: int) -> Any:
        if depth > DEPTH:
            raise FileFormatError(f"{where}: the configuration is nested more than {DEPTH} levels deep")
        if isinstance(config, list):
            return [self.value(item, where, depth + 1) for item in config]
        if not isinstance(config, dict):
            return config
        if isinstance(config.get("class_name"), str) and "config" in config:
            return self.object(config, where, depth)
        return {key: self.value(item, where, depth + 1) for key, item in config.items()}

    def object(self, config: Config, where: str, depth: int) -> Any:
        name, inner = config["class_name"], config["config"]
        if "inbound_nodes" in config or (isinstance(inner, dict) and isinstance(inner.get("name"), str)):
            self.objects += 1
            if self.objects > LAYERS:
                raise FileFormatError(f"{where}: the configuration holds more than {LAYERS} layers: refused")
        if name in _PLACEHOLDERS:
            return config
        if name in ("__numpy__", "__tensor__"):
            return _array(config, where)
        if name in _REFUSED:
            raise FileFormatError(
                f"{where} holds the code of a Python function, which is never executed: pass the function by name "
                "in custom_objects"
            )
        if name in ("DTypePolicy", "Policy", "FloatDTypePolicy"):
            return _dtype(inner, where)
        if name == "QuantizedDTypePolicy":
            return _quantized_dtype(inner, where)
        if name == "function":
            return self.function(config, where)
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            where = f"{where}: {name} {inner['name']!r}" if depth == 0 else f"{name} {inner['name']!r}"
        elif depth:
            where = f"{where}: {name}"
        kind = self.custom(config)
        if kind is not None and not is_builtin(kind):
            return {**config, "config": self.value(inner, where, depth + 1)}
        config = without_training(config)
        if self.version >= 3 and graph_ops.is_keras_operation(config):
            config = graph_ops.from_keras(config, where)
        config = keras2.upgrade(config, self.version, where)
        if kind is None:
            kind = find_builtin(config)
        if not inspect.isclass(kind):
            raise FileFormatError(
                f"{where} is not supported: recurra has no class {name!r} (module {config.get('module')!r}). If it is "
                f"a class of yours, pass it as custom_objects={{{name!r}: ...}} or register it"
            )
        inner = config["config"]
        if not isinstance(inner, dict):
            raise FileFormatError(f"{where}: its configuration must be a dictionary, got {type(inner).__name__}")
        inner = dict(inner)
        if _is_usual_quantization(inner.get("quantization_config")):
            del inner["quantization_config"]
        if name == "Lambda":
            inner["function"] = self.lambda_function(inner, where)
        inner = {
            key: item if key == "function" and name == "Lambda" else self.value(item, where, depth + 1)
            for key, item in inner.items()
        }
        if "inbound_nodes" in config:
            config = {**config, "inbound_nodes": self.value(config["inbound_nodes"], where, depth + 1)}
        return {**config, "config": without_idle(kind, inner, where)}

    def custom(self, config: Config) -> Any:
        for name in (config.get("registered_name"), config["class_name"]):
            if isinstance(name, str):
                found = registry.get_registered_object(name, self.custom_objects)
                if found is not None:
                    return found
        return None

    def function(self, config: Config, where: str) -> Any:
        """A function's configuration, if the function is known."""
        inner = config["config"]
        if not isinstance(inner, str):
            raise FileFormatError(f"{where}: a function must be given by its name, got {type(inner).__name__}")
        for name in (config.get("registered_name"), inner):
            if isinstance(name, str) and registry.get_registered_object(name, self.custom_objects) is not None:
                return {**config, "registered_name": name}
        if builtin_function(inner) is None:
            raise FileFormatError(
                f"{where}: the function {inner!r} is unknown; pass it as custom_objects={{{inner!r}: ...}}"
            )
        return config

    def lambda_function(self, inner: Config, where: str) -> Any:
        """The function of a Lambda layer: from `custom_objects`, under the layer's name or its own, or recurra's."""
        layer, given = inner.get("name"), inner.get("function")
        found = self.custom_objects.get(layer) if isinstance(layer, str) else None
        if found is not None:
            return found
        if isinstance(given, dict) and given.get("class_name") == "function":
            name, given = given.get("registered_name"), given.get("config")
            found = registry.get_registered_object(name, self.custom_objects) if isinstance(name, str) else None
        if found is None and isinstance(given, str):
            found = registry.get_registered_object(given, self.custom_objects)
            found = found or builtin_function(given)
        if found is None:
            raise FileFormatError(
                f"{where} holds a function of its author, and no code from files is executed: pass the function as "
                f"custom_objects={{{layer!r}: function}}"
            )
        return found


def _dtype(inner: Any, where: str) -> str:
    name = inner.get("name") if isinstance(inner, dict) else inner
    if name in ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16"):
        return standardize_dtype(str(name))
    if name not in ("float32", "float64", "int32", "int64", "bool", "string"):
        raise FileFormatError(f"{where}: dtype {name!r} is not supported, only float32 and float64 are")
    return str(name)


def _quantized_dtype(inner: Any, where: str) -> str:
    mode = inner.get("mode") if isinstance(inner, dict) else inner
    if mode != "int8":
        raise FileFormatError(f"{where}: quantization {mode!r} is not supported, only 'int8' is")
    return f"int8_from_{_dtype({'name': inner.get('source_name')}, where)}"


def _is_usual_quantization(config: Any) -> bool:
    """Whether a `quantization_config` says what 8-bit layers do here: both sides quantized by their largest value."""
    if not isinstance(config, dict) or config.get("class_name") != "Int8QuantizationConfig":
        return False
    inner = config.get("config")
    if not isinstance(inner, dict) or set(inner) - {"weight_quantizer", "activation_quantizer"}:
        return False
    usual = {"value_range": [-127, 127], "epsilon": 1e-07, "output_dtype": "int8"}
    activation = inner.get("activation_quantizer")
    return (
        inner.get("weight_quantizer") is None
        and isinstance(activation, dict)
        and activation.get("class_name") == "AbsMaxQuantizer"
        and activation.get("config") == usual
    )


def _array(config: Config, where: str) -> Config:
    """A constant array, if it is one of numbers."""
    inner = config["config"]
    try:
        numbers = np.dtype(inner["dtype"]).kind in "fiub"
    except (TypeError, KeyError):
        numbers = False
    if not numbers:
        raise FileFormatError(f"{where}: a constant must be an array of numbers")
    return {"class_name": "__numpy__", "config": {"value": inner.get("value"), "dtype": inner["dtype"]}}


def without_training(config: Config) -> Config:
    """A layer's entry without ``training=False`` in its calls, which Keras 3 notes where nobody said so."""
    calls = config.get("inbound_nodes")
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        return config
    kept = []
    for call in calls:
        kwargs = call.get("kwargs")
        if isinstance(kwargs, dict) and not kwargs.get("training"):
            call = {**call, "kwargs": {key: value for key, value in kwargs.items() if key != "training"}}
        kept.append(call)
    return {**config, "inbound_nodes": kept}


#: public functions that do not map arrays to arrays
_NOT_OF_ARRAYS = frozenset({"get", "serialize", "deserialize", "value_of"})


def builtin_function(name: str) -> Any:
    """One of recurra's functions of arrays, None if it has none of that name."""
    if name not in _NOT_OF_ARRAYS:
        for room in (activations, losses, metrics, ops):
            found = getattr(room, name) if name in room.__all__ else None
            if inspect.isfunction(found):
                return found
    return None


def find_builtin(config: Config) -> Any:
    """The class of recurra's own for a configuration, None if it has none."""
    name = config["class_name"]
    if name in ("Operation", "GetItem") and config.get("module") == "recurra.layers":
        return getattr(operation, name)
    return registry._builtin(name, config.get("module"))


def without_idle(kind: Any, inner: Config, where: str) -> Config:
    """`inner` without the arguments that `kind` does not take, if they say nothing.

    raises : FileFormatError for an argument that is unknown and says something
    """
    known = arguments_of(kind)
    if known is None:
        return inner
    result = {}
    for key, value in inner.items():
        if key in known:
            result[key] = value
        elif value is not None and value is not False and value not in _SAYS_NOTHING.get(key, ()):
            raise FileFormatError(f"{where} is not supported: {kind.__name__} has no argument {key}={value!r}")
    return result


def arguments_of(kind: Any) -> frozenset[str] | None:
    """The names that ``kind.from_config`` takes; None where any may be."""
    from recurra.models import Model

    known = inspect.isclass(kind) and is_builtin(kind) and not issubclass(kind, Model)
    return _constructor_arguments(kind) if known else None


@functools.cache  # of recurra's own classes alone, which stay
def _constructor_arguments(kind: Any) -> frozenset[str]:
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" not in base.__dict__ or base is object:
            continue
        parameters = list(inspect.signature(base.__dict__["__init__"]).parameters.values())[1:]
        names.update(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    # Recurrent layers and cells take these by name, but constructors with Keras's signature do not list them.
    names.update(getattr(kind, "zoneout_arguments", list)())
    return _COMMON.union(names)
