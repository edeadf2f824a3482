"""Every layer against Keras 3: outputs, masks, moving statistics, and gradients for inputs and weights."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import recurra
from recurra import GradientTape, ops
from tests.golden import GOLDEN
from tests.golden import layer_cases as cases


@pytest.fixture(scope="module")
def golden() -> Any:
    with np.load(GOLDEN / "keras_layers.npz") as file:
        index, numbers = json.loads(str(file["index"])), file["numbers"]
    found, start = {}, 0
    for key, shape in index:
        size = int(np.prod(shape, dtype=int))
        found[key] = numbers[start : start + size].reshape(shape)
        start += size
    return found


def flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def close(got: Any, wanted: Any, what: str) -> None:
    got = np.asarray(got)
    assert got.shape == wanted.shape, what
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * scale, err_msg=what)


@pytest.mark.parametrize("name", list(cases.CASES))
def test_numbers_of_keras(name: str, golden: Any) -> None:
    case = cases.CASES[name]
    x, call = cases.draw(case, name)
    layer = case.layer(recurra)
    layer(x, **call)
    weights = cases.draw_weights(layer, name)
    layer.set_weights(weights)
    outputs = flat(layer(x, **call))
    wanted = [golden[key] for key in sorted(k for k in golden if k.startswith(f"{name}/y"))]
    assert len(outputs) == len(wanted)
    for k, (y, gold) in enumerate(zip(outputs, wanted, strict=True)):
        close(y, gold, f"{name}: output {k}")
        assert np.asarray(y).dtype == np.float32
    mask = getattr(outputs[0], "_keras_mask", None)
    assert (mask is not None) == (f"{name}/mask" in golden), f"{name}: mask"
    if mask is not None:
        np.testing.assert_array_equal(mask, golden[f"{name}/mask"])
    for k, (before, variable) in enumerate(zip(weights, layer.weights, strict=True)):
        close(variable.value, golden.get(f"{name}/w{k}", before), f"{name}: weight {k} after the call")


@pytest.mark.parametrize("name", [name for name, case in cases.CASES.items() if case.gradient])
def test_gradients_of_keras(name: str, golden: Any) -> None:
    case = cases.CASES[name]
    x, call = cases.draw(case, name)
    layer = case.layer(recurra)
    layer(x, **call)
    layer.set_weights(cases.draw_weights(layer, name))
    with GradientTape() as tape:
        watched = [tape.watch(one) for one in x] if isinstance(x, list) else tape.watch(x)
        outputs = flat(layer(watched, **call))
        loss = sum(ops.sum(y * cases.draw_output_gradient(y, name, k)) for k, y in enumerate(outputs))
    inputs = flat(watched)
    variables = layer.trainable_variables
    gradients = tape.gradient(loss, [*inputs, *variables])
    for k, gradient in enumerate(gradients):
        key = f"{name}/dx{k}" if k < len(inputs) else f"{name}/dw{k - len(inputs)}"
        close(np.zeros_like(golden[key]) if gradient is None else gradient, golden[key], key)


def test_all_cases_are_in_the_file(golden: Any) -> None:
    assert {name for name in cases.CASES} == {key.rsplit("/", 1)[0] for key in golden}


@pytest.mark.filterwarnings("ignore")
def test_against_keras_itself_where_installed(golden: Any) -> None:
    """The file is what the installed Keras computes, for a few cases."""
    keras = pytest.importorskip("keras")
    for name in ("lstm/whole_states", "gru/whole_states", "attention/dot"):
        case = cases.CASES[name]
        x, call = cases.draw(case, name)
        layer = case.layer(keras)
        layer(x, **call)
        layer.set_weights(cases.draw_weights(layer, name))
        for k, y in enumerate(flat(layer(x, **call))):
            close(keras.ops.convert_to_numpy(y), golden[f"{name}/y{k}"], f"{name}: output {k}")
