"""Layers around another layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.layers.base.layer import Layer
from recurra.registry import deserialize_keras_object, live_objects, serialize_keras_object


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
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)


def clone_layer(layer: Layer, **changes: Any) -> Any:
    """A new, unbuilt layer like `layer`, with other settings where `changes` says so.

    Made from the configuration, so that weights and seeds are new; whatever `layer` holds need not be registered.
    """
    with live_objects():
        return type(layer).from_config({**layer.get_config(), **changes})
