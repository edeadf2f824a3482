"""What a layer's call takes, asked for when a graph is put together: not only when data come."""

from __future__ import annotations

import json
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, layers, ops
from recurra.models import Model, load_model
from recurra.saving import FileFormatError
from recurra.tree import leaves


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


class Seen(layers.Layer):
    """Puts down the types of what it is called with."""

    def call(self, inputs: Any, other: Any = None) -> Any:
        self.seen = [getattr(one, "dtype", type(one)) for one in leaves([inputs, other])]
        return leaves(inputs)[0]


F32, F64 = np.dtype("float32"), np.dtype("float64")
ROWS, STEPS, IDS = np.ones((2, 3)), np.ones((2, 4, 5)), np.arange(2)
Pair = namedtuple("Pair", "rows steps")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ({"rows": ROWS, "steps": STEPS.astype("float16"), "ids": IDS}, "ffi"),
        ((ROWS, {"steps": STEPS, "more": [ROWS, (STEPS,)]}), "ffff"),
        ([{"rows": ROWS}, {"rows": STEPS}], "ff"),
        (Pair(ROWS, {"ids": IDS, "steps": STEPS}), "fif"),
        ({"pair": Pair(ROWS, STEPS)}, "ff"),
        ({"rows": [[1.0, 2.0], [3.0, 4.0]], "steps": STEPS}, "ff"),
        ([{"rows": [1.0, 2.0]}, {"ids": [1, 2]}], "fi"),
        ({"rows": ROWS, "none": None}, "f"),
    ],
)
def test_nested_inputs_are_cast(inputs: Any, wanted: str, dtype: str) -> None:
    layer = Seen(dtype=dtype)
    layer(inputs)
    assert [one.kind for one in layer.seen] == list(wanted)
    assert {one for one in layer.seen if one.kind == "f"} == {np.dtype(dtype)}


def test_nested_arguments_are_cast() -> None:
    for call in (lambda layer, more: layer(IDS, more), lambda layer, more: layer(IDS, other=more)):
        layer = Seen()
        call(layer, {"rows": ROWS, "deep": [STEPS, {"ids": IDS}]})
        assert layer.seen == [IDS.dtype, F32, F32, IDS.dtype]


def test_what_a_dict_holds_beside_arrays_stays() -> None:
    settings = {"rows": ROWS, "steps": 3, "rate": 0.5, "names": ["a", "b"], "name": "c", "flag": True}
    given = dict(settings)
    layer = Seen()
    layer(settings)
    assert layer.seen == [F32, int, float, str, str, str, bool]
    assert settings == given and settings["rows"].dtype == F64  # the caller's own is untouched


def test_a_dict_is_cast_under_a_tape() -> None:
    x = Variable(STEPS)
    layer = Seen()
    with GradientTape() as tape:
        y = ops.sum(layer({"steps": x, "rows": ROWS}) * 2.0)
    (d,) = tape.gradient(y, [x])
    assert layer.seen == [F32, F32] and d.dtype == F64
    np.testing.assert_array_equal(d, np.full(STEPS.shape, 2.0))


def test_no_cast_where_a_layer_does_not_want_it() -> None:
    layer = Seen(autocast=False)
    layer({"rows": ROWS})
    assert layer.seen == [F64]
