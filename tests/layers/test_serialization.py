"""layers.serialize and layers.deserialize."""

from __future__ import annotations

from typing import Any

import pytest

from recurra import layers, losses


class Mine(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


def test_round_trip() -> None:
    for layer in (layers.Bidirectional(layers.LSTM(3, dropout=0.2)), layers.Conv1D(4, 3, padding="causal")):
        config = layers.serialize(layer)
        again = layers.deserialize(config)
        assert type(again) is type(layer) and again.get_config() == layer.get_config()
    assert layers.deserialize({"class_name": "Dense", "config": {"units": 3}}).units == 3


def test_classes_of_ones_own() -> None:
    config = layers.serialize(Mine(name="mine"))
    assert layers.deserialize(config, {"Mine": Mine}).name == "mine"


def test_errors() -> None:
    with pytest.raises(TypeError, match="layer must be a Layer, got 'dense'"):
        layers.serialize("dense")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="config must be a dict with"):
        layers.deserialize({"units": 3})
    with pytest.raises(ValueError, match="Nothing"):
        layers.deserialize({"class_name": "Nothing", "config": {}})
    with pytest.raises(ValueError, match="must describe a layer"):
        layers.deserialize({"class_name": "MeanSquaredError", "config": losses.MeanSquaredError().get_config()})
