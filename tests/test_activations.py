"""Activation functions: values, gradients, names. (Numbers of Keras: tests/layers/test_layers_golden.py.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import activations, gradcheck, ops
from recurra.registry import custom_object_scope

X = np.linspace(-3.3, 3.1, 26).reshape(2, 13)
NAMES = [n for n in activations.__all__ if n not in ("get", "serialize", "deserialize", "kernel_name", "threshold")]


@pytest.mark.parametrize("name", NAMES)
def test_gradient_and_dtype(name: str) -> None:
    function = activations.get(name)
    x = X[:, :12]
    assert gradcheck(function, x)
    assert np.asarray(function(x.astype("float32"))).dtype == np.float32
    assert activations.get(activations.serialize(function)) is function


def test_relu_with_all_its_arguments() -> None:
    y = activations.relu(X, negative_slope=0.2, max_value=1.5, threshold=0.5)
    np.testing.assert_allclose(y, np.where(X > 1.5, 1.5, np.where(X > 0.5, X, 0.2 * (X - 0.5))))
    np.testing.assert_allclose(activations.relu(X, 0.1), np.where(X > 0, X, 0.1 * X))
    np.testing.assert_allclose(activations.threshold(X, 1.0, -2.0), np.where(X > 1.0, X, -2.0))


def test_hard_sigmoid_is_the_one_of_keras_3() -> None:
    np.testing.assert_allclose(activations.hard_sigmoid(X), np.clip(X / 6 + 0.5, 0, 1))


def test_which_run_in_the_kernels() -> None:
    names = {name: activations.kernel_name(activations.get(name)) for name in NAMES}
    assert {name for name, kernel in names.items() if kernel} == {"tanh", "sigmoid", "relu", "hard_sigmoid", "linear"}
    assert activations.kernel_name(ops.tanh) == "tanh"
    assert activations.kernel_name(np.tanh) is None and activations.kernel_name({}) is None


def test_names() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.deserialize(None) is activations.linear

    def mine(x: Any) -> Any:
        return x

    assert activations.get(mine) is mine
    config = activations.serialize(mine)
    assert config["class_name"] == "function" and config["config"] == "mine"
    with custom_object_scope({"mine": mine}):
        assert activations.get("mine") is mine and activations.get(config) is mine
    with pytest.raises(ValueError, match="unknown activation 'mine': expected one of celu, "):
        activations.get("mine")
