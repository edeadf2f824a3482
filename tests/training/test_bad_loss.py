"""A loss that is no number ends the training, names its place, and leaves the weights alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.callbacks import TerminateOnNaN
from recurra.layers import LSTM, BatchNormalization, Bidirectional, Dense, Dropout, Embedding, Input, Lambda
from recurra.models import Model, Sequential
from recurra.optimizers import SGD
from recurra.training.bad_loss import source_of_bad_loss
from recurra.utils import set_random_seed

X = np.random.default_rng(1).normal(size=(20, 5, 3)).astype("float32")
Y = np.random.default_rng(2).normal(size=(20, 1)).astype("float32")
BIG = 1e30  # its square overflows float32


def overflowing() -> Any:
    """A model with a layer whose output overflows."""
    set_random_seed(3)
    model = Sequential([Input((5, 3)), LSTM(4, name="first"), Dropout(0.2), BatchNormalization(name="norm")])
    model.add(Lambda(lambda x: ops.exp(x * BIG), name="explosion"))
    model.add(Dense(1, name="last"))
    model.compile(SGD(0.01), "mse")
    return model


def test_the_layer_is_named_and_the_weights_stay() -> None:
    model = overflowing()
    before = model.get_weights()
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning) as seen:
        history = model.fit(X, Y, batch_size=4, epochs=3, verbose=0)
    said = str(seen[0].message)
    assert "at batch 0 of epoch 1, and training ends" in said and "'explosion' is the first that is not finite" in said
    assert len(history.epoch) == 1 and not np.isfinite(history.history["loss"][0])
    assert int(model.optimizer.iterations) == 0
    trained = {variable.path for variable in model.trainable_weights}
    for variable, value in zip(model.weights, before, strict=True):
        if variable.path in trained:
            np.testing.assert_array_equal(variable.numpy(), value)


def test_a_later_batch() -> None:
    x = X.copy()
    x[13] = 3e38
    model = Sequential([Input((5, 3)), Lambda(lambda v: v * 2.0, name="doubled"), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="at batch 3 of epoch 1.*'doubled'"):
        model.fit(x, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 3
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_weights_that_were_bad_before_are_named() -> None:
    model = Sequential([Embedding(9, 4, name="table"), LSTM(3, name="reader"), Dense(1)])
    model.compile("adam", "mse")
    ids = np.random.default_rng(0).integers(0, 9, (20, 5))
    model.predict(ids)
    table = model.layers[0].get_weights()[0]
    table[:, 1] = np.nan
    model.layers[0].set_weights([table])
    with pytest.warns(RuntimeWarning, match="the weights 'embeddings' of layer 'table' are not finite"):
        model.fit(ids, Y, verbose=0)


def test_the_loss_function_itself() -> None:
    model = Sequential([Input((5, 3)), Bidirectional(LSTM(2)), Dense(1)])
    model.compile("adam", lambda true, predicted: ops.log(predicted * 0.0 - 1.0))
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="all layers' outputs are finite, the loss"):
        model.fit(X, Y, verbose=0)


def test_stateful_layers_and_random_streams_are_left_as_they_were() -> None:
    model = Sequential([Input((5, 3), batch_size=4), LSTM(2, stateful=True, name="carry"), Dropout(0.5), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    streams = model.layers[1].seed_generator.state
    states = [state.numpy() for state in model.layers[0].states]
    assert "finite" in source_of_bad_loss(model, X[:4])
    assert model.layers[1].seed_generator.state == streams
    for state, value in zip(model.layers[0].states, states, strict=True):
        np.testing.assert_array_equal(state.numpy(), value)
    assert "call" not in vars(model.layers[0])
    model.layers[0].states[1].assign(np.full((4, 2), np.nan))
    assert source_of_bad_loss(model, X[:4]) == "the states of layer 'carry' are the first that are not finite"


def test_terminate_on_nan_decides_where_it_is_given() -> None:
    model = overflowing()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[TerminateOnNaN()])
    assert int(model.optimizer.iterations) == 1


def test_a_training_step_of_ones_own() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.steps = 0

        def train_step(self, data: Any) -> dict[str, Any]:
            self.steps += 1
            return {"loss": float("nan") if self.steps == 2 else 0.5}

        def call(self, inputs: Any) -> Any:
            return inputs

    model = Own()
    model.compile("sgd", "mse")
    with pytest.warns(RuntimeWarning, match="the loss is nan at batch 1 of epoch 1"):
        model.fit(X, X, batch_size=4, verbose=0)
    assert model.steps == 2


def test_train_on_batch_does_what_it_is_told() -> None:
    model = overflowing()
    with np.errstate(all="ignore"):
        assert not np.isfinite(model.train_on_batch(X, Y))
    assert int(model.optimizer.iterations) == 1
