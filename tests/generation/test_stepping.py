"""A model taken through one token at a time: what counts as which layer is its class, whatever it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import activations, layers, ops
from recurra.generation import Stepper
from recurra.models import Sequential
from tests.support.generation_networks import network as wide

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


EACH_STEP = [
    lambda: layers.LayerNormalization(axis=2),
    lambda: layers.RMSNormalization(),
    lambda: layers.UnitNormalization(axis=[-1]),
    lambda: layers.BatchNormalization(),
    lambda: layers.Rescaling(1.7, offset=0.3),
    lambda: layers.ReLU(negative_slope=0.2),
    lambda: layers.LeakyReLU(0.1),
    lambda: layers.ELU(0.7),
    lambda: layers.Softmax(axis=2),
    lambda: layers.GaussianDropout(0.4),
    lambda: layers.ActivityRegularization(l1=0.1),
    lambda: layers.Identity(),
]


@pytest.mark.parametrize("make", EACH_STEP)
def test_layers_that_treat_each_step_alike(make: Any) -> None:
    tokens = np.array([[1, 8, 3, 21], [7, 2, 2, 0]], np.int32)
    model = wide("gru", make(), layers.SimpleRNN(7, return_sequences=True), layers.Dense(V))
    model.set_weights([np.abs(w) if w.ndim == 1 else w for w in model.get_weights()])  # a variance is positive
    stepper = Stepper(model)
    state = stepper.initial_state(2)
    expected = model.predict(tokens, verbose=0)
    for t, ids in enumerate(tokens.T):
        scores, state = stepper.step(ids, state)
        np.testing.assert_allclose(scores, expected[:, t], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LayerNormalization(axis=1),
        lambda: layers.UnitNormalization(axis=[1, 2]),
        lambda: layers.Softmax(axis=-2),
        lambda: layers.Masking(),
    ],
)
def test_layers_over_the_steps_are_refused(make: Any) -> None:
    layer = make()
    with pytest.raises(ValueError, match=rf"\({type(layer).__name__}\) cannot be taken one step at a time"):
        Stepper(Sequential([layers.Embedding(V, 6), layers.LSTM(5, return_sequences=True), layer, layers.Dense(V)]))
