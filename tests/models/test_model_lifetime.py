"""A model that is dropped is freed at once, with its weights, without the garbage collector."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, layers, ops
from recurra.models import Model, Sequential, clone_model, load_model

X = np.random.default_rng(0).normal(size=(6, 5, 3)).astype("f4")
Y = np.ones((6, 1), "f4")


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Subclassed(Model):
    def __init__(self) -> None:
        super().__init__()
        self.read = layers.LSTM(4)
        self.out = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.out(self.read(x))


def sequential() -> Any:
    return Sequential([layers.Input((5, 3)), layers.LSTM(4, dropout=0.1), layers.Dense(1)])


def open_sequential() -> Any:
    return Sequential(
        [layers.Bidirectional(layers.GRU(4, return_sequences=True)), layers.SimpleRNN(2), layers.Dense(1)]
    )


def functional() -> Any:
    inputs = layers.Input((5, 3))
    y, state = layers.GRU(4, return_sequences=True, return_state=True)(inputs)
    _, h, _ = layers.LSTM(4, return_state=True)(y)  # of which two outputs are not used
    y = layers.Attention()([y, y])
    y = layers.GlobalMaxPooling1D()(layers.TimeDistributed(layers.Dense(3))(y))
    return Model(inputs, layers.Dense(1)(layers.Concatenate()([y, state, ops.tanh(h)])))


def with_shared_layers() -> Any:
    read = sequential()
    one, two = layers.Input((5, 3)), layers.Input((5, 3))
    joined = Model([one, two], layers.Dense(1)(read(one) + read(two)))
    inputs = layers.Input((5, 3))
    return Model(inputs, joined([inputs, inputs]))


def own_cell() -> Any:
    return Sequential([layers.Input((5, 3)), layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]), layers.Dense(1)])


MODELS = [sequential, open_sequential, functional, with_shared_layers, own_cell, Subclassed]


def train(model: Any, path: Path) -> Any:
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, validation_split=0.5, epochs=2, verbose=0)
    return model


def use(model: Any, path: Path) -> Any:
    train(model, path)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    model.train_on_batch(X, Y)
    model.summary(print_fn=lambda text: None)
    return model


def own_loop(model: Any, path: Path) -> Any:
    with GradientTape() as tape:
        loss = ops.mean(model(X, training=True))
    tape.gradient(loss, model.trainable_weights)
    return model


def save(model: Any, path: Path) -> Any:
    train(model, path).save(path / "m.keras")
    return load_model(path / "m.keras")


def cloned(model: Any, path: Path) -> Any:
    return use(clone_model(model), path)


def copied(model: Any, path: Path) -> Any:
    model = copy.deepcopy(model)
    return use(pickle.loads(pickle.dumps(model)), path)


@pytest.mark.parametrize("work", [train, use, own_loop, save, cloned, copied])
@pytest.mark.parametrize("make", MODELS)
def test_a_dropped_model_is_freed_at_once(
    make: Callable[[], Any], work: Callable[[Any, Path], Any], tmp_path: Path
) -> None:
    if make is Subclassed and work in (save, cloned):
        pytest.skip("a class of one's own needs get_config for that")
    model = make()
    model(X[:1])
    result = work(model, tmp_path)
    made = [weakref.ref(thing) for one in (model, result) for thing in (one, *one.layers, *one.weights)]
    assert len(made) > 6
    del model, result
    assert not [ref() for ref in made if ref() is not None]


def test_a_loop_that_makes_models_needs_the_memory_of_one() -> None:
    """What was made of the models before is gone when the next one is made."""
    earlier: list[weakref.ref[Any]] = []
    for _ in range(5):
        model = Sequential([layers.Input((3, 8)), layers.LSTM(16), layers.Dense(1)])
        assert not [ref for ref in earlier if ref() is not None]
        model.compile("adam", "mse")
        model.fit(np.ones((2, 3, 8), "f4"), np.ones((2, 1), "f4"), verbose=0)
        earlier.append(weakref.ref(model.layers[0].cell.kernel))
        del model


def test_parts_of_a_graph_live_as_long_as_what_needs_them() -> None:
    inputs = layers.Input((5, 3))
    hidden = layers.LSTM(4)(inputs)
    read = hidden.node.layer
    first, second = Model(inputs, hidden), Model(inputs, layers.Dense(1)(hidden))
    expected = second.predict(X, verbose=0)
    del first, hidden
    assert read.output is second.layers[1].output
    np.testing.assert_array_equal(second.predict(X, verbose=0), expected)
    dense = weakref.ref(second.layers[2])
    del second
    assert dense() is None
    assert Model(inputs, read.output).predict(X, verbose=0).shape == (6, 4)


def test_an_unused_output_can_still_be_asked_for() -> None:
    inputs = layers.Input((5, 3))
    layer = layers.LSTM(4, return_state=True)
    y = layer(inputs)[0]
    model = Model(inputs, y)
    _, h, c = layer.output
    assert h.shape == c.shape == (None, 4)
    both = Model(inputs, [y, c]).predict(X, verbose=0)
    np.testing.assert_array_equal(both[0], model.predict(X, verbose=0))
    assert both[1].shape == (6, 4)


def test_an_output_that_nobody_kept_has_its_mask() -> None:
    layer = layers.Embedding(9, 4, mask_zero=True)
    layer(layers.Input((5,)))
    mask = layer.output._keras_mask
    assert mask is not None
    assert mask.shape == (None, 5)
    assert layer.output._keras_mask is mask


def test_the_history_does_not_keep_the_model() -> None:
    model = train(sequential(), Path())
    history = model.history
    assert history.model is model
    assert pickle.loads(pickle.dumps(history)).history == history.history
    del model
    assert history.model is None
    assert len(history.history["loss"]) == 2
