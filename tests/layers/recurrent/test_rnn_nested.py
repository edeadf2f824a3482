"""Cells of one's own that read several arrays at each step, put out several, or arrays with more axes."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, layers, ops
from recurra.compat.tf.shapes import TensorShape
from recurra.models import Model, load_model

B, T, I, J, K = 5, 7, 3, 4, 2  # a step reads (I,) and (J, K), and puts out (I,) and (K, J)
RNG = np.random.default_rng(8)
A = RNG.normal(size=(B, T, I)).astype("float32")
M = RNG.normal(size=(B, T, J, K)).astype("float32")
MASK = np.arange(T) < np.array([7, 4, 1, 6, 2])[:, None]
Read = namedtuple("Read", ["vector", "matrix"])


class Several(layers.Layer):
    state_size = (TensorShape([I]), TensorShape([K, J]))
    output_size = (TensorShape([I]), TensorShape([K, J]))

    def build(self, shapes: Any) -> None:
        (_, i), (_, j, k) = shapes.values() if isinstance(shapes, dict) else shapes
        self.w = self.add_weight((i, i), "orthogonal", name="w")
        self.u = self.add_weight((j, k, k, j), "orthogonal", name="u")

    def call(self, inputs: Any, states: Any) -> Any:
        a, m = inputs.values() if isinstance(inputs, dict) else inputs
        s, t = states
        s = ops.tanh(s * 0.5 + ops.matmul(a, self.w))
        t = (
            ops.tanh(t * 0.5 + ops.einsum("bij,ijkl->bkl", m, self.u))
            + ops.expand_dims(ops.sum(s, axis=1), 1)[..., None]
        )
        return (s, t), [s, t]


class Flat(Several):
    """The same on one array (B, I + J * K)."""

    state_size = (I, K * J)
    output_size = I + K * J

    def build(self, shape: Any) -> None:
        super().build(((shape[0], I), (shape[0], J, K)))

    def call(self, inputs: Any, states: Any) -> Any:
        given = inputs[:, :I], ops.reshape(inputs[:, I:], (-1, J, K))
        (s, t), _ = super().call(given, [states[0], ops.reshape(states[1], (-1, K, J))])
        t = ops.reshape(t, (-1, K * J))
        return ops.concatenate([s, t], axis=1), [s, t]


def both(**settings: Any) -> tuple[Any, Any, Any]:
    """A layer around each cell with the same weights, and the input of the second."""
    several, flat = layers.RNN(Several(), **settings), layers.RNN(Flat(), **settings)
    x = np.concatenate([A, M.reshape(B, T, -1)], axis=-1)
    if settings.get("time_major"):
        x = np.swapaxes(x, 0, 1)
    flat(x)
    several((np.swapaxes(A, 0, 1), np.swapaxes(M, 0, 1)) if settings.get("time_major") else (A, M))
    several.set_weights(flat.get_weights())
    return several, flat, x


def joined(pair: Any) -> Any:
    first, second = (np.asarray(one) for one in pair)
    return np.concatenate([first, second.reshape(*first.shape[:-1], -1)], axis=-1)


@pytest.mark.parametrize("mask", [None, MASK], ids=["", "mask"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "go_backwards": True},
        {"return_sequences": True, "zero_output_for_mask": True},
        {"go_backwards": True},
        {"time_major": True, "return_sequences": True},
    ],
    ids=str,
)
def test_as_the_same_cell_on_one_array(settings: dict[str, Any], mask: Any) -> None:
    several, flat, x = both(return_state=True, **settings)
    given: Any = (A, M)
    if settings.get("time_major"):
        given = (np.swapaxes(A, 0, 1), np.swapaxes(M, 0, 1))
        mask = None if mask is None else np.swapaxes(mask, 0, 1)
    found, *states = several(given, mask=mask)
    expected, *wanted = flat(x, mask=mask)
    np.testing.assert_allclose(joined(found), expected, 1e-6, 1e-6)
    np.testing.assert_allclose(joined(states), joined(wanted), 1e-6, 1e-6)


def test_gradients_and_kinds_of_structures() -> None:
    several, flat, x = both(return_sequences=True)
    with GradientTape() as tape:
        a, m = tape.watch(A), tape.watch(M)
        y, z = several((a, m), mask=MASK)
        loss = ops.sum(ops.square(y)) + ops.sum(z * ops.exp(-z))
    da, dm, *dw = tape.gradient(loss, [a, m, *several.trainable_weights])
    with GradientTape() as tape:
        one = tape.watch(x)
        y = flat(one, mask=MASK)
        loss = ops.sum(ops.square(y[..., :I])) + ops.sum(y[..., I:] * ops.exp(-y[..., I:]))
    dx, *expected = tape.gradient(loss, [one, *flat.trainable_weights])
    np.testing.assert_allclose(np.concatenate([da, dm.reshape(B, T, -1)], axis=-1), dx, 1e-4, 1e-5)
    for ours, theirs in zip(dw, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)
    for other in ([A, M], Read(A, M), {"vector": A, "matrix": M}):
        for one, same in zip(several(other), several((A, M)), strict=True):
            np.testing.assert_array_equal(one, same)


def test_in_a_model(tmp_path: Path) -> None:
    a, m = layers.Input((None, I)), layers.Input((None, J, K))
    rnn = layers.RNN(Several(), return_state=True)
    (y, z), s, t = rnn((a, m))
    assert [tuple(one.shape) for one in (y, z, s, t)] == [(None, I), (None, K, J), (None, I), (None, K, J)]
    model = Model([a, m], [y, z])
    model.compile("adam", "mse")
    targets = [A[:, 0], np.ones((B, K, J), "float32")]
    losses = model.fit([A, M], targets, batch_size=2, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras", custom_objects={"Several": Several})
    for one, other in zip(again.predict([A, M], verbose=0), model.predict([A, M], verbose=0), strict=True):
        np.testing.assert_array_equal(one, other)


class Named(Several):
    def call(self, inputs: Any, states: Any) -> Any:
        output, new = super().call(inputs, states)
        return Read(*output), new


def test_outputs_in_a_named_tuple() -> None:
    several, _, _ = both(return_sequences=True)
    named = layers.RNN(Named(), return_sequences=True)
    a, m = layers.Input((T, I)), layers.Input((T, J, K))
    model = Model([a, m], named(Read(a, m)))
    named.set_weights(several.get_weights())
    found = named((A, M), mask=MASK)
    assert isinstance(found, Read)
    for one, same in zip(found, several((A, M), mask=MASK), strict=True):
        np.testing.assert_array_equal(one, same)
    for one, same in zip(model.predict([A, M], verbose=0), several((A, M)), strict=True):
        np.testing.assert_array_equal(one, same)


def test_states_that_are_carried() -> None:
    several, _, _ = both(return_state=True)
    whole, *_ = several((A, M))
    _, *states = several((A[:, :3], M[:, :3]))
    late, *_ = several((A[:, 3:], M[:, 3:]), initial_state=states)
    for one, other in zip(late, whole, strict=True):
        np.testing.assert_array_equal(one, other)
    kept = layers.RNN(Several(), stateful=True)
    kept((A, M))
    kept.set_weights(several.get_weights())
    kept.reset_states()
    kept((A[:, :3], M[:, :3]))
    for one, other in zip(kept((A[:, 3:], M[:, 3:])), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_in_a_stack() -> None:
    """A cell that puts out several arrays below one that reads them, and one that puts out one below another."""

    class Joining(layers.Layer):
        state_size = output_size = 2

        def build(self, shapes: Any) -> None:
            assert shapes == ((B, I), (B, K, J))
            self.w = self.add_weight((I + K * J, 2), "orthogonal", name="w")

        def call(self, inputs: Any, states: Any) -> Any:
            rows = ops.concatenate([inputs[0], ops.reshape(inputs[1], (-1, K * J))], axis=1)
            return (y := ops.tanh(states[0] + ops.matmul(rows, self.w))), [y]

    stack = layers.RNN([layers.SimpleRNNCell(I + J * K), Flat()])
    assert stack(np.ones((B, T, 2), "float32")).shape == (B, I + K * J)
    several = layers.StackedRNNCells([Several(), Joining()])
    several.build(((B, I), (B, J, K)))
    states = [[np.zeros((B, I), "float32"), np.zeros((B, K, J), "float32")], np.zeros((B, 2), "float32")]
    y, new = several((A[:, 0], M[:, 0]), states)
    assert y.shape == (B, 2) and new[0][1].shape == (B, K, J)
    assert layers.RNN([Several(), Joining()])((A, M)).shape == (B, 2)


@pytest.mark.parametrize(
    "layer", [layers.LSTM, lambda n: layers.RNN([layers.GRUCell(n)]), lambda n: layers.RNN(layers.LSTMCell(n))]
)
@pytest.mark.parametrize("given", [(A, A), {"a": A}], ids=["tuple", "dict"])
def test_cells_that_read_one_array(layer: Any, given: Any) -> None:
    with pytest.raises(ValueError, match="inputs must be one array, got"):
        layer(3)(given)


def test_lengths_that_differ() -> None:
    with pytest.raises(
        ValueError, match=r"the arrays of x must have the same B and T, got the shapes \(5, 7, 3\), \(5, 6"
    ):
        layers.RNN(Several())((A, M[:, :6]))


def test_numbers_in_lists_are_one_array() -> None:
    y, _ = ops.rnn(lambda x, states: (x, states), [[[1.0, 2.0], [3.0, 4.0]]], [np.zeros((1, 2))])
    np.testing.assert_array_equal(y, [[[1.0, 2.0], [3.0, 4.0]]])
