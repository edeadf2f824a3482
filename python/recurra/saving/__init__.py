"""Files: models, weights, checkpoints, and PyTorch's weights.

    model.save("name.keras")            Keras 3's archive; a name without an ending makes one too
    model.save("name.h5")               the older format, which Keras 2 and 3 share
    model.save_weights("name.weights.h5")
    model = load_model("name.keras")    whatever Keras 3, Keras 2 or recurra saved

No code from a file is ever executed: classes and functions that recurra does not know come from `custom_objects` or
:func:`register_keras_serializable`. A file is written whole or not at all. h5py is imported when a file is read or
written, not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.files import atomic_write
    from recurra.registry import (
        CustomObjectScope,
        custom_object_scope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from recurra.saving.api import load_model, load_weights, save_model, save_weights
    from recurra.saving.checkpoints import latest_checkpoint
    from recurra.saving.file_errors import FileFormatError

_PLACES = {
    "api": ("load_model", "load_weights", "save_model", "save_weights"),
    "checkpoints": ("latest_checkpoint",),
    "file_errors": ("FileFormatError",),
}
_OF_REGISTRY = (
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
    "serialize_keras_object",
)
_MODULES = {"atomic_write": "recurra.files"} | {
    name: f"recurra.saving.{module}" for module, names in _PLACES.items() for name in names
}
_MODULES |= dict.fromkeys(_OF_REGISTRY, "recurra.registry")

__all__ = [
    "CustomObjectScope",
    "FileFormatError",
    "atomic_write",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "latest_checkpoint",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'recurra.saving' has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | set(globals()))
