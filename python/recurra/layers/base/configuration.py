"""Layers as configurations: what is needed to make one anew."""

from __future__ import annotations

import inspect
from typing import Any

from recurra import regularizers
from recurra.layers.base.quantization import policy_config
from recurra.registry import deserialize_keras_object, is_builtin, serialize_keras_object


class Configuration:
    """``get_config`` and ``from_config``. Part of :class:`recurra.layers.Layer`."""

    _init_args: tuple[tuple[Any, ...], dict[str, Any]]
    name: str
    dtype: str
    activity_regularizer: Any
    _trainable: bool

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs to make this layer anew, without its weights' values."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": policy_config(self),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        kind = type(self)
        if not is_builtin(kind) and _defines_later(kind, "__init__", "get_config"):
            config.update(self._constructor_config())
        return config

    def _constructor_config(self) -> dict[str, Any]:
        """The arguments that the constructor was called with, by name."""
        args, kwargs = self._init_args
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        given = dict(list(bound.arguments.items())[1:])
        for parameter in bound.signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                given.update(given.pop(parameter.name, {}))
        return {key: serialize_keras_object(value) for key, value in given.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer from what :meth:`get_config` returned."""
        if is_builtin(cls):
            return cls(**config)
        given = {key: deserialize_keras_object(value) for key, value in config.items()}
        parameters = inspect.signature(cls.__init__).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return cls(**given)
        # a constructor that does not hand `name` and the like on to this class: set them afterwards
        later = {
            key: given.pop(key) for key in ("name", "trainable", "dtype") if key not in parameters and key in given
        }
        layer: Any = cls(**given)
        layer.name = later.get("name", layer.name)
        if later.get("trainable") is False:
            layer.trainable = False
        return layer


def _defines_later(kind: type, first: str, second: str) -> bool:
    """Whether `first` is defined in a subclass below the class that defines `second`."""
    for base in kind.__mro__:
        if is_builtin(base):
            return False
        if second in base.__dict__:
            return False
        if first in base.__dict__:
            return True
    return False
