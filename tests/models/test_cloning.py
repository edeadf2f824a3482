"""Copies of models: new layers of the same kinds, deep copies, pickles, clones on other inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.layers import LSTM, Bidirectional, Dense, Embedding, Input
from recurra.models import Sequential, clone_model, model_from_json
from tests.support.siamese import ids, siamese


def test_cloning() -> None:
    model = siamese()
    copy = clone_model(model)
    assert copy.get_config()["layers"] == model.get_config()["layers"]
    assert not any(v is w for v in copy.weights for w in model.weights)
    copy.set_weights(model.get_weights())
    x = ids()
    np.testing.assert_array_equal(copy.predict(x, verbose=0)["sum"], model.predict(x, verbose=0)["sum"])

    def wider(layer: Any) -> Any:
        config = layer.get_config()
        if "units" in config:
            config["units"] += 1
        return type(layer).from_config(config)

    assert clone_model(model, clone_function=wider).get_layer("shared").units == 4
    stack = Sequential([Input((4, 3)), Bidirectional(LSTM(2)), Dense(1)], name="stack")
    stacked = clone_model(stack)
    assert stacked.name == "stack" and [w.shape for w in stacked.weights] == [w.shape for w in stack.weights]
    renamed = clone_model(stack, input_tensors=Input((7, 3)))
    assert renamed.input_shape == (None, 7, 3)


@pytest.mark.parametrize("way", ["deepcopy", "pickle"])
def test_copies_in_python(way: str) -> None:
    import copy
    import pickle

    models: list[Any] = [siamese(), Sequential([Embedding(9, 4), LSTM(3), Dense(1)])]
    for model in models:
        x: Any = ids() if len(model.layers) > 3 else ids()[0]
        y: Any = {"same": np.ones(5)} if len(model.layers) > 3 else np.ones(5)
        loss: Any = {"same": "binary_crossentropy"} if len(model.layers) > 3 else "mse"
        model.compile("rmsprop", loss)
        model.fit(x, y, verbose=0)
        other = copy.deepcopy(model) if way == "deepcopy" else pickle.loads(pickle.dumps(model))
        assert not any(v is w for v in other.weights for w in model.weights)
        before = [w.copy() for w in model.get_weights()]
        other.fit(x, y, verbose=0, shuffle=False)
        for a, b in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)
        model.fit(x, y, verbose=0, shuffle=False)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_clones_on_other_inputs() -> None:
    model = siamese()
    a, b = Input((9,), dtype="int32"), Input((9,), dtype="int32")
    calls: list[str] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(layer.name)
        return layer(*args, **kwargs)

    copy = clone_model(model, [a, b], call_function=call)
    assert copy.input_shape == [(None, 9), (None, 9)] and calls.count("shared") == 2
    with pytest.raises(ValueError, match="input_tensors must hold 2 tensors, got 1"):
        clone_model(model, [a])
    with pytest.raises(ValueError, match="call_function is for functional models"):
        clone_model(Sequential([Dense(1)]), call_function=call)
    outer = Sequential([Input((5, 3)), Sequential([Input((5, 3)), LSTM(2)], name="inner"), Dense(1)])
    seen: list[str] = []

    def note(layer: Any) -> Any:
        seen.append(type(layer).__name__)
        return type(layer).from_config(layer.get_config())

    clone_model(outer, clone_function=note, recursive=True)
    assert seen == ["LSTM", "Dense"]


def test_what_describes_no_model_is_refused() -> None:
    with pytest.raises(TypeError, match="model must be a model, got 3"):
        clone_model(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="json_string must describe a model"):
        model_from_json("{}")
    with pytest.raises(ValueError, match="config must have the entry 'layers', got the entries \\['name'\\]"):
        Sequential.from_config({"name": "a"})
