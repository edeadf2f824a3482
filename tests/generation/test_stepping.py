"""A model taken through one token at a time: what counts as which layer is its class, whatever it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import activations, layers, ops
from recurra.generation import Stepper
from recurra.models import Sequential

V = 5


def network(*last: Any) -> Sequential:
    return Sequential([layers.Input((None,)), layers.Embedding(V, 3), layers.LSTM(4, return_sequences=True), *last])


@pytest.mark.parametrize(
    "last",
    [
        layers.Dense(V, activation="softmax"),
        layers.Dense(V, activation=activations.softmax),
        layers.Dense(V, activation=ops.softmax),
        layers.TimeDistributed(layers.Dense(V, activation="softmax")),
    ],
)
def test_probabilities_become_log_probabilities(last: Any) -> None:
    model = network(last)
    stepper = Stepper(model)
    scores, _ = stepper.step(np.array([1, 2]), stepper.initial_state(2))
    np.testing.assert_allclose(np.exp(scores), model.predict(np.array([[1], [2]]), verbose=0)[:, 0], rtol=1e-5)


def test_an_activation_of_ones_own_may_be_called_softmax() -> None:
    def softmax(x: Any) -> Any:
        return ops.log_softmax(x)

    model = network(layers.Dense(V, activation=softmax))
    stepper = Stepper(model)
    scores, _ = stepper.step(np.array([1, 2]), stepper.initial_state(2))
    np.testing.assert_allclose(scores, model.predict(np.array([[1], [2]]), verbose=0)[:, 0], rtol=1e-5)


def test_a_layer_of_ones_own_called_inputlayer_is_not_left_out() -> None:
    class InputLayer(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    with pytest.raises(ValueError, match=r"InputLayer.*cannot be taken one step at a time"):
        Stepper(network(InputLayer(), layers.Dense(V)))
