"""Arithmetic between layers (``a + b``, ``a[:, -1]``) in a functional model's configuration: Keras's form and ours.

Keras writes an operation as an object of the class of that name in ``keras.src.ops``, its settings in the config and
its operands in the call; an index is the second operand. Here ``layers.operation.Operation`` holds the name of any
function in ``recurra.ops``, and ``GetItem`` its index.
"""

from __future__ import annotations

import re
from typing import Any

from recurra import ops
from recurra.layers.naming import to_snake_case
from recurra.saving.errors import FileFormatError

Config = dict[str, Any]

_TO_KERAS = {"divide": "TrueDivide", "abs": "Absolute"}
_FROM_KERAS = {"TrueDivide": "divide", "Divide": "divide", "Absolute": "abs", "Abs": "abs"}
_IN_NN = {
    "elu", "gelu", "hard_sigmoid", "leaky_relu", "log_softmax", "relu", "selu", "sigmoid", "silu", "softmax",
    "softplus", "softsign", "tanh",
}  # fmt: skip
#: Keras's name of a setting, ours
_SETTINGS = {"newshape": "shape"}


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
    if op.startswith("_") or not callable(getattr(ops, op, None)):
        raise FileFormatError(f"{where} is not supported: recurra.ops has no {op!r}")
    arguments = {_SETTINGS.get(key, key): value for key, value in inner.items()}
    return {
        **config,
        "module": "recurra.layers",
        "class_name": "Operation",
        "registered_name": None,
        "config": {"name": name, "op": op, "arguments": arguments},
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
        config["inbound_nodes"] = [{**call, "args": [*call["args"], key]} for call in config["inbound_nodes"]]
        return {**config, "module": "keras.src.ops.numpy", "registered_name": kind, "config": {"name": inner["name"]}}
    op = inner["op"]
    kind = _TO_KERAS.get(op) or re.sub(r"(?:^|_)(\w)", lambda letter: letter[1].upper(), op)
    ours = {new: old for old, new in _SETTINGS.items()} if op == "reshape" else {}
    settings = {ours.get(key, key): value for key, value in inner["arguments"].items()}
    return {
        **config,
        "module": "keras.src.ops.nn" if op in _IN_NN else "keras.src.ops.numpy",
        "class_name": kind,
        "registered_name": kind,
        "config": {"name": inner["name"], **settings},
    }
