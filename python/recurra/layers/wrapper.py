"""Layers around another layer."""

from __future__ import annotations

import copy
from typing import Any

from recurra.layers.layer import Layer
from recurra.registration import custom_object_scope, deserialize_keras_object, serialize_keras_object


class Wrapper(Layer):
    """Base of the layers that hold one other layer, as the attribute `layer`.

    layer : the layer
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"layer must be a Layer, got {layer!r}")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)


def clone_layer(layer: Layer, **changes: Any) -> Any:
    """A new, unbuilt layer like `layer`, with other settings where `changes` says so.

    Made from the configuration, so that weights and seeds are new; classes that nobody registered are known here.
    A layer that holds something without a configuration (a cell that is no Layer, a lambda) is copied instead.
    """
    kinds = {type(one).__name__: type(one) for one in layer._flatten_layers() if not _own(type(one))}
    try:
        config = layer.get_config()
    except (TypeError, ValueError):
        if layer.built:
            raise
        copied = copy.deepcopy(layer)
        for key, value in changes.items():
            setattr(copied, key, value)
        return copied
    with custom_object_scope(kinds):
        return type(layer).from_config({**config, **changes})


def _own(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "recurra"
