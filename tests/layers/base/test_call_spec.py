"""What a layer's call takes, asked for when a graph is put together: not only when data come."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Model, load_model
from recurra.saving import FileFormatError


@pytest.mark.parametrize(
    ("layer", "more", "named", "message"),
    [
        (layers.Dense(3), 1, {}, "too many positional arguments; its call takes (inputs)"),
        (layers.Dense(3), 0, {"foo": 3}, "got an unexpected keyword argument 'foo'; its call takes (inputs)"),
        (layers.LSTM(3), 4, {}, "too many positional arguments; its call takes (sequences, initial_state, mask, "),
        (layers.Concatenate(), 0, {"axis": 1}, "got an unexpected keyword argument 'axis'"),
        (layers.TimeDistributed(layers.Dense(2)), 0, {"initial_state": None}, "keyword argument 'initial_state'"),
    ],
)
def test_arguments_that_call_does_not_take(layer: Any, more: int, named: dict[str, Any], message: str) -> None:
    x = layers.Input((5, 4))
    with pytest.raises(TypeError) as caught:
        layer(x, *[x] * more, **named)
    assert message in str(caught.value) and str(caught.value).startswith(layer.name)
    assert not layer._inbound_nodes


def test_every_layer_may_be_given_training_and_one_with_kwargs_anything() -> None:
    class Own(layers.Layer):
        def call(self, inputs: Any, *others: Any, **settings: Any) -> Any:
            return inputs * float(settings.get("factor", 1) + len(others))

    x = layers.Input((4,))
    model = Model(x, layers.Dense(2, kernel_initializer="ones")(Own()(x, x, factor=3), training=True))
    np.testing.assert_array_equal(model.predict(np.ones((3, 4), "float32"), verbose=0), np.full((3, 2), 16.0))


def test_a_file_whose_graph_calls_a_layer_wrongly(tmp_path: Path) -> None:
    x = layers.Input((4,))
    model = Model(x, layers.Dense(2, name="d")(x))
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as source, zipfile.ZipFile(tmp_path / "bad.keras", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                node = config["config"]["layers"][1]["inbound_nodes"][0]
                node["args"] = node["args"] * 2
                data = json.dumps(config).encode()
            target.writestr(name, data)
    with pytest.raises(FileFormatError, match=r"bad\.keras.*d: too many positional arguments"):
        load_model(tmp_path / "bad.keras")
