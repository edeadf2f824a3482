"""What a tape has recorded holds for the values of then, whatever becomes of Variables afterwards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, layers, ops, optimizers
from recurra.autograd import thread_state


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


CHANGES: dict[str, Callable[[Variable], Any]] = {
    "assign": lambda v: v.assign(v.value + 7),
    "assign_add": lambda v: v.assign_add(np.full(v.shape, 7, v.dtype)),
    "assign_sub": lambda v: v.assign_sub(np.full(v.shape, 7, v.dtype)),
    "SGD": lambda v: optimizers.SGD(1.0).apply([np.ones(v.shape, v.dtype)], [v]),
    "Adam with a decay": lambda v: optimizers.Adam(1.0, weight_decay=0.5).apply([np.ones(v.shape, v.dtype)], [v]),
}


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("inside", [True, False], ids=["while open", "before it is asked"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_variable_that_changes_after_its_use(change: Callable[..., Any], inside: bool, trainable: bool) -> None:
    v = Variable(np.array([2.0, 3.0]), trainable=trainable)
    with GradientTape() as tape:
        x = tape.watch(np.array([5.0, 7.0]))
        y = ops.sum(x * x * v * v)
        if inside:
            change(v)
    if not inside:
        change(v)
    found = tape.gradient(y, [x, v] if trainable else [x])
    np.testing.assert_array_equal(found[0], [2 * 5 * 4, 2 * 7 * 9])
    if trainable:
        np.testing.assert_array_equal(found[1], [2 * 25 * 2, 2 * 49 * 3])
    assert not np.array_equal(v.value, [2, 3])


LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "Dense": (lambda: layers.Dense(5, "tanh"), (4, 3)),
    "LSTM": (lambda: layers.LSTM(5, return_sequences=True), (4, 6, 3)),
    "GRU": (lambda: layers.GRU(5, reset_after=False), (4, 6, 3)),
    "SimpleRNN, stateful": (lambda: layers.SimpleRNN(5, stateful=True), (4, 6, 3)),
    "LSTM step by step": (lambda: layers.LSTM(5, activation="elu"), (4, 6, 3)),
    "Bidirectional": (lambda: layers.Bidirectional(layers.LSTM(5)), (4, 6, 3)),
    "RNN": (lambda: layers.RNN([layers.LSTMCell(5), layers.GRUCell(2)]), (4, 6, 3)),
    "Conv1D": (lambda: layers.Conv1D(5, 2), (4, 6, 3)),
    "MultiHeadAttention": (lambda: Attention(), (4, 6, 3)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (4, 6, 3)),
    "LayerNormalization": (lambda: layers.LayerNormalization(), (4, 6, 3)),
    "Embedding": (lambda: layers.Embedding(9, 5), (4, 6)),
    "ConvLSTM2D": (lambda: layers.ConvLSTM2D(2, 2), (2, 3, 4, 4, 1)),
    "CRF": (lambda: layers.CRF(3), (4, 6, 3)),
}


class Attention(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.MultiHeadAttention(2, 3)

    def call(self, x: Any) -> Any:
        return self.inner(x, x)


@pytest.mark.parametrize("kind", LAYERS)
def test_weights_that_change_before_the_gradients_are_asked_for(kind: str) -> None:
    make, shape = LAYERS[kind]
    layer = make()
    x = rng().integers(0, 9, shape) if kind == "Embedding" else rng().normal(size=shape).astype("float32")
    layer(x)
    start = [variable.numpy() for variable in layer.weights]

    def gradients(change: bool) -> list[Any]:
        for variable, value in zip(layer.weights, start, strict=True):
            variable.assign(value)
        if getattr(layer, "stateful", False):
            layer.reset_states()
        with GradientTape() as tape:
            y = layer(x, training=True)
            loss = ops.sum(ops.square(y) * ops.cast(rng().normal(size=y.shape), "float32"))
        if change:
            for variable in layer.weights:
                variable.assign(variable.value + 3)
        return [None if g is None else np.array(g) for g in tape.gradient(loss, layer.trainable_weights)]

    for expected, found in zip(gradients(False), gradients(True), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_variables_are_changed_in_place_where_no_tape_is_in_the_way() -> None:
    """In a thread of its own: tapes are of their threads, and other tests leave some behind."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_changes_in_place).result()


def _changes_in_place() -> None:
    v, other = Variable(np.ones(3)), Variable(np.ones(2))
    with GradientTape() as tape:
        loss = ops.sum(v * v)
    tape.gradient(loss, v)
    with pytest.raises(ZeroDivisionError), GradientTape():
        ops.sum(v * v)
        1 / 0  # noqa: B018
    with GradientTape():
        pass
    abandoned = GradientTape()
    with abandoned:
        ops.sum(v * v)
    assert thread_state.holding
    del abandoned
    assert not thread_state.holding
    array = v.value
    v.assign(np.zeros(3)).assign_add(np.ones(3))
    optimizers.SGD().apply([np.ones(3)], [v])
    assert v.value is array
    with pytest.raises(ValueError, match="must have shape"):
        other.assign(np.ones(3))


def test_gradients_of_gradients_are_one_clear_error() -> None:
    """A gradient penalty would be left out without a word."""
    w = Variable(np.array([2.0, 3.0]))
    with GradientTape() as outer:
        with GradientTape() as inner:
            x = inner.watch(np.array([1.0, 2.0]))
            y = ops.sum(w * x * x)
        g = inner.gradient(y, x)
        loss = ops.sum(w) + ops.sum(g * g)
    with pytest.raises(NotImplementedError, match="gradients of gradients"):
        outer.gradient(loss, w)


def test_a_gradient_inside_another_tape_may_be_used_and_left_out() -> None:
    w = Variable(np.array([2.0, 3.0]))
    with GradientTape() as outer:
        with GradientTape() as inner:
            x = inner.watch(np.array([1.0, 2.0]))
            y = ops.sum(w * x * x)
        g = inner.gradient(y, x)
        np.testing.assert_array_equal(g, [4, 12])
        optimizers.SGD(0.5).apply([g], [Variable(np.ones(2))])
        loss = ops.sum(w * ops.stop_gradient(g))
    np.testing.assert_array_equal(outer.gradient(loss, w), [4, 12])
