"""Arithmetic between layers (``a + b``, ``a[:, -1]``) in a functional model's configuration: Keras's form and ours.

Keras writes an operation as an object of the class of that name in ``keras.src.ops``, its settings in the config and
its operands in the call; an index is the second operand. Here ``layers.operation.Operation`` holds the name of any
function in ``recurra.ops``, and ``GetItem`` its index.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from recurra import ops
from recurra.config import epsilon
from recurra.naming import to_snake_case
from recurra.saving.file_errors import FileFormatError
from recurra.typing import Config

#: our name, Keras's class where it is not the name in capitals
_TO_KERAS = {"abs": "Absolute", "batch_normalization": "BatchNorm", "layer_normalization": "LayerNorm"}
_FROM_KERAS = {
    "Absolute": "abs", "Abs": "abs", "Amax": "max", "Amin": "min", "BatchNorm": "batch_normalization",
    "LayerNorm": "layer_normalization", "TrueDivide": "divide",
}  # fmt: skip
#: the modules below keras.src.ops of classes that are not in `numpy`
_MODULES = {
    **dict.fromkeys(("cast", "convert_to_tensor", "stop_gradient", "unstack"), "core"),
    **dict.fromkeys(("erf", "logsumexp"), "math"),
    **dict.fromkeys(
        (
            "batch_normalization", "binary_crossentropy", "categorical_crossentropy", "elu", "gelu", "hard_sigmoid",
            "hard_silu", "layer_normalization", "leaky_relu", "log_sigmoid", "log_softmax", "moments", "normalize",
            "one_hot", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign",
            "sparse_categorical_crossentropy",
        ),
        "nn",
    ),
}  # fmt: skip
#: operations that Keras has not
_OURS_ALONE = {"dense", "dropout", "embedding", "mish", "sigmoid_cross_entropy", "softmax_cross_entropy"}
#: settings of Keras's that say nothing at these values, beside None and False
_IDLE: dict[str, tuple[Any, ...]] = {"mode": ("constant",), "order": (2,)}


def is_keras_operation(config: Config) -> bool:
    """Whether a layer's entry in a functional configuration is an operation as Keras 3 writes it.

    Legacy files give no module; there an operation is what has calls but none of the settings that all layers have.
    """
    if config.get("module"):
        return str(config["module"]).startswith(("keras.src.ops.", "keras.ops"))
    inner = config["config"]
    return (
        "inbound_nodes" in config
        and config["class_name"] != "InputLayer"
        and isinstance(inner, dict)
        and not {"trainable", "dtype", "layers"} & set(inner)
    )


def from_keras(config: Config, where: str) -> Config:
    """Keras's operation as our layer.

    raises : FileFormatError for an operation that recurra has not
    """
    inner = dict(config["config"])
    name, kind = inner.pop("name", None), config["class_name"]
    if kind == "GetItem":
        return _get_item(config, name, where)
    op = _FROM_KERAS.get(kind, to_snake_case(kind))
    function = None if op.startswith("_") else getattr(ops, op, None)
    if not inspect.isfunction(function):
        raise FileFormatError(f"{where} is not supported: recurra.ops has no {op!r}")
    known = inspect.signature(function).parameters
    if op == "unstack":
        inner.pop("num", None)  # the size of the axis, which its input has too
    if inner.get("epsilon", 0) is None:
        inner["epsilon"] = epsilon()
    for key in [key for key in inner if key not in known]:
        value = inner.pop(key)
        if value is not None and value is not False and value not in _IDLE.get(key, ()):
            raise FileFormatError(f"{where} is not supported: recurra.ops.{op} has no argument {key}={value!r}")
    calls = config.get("inbound_nodes")
    if isinstance(calls, list) and all(isinstance(call, dict) for call in calls):
        calls = [
            {**call, "kwargs": {key: value for key, value in (call.get("kwargs") or {}).items() if value is not None}}
            for call in calls
        ]
    return {
        **config,
        "module": "recurra.layers",
        "class_name": "Operation",
        "registered_name": None,
        "config": {"name": name, "op": op, "arguments": inner},
        "inbound_nodes": calls,
    }


def _get_item(config: Config, name: Any, where: str) -> Config:
    calls = config.get("inbound_nodes")
    try:
        (call,) = calls if isinstance(calls, list) else []
        tensor, key = call["args"]
        key = _key_from_keras(key)
    except (TypeError, ValueError, KeyError):
        raise FileFormatError(f"{where}: its index cannot be read") from None
    return {
        **config,
        "module": "recurra.layers",
        "class_name": "GetItem",
        "registered_name": None,
        "config": {"name": name, "key": key},
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}],
    }


def _key_from_keras(key: Any) -> Any:
    if isinstance(key, list):
        return {"tuple": [_key_from_keras(part) for part in key]}
    if isinstance(key, dict):
        if key["class_name"] == "__ellipsis__":
            return {"ellipsis": True}
        if key["class_name"] != "__slice__":
            raise ValueError
        return {"slice": [key["config"][end] for end in ("start", "stop", "step")]}
    if key is not None and not isinstance(key, int):
        raise ValueError
    return key


def _key_to_keras(key: Any) -> Any:
    if isinstance(key, dict):
        if "tuple" in key:
            return [_key_to_keras(part) for part in key["tuple"]]
        if "slice" in key:
            return {
                "class_name": "__slice__",
                "config": dict(zip(("start", "stop", "step"), key["slice"], strict=True)),
            }
        return {"class_name": "__ellipsis__", "config": {}}
    return key


def to_keras(config: Any) -> Any:
    """A model's configuration with our operations, wherever they are nested, as Keras writes them."""
    if isinstance(config, list):
        return [to_keras(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: to_keras(value) for key, value in config.items()}
    inner, kind = config.get("config"), config.get("class_name")
    if kind not in ("Operation", "GetItem") or "inbound_nodes" not in config or not isinstance(inner, dict):
        return config
    config = {key: value for key, value in config.items() if key != "build_config"}
    if kind == "GetItem":
        key = _key_to_keras(inner["key"])
        key = key if isinstance(key, (int, list)) else [key]  # Keras takes one slice for no index
        config["inbound_nodes"] = [{**call, "args": [*call["args"], key]} for call in config["inbound_nodes"]]
        return {**config, "module": "keras.src.ops.numpy", "registered_name": kind, "config": {"name": inner["name"]}}
    op = inner["op"]
    if op in _OURS_ALONE or any(call.get("kwargs") for call in config["inbound_nodes"]):
        return config  # Keras has no such operation, or none that takes a tensor there
    kind = _TO_KERAS.get(op) or re.sub(r"(?:^|_)(\w)", lambda letter: letter[1].upper(), op)
    return {
        **config,
        "module": f"keras.src.ops.{_MODULES.get(op, 'numpy')}",
        "class_name": kind,
        "registered_name": kind,
        "config": {"name": inner["name"], **inner["arguments"]},
    }
