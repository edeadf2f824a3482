"""Layers as configurations, and back: ``layers.serialize`` and ``layers.deserialize``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.layers.base.layer import Layer
from recurra.registry import deserialize_keras_object, serialize_keras_object


def serialize(layer: Layer) -> dict[str, Any]:
    """``{"class_name": ..., "config": ...}`` of a layer, as Keras 3 writes it."""
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a Layer, got {layer!r}")
    config: dict[str, Any] = serialize_keras_object(layer)
    return config


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A new layer from what :func:`serialize` (or Keras) wrote, without weights.

    custom_objects : classes and functions by name, for what this package does not know
    raises : ValueError for an unknown class
    """
    if not isinstance(config, Mapping) or "class_name" not in config:
        raise TypeError(f'config must be a dict with "class_name" and "config", got {config!r}')
    layer = deserialize_keras_object(dict(config), custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"config must describe a layer, got {config['class_name']!r}")
    return layer
