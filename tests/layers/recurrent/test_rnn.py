"""Recurrent layers: any cell, masks, directions, states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra import GradientTape, layers, ops
from recurra.tree import leaves

B, T, I, H = 3, 5, 4, 2
RANDOM = np.random.RandomState(3)
X = RANDOM.standard_normal((B, T, I)).astype("float32")
MASK = np.array([[True, False, True, True, True], [False, True, False, True, False], [False] * 5])
KINDS = ["LSTM", "GRU", "SimpleRNN"]


class PythonLSTMCell(layers.Layer):
    """An LSTM cell by the book, for which no kernel is used."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.state_size = units, [units, units]

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], 4 * self.units), name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, 4 * self.units), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight((4 * self.units,), "zeros", name="bias")

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        z = ops.dense(inputs, self.kernel, self.bias) + ops.matmul(h, self.recurrent_kernel)
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]


class UpdateGateCell:
    """A GRU with the update gate alone, not a Layer: ``u * candidate + (1 - u) * h``."""

    def __init__(self, inputs: int, units: int) -> None:
        random = np.random.RandomState(5)
        self.W = random.standard_normal((inputs, 2 * units)).astype("float32")
        self.U = random.standard_normal((units, 2 * units)).astype("float32")
        self.state_size = units

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        u, candidate = ops.split(ops.matmul(inputs, self.W) + ops.matmul(h, self.U), 2, axis=-1)
        u, candidate = ops.sigmoid(u), ops.tanh(candidate)
        h = u * candidate + (1.0 - u) * h
        return h, h


def randomize(layer: Any) -> Any:
    layer.set_weights([RANDOM.standard_normal(w.shape) * 0.5 for w in layer.get_weights()])
    return layer


def close(a: Any, b: Any) -> None:
    for one, two in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero_output", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_a_cell_written_in_python_equals_the_kernel(
    mask: Any, backwards: bool, zero_output: bool, sequences: bool
) -> None:
    options = {
        "return_sequences": sequences,
        "return_state": True,
        "go_backwards": backwards,
        "zero_output_for_mask": zero_output,
    }
    fast, slow = layers.LSTM(H, **options), layers.RNN(PythonLSTMCell(H), **options)
    state = [RANDOM.standard_normal((B, H)).astype("float32") for _ in range(2)]
    fast(X), slow(X)
    slow.set_weights(randomize(fast).get_weights())
    close(fast(X, mask=mask, initial_state=state), slow(X, mask=mask, initial_state=state))
    gradients = []
    for layer in (fast, slow):
        with GradientTape() as tape:
            x = tape.watch(X)
            parts = leaves(layer(x, mask=mask, initial_state=state))
            loss = sum(ops.sum(y * np.cos(np.arange(y.size).reshape(y.shape)).astype("float32")) for y in parts)
        gradients.append(tape.gradient(loss, [x, *layer.trainable_weights]))
    close(*[[np.asarray(g) for g in one] for one in gradients])


def test_a_cell_that_is_no_layer() -> None:
    layer = layers.RNN(UpdateGateCell(I, H), return_sequences=True, return_state=True)
    y, h = layer(X)
    assert y.shape == (B, T, H)
    close(y[:, -1], h)
    cell = UpdateGateCell(I, H)
    state = np.zeros((B, H), "float32")
    for t in range(T):
        out, state = cell.call(X[:, t], [state])
        close(out, y[:, t])


def test_a_cell_may_say_its_output_size_and_its_start() -> None:
    class Sum(layers.Layer):
        state_size, output_size = [I, 1], 1

        def get_initial_state(self, batch_size: Any = None) -> Any:
            return [np.full((batch_size, I), 2.0, "float32"), np.zeros((batch_size, 1), "float32")]

        def call(self, inputs: Any, states: Any) -> Any:
            total = states[0] + inputs
            return ops.sum(total, axis=1, keepdims=True), [total, states[1] + 1.0]

    layer = layers.RNN(Sum(), return_sequences=True, return_state=True)
    y, total, count = layer(X)
    close(total, 2.0 + X.sum(axis=1))
    close(y[:, -1], total.sum(axis=1, keepdims=True))
    assert count.tolist() == [[5.0]] * B
    assert [s for s in layer.compute_output_shape((None, 7, I))] == [(None, 7, 1), (None, I), (None, 1)]


def test_a_subclass_of_a_cell_with_its_own_call_does_not_run_in_the_kernel() -> None:
    class Doubled(layers.GRUCell):
        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            y, new = super().call(inputs, states, training=training)
            return y * 2.0, new

    plain, doubled = layers.RNN(layers.GRUCell(H)), layers.RNN(Doubled(H))
    plain(X), doubled(X)
    doubled.set_weights(plain.get_weights())
    assert not doubled.cell.runs_in_kernel and plain.cell.runs_in_kernel
    close(doubled(X), plain(X) * 2.0)


@pytest.mark.parametrize("sequences", [False, True])
def test_stacked_cells_in_the_kernel_and_step_by_step(sequences: bool) -> None:
    cells = lambda: [layers.LSTMCell(H), layers.GRUCell(H + 1), layers.SimpleRNNCell(4)]  # noqa: E731
    fast = layers.RNN(cells(), return_sequences=sequences, return_state=True)

    class Stepped(layers.StackedRNNCells):
        """Not the class itself, so the loop runs it."""

    slow = layers.RNN(Stepped(cells()), return_sequences=sequences, return_state=True)
    fast(X), slow(X)
    slow.set_weights(randomize(fast).get_weights())
    states = [
        [RANDOM.standard_normal((B, H)).astype("float32") for _ in range(2)],
        RANDOM.standard_normal((B, H + 1)).astype("float32"),
        RANDOM.standard_normal((B, 4)).astype("float32"),
    ]
    close(fast(X, mask=MASK, initial_state=states), slow(X, mask=MASK, initial_state=states))
    shapes = fast.compute_output_shape((None, 9, I))
    assert shapes[1:] == ([(None, H), (None, H)], (None, H + 1), (None, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_go_backwards_is_the_reversed_sequence(kind: str) -> None:
    forwards = getattr(layers, kind)(H, return_sequences=True)
    backwards = getattr(layers, kind)(H, return_sequences=True, go_backwards=True)
    forwards(X), backwards(X)
    backwards.set_weights(randomize(forwards).get_weights())
    close(backwards(X), forwards(X[:, ::-1]))
    y = backwards(X, mask=MASK)
    close(y, forwards(X[:, ::-1], mask=MASK[:, ::-1]))
    np.testing.assert_array_equal(y._keras_mask, MASK)  # the mask handed on is not reversed, as in Keras


@pytest.mark.parametrize("kind", KINDS)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), left=st.booleans())
def test_a_padded_batch_equals_its_sequences_one_by_one(kind: str, lengths: list[int], left: bool) -> None:
    layer = getattr(layers, kind)(H, return_state=True)
    rows = [np.random.RandomState(n).standard_normal((n, I)).astype("float32") for n in lengths]
    longest = max(lengths)
    padded = np.full((len(rows), longest, I), 9.0, "float32")
    mask = np.zeros((len(rows), longest), bool)
    for b, row in enumerate(rows):
        where = slice(longest - len(row), None) if left else slice(0, len(row))
        padded[b, where], mask[b, where] = row, True
    together = layer(padded, mask=mask)
    for b, row in enumerate(rows):
        close([part[b : b + 1] for part in together], list(layer(row[None])))


@pytest.mark.parametrize("kind", KINDS)
@given(cut=st.integers(1, T - 1))
def test_one_call_equals_two_with_the_state_carried(kind: str, cut: int) -> None:
    layer = getattr(layers, kind)(H, return_sequences=True, return_state=True)
    whole = layer(X)
    first = layer(X[:, :cut])
    second = layer(X[:, cut:], initial_state=list(first[1:]))
    close(np.concatenate([first[0], second[0]], axis=1), whole[0])
    close(list(second[1:]), list(whole[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_no_state_is_the_zero_state(kind: str) -> None:
    layer = getattr(layers, kind)(H, return_sequences=True)
    count = len(layer.state_size)
    close(layer(X), layer(X, initial_state=[np.zeros((B, H))] * count))
    close(layer(X), layer(X, initial_state=layer.get_initial_state(B)))
    assert [s.shape for s in layer.get_initial_state(X)] == [(B, H)] * count


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_masked_whole(kind: str) -> None:
    layer = getattr(layers, kind)(H, return_state=True, return_sequences=True)
    state = [RANDOM.standard_normal((B, H)).astype("float32") for _ in layer.state_size]
    y, *final = layer(X, mask=MASK, initial_state=state)
    assert not y[2].any()
    close([one[2] for one in final], [one[2] for one in state])


@pytest.mark.parametrize("kind", KINDS)
def test_stateful_layers_go_on_until_they_are_reset(kind: str) -> None:
    layer = getattr(layers, kind)(H, stateful=True, return_state=True)
    plain = getattr(layers, kind)(H, return_state=True)
    first = layer(X)
    plain(X)
    plain.set_weights(layer.get_weights())
    second = layer(X, training=True)
    close(list(second), list(plain(X, initial_state=list(first[1:]))))
    assert len(layer.weights) == 3, "states are not weights"
    close([v.value for v in layer.states], list(second[1:]))
    given = [np.full((B, H), 0.3, "float32")] * len(layer.state_size)
    close(list(layer(X, initial_state=given)), list(plain(X, initial_state=given)))
    layer.reset_state()
    close(list(layer(X)), list(first))
    layer.reset_states()
    close(list(layer(X)), list(first))
    layer.reset_states(states=given)
    close(list(layer(X)), list(plain(X, initial_state=given)))
    with pytest.raises(ValueError, match=f"has {len(given)} states, got 3"):
        layer.reset_states(states=[0, 0, 0])
    with pytest.raises(ValueError, match="built for batches of 3 rows, got a batch of 2"):
        layer(X[:2])


def test_stateful_layers_carry_states_under_masks_and_tapes() -> None:
    layer, plain = layers.GRU(H, stateful=True), layers.GRU(H, return_state=True)
    with GradientTape():
        layer(X, mask=MASK)
    plain(X)
    plain.set_weights(layer.get_weights())
    close([v.value for v in layer.states], [plain(X, mask=MASK)[1]])


def test_a_stateful_layer_needs_its_batch_size() -> None:
    with pytest.raises(ValueError, match="batch size must be known"):
        layers.LSTM(H, stateful=True)(layers.Input((T, I)))
    layer = layers.LSTM(H, stateful=True)
    layer(layers.Input(batch_shape=(B, T, I)))
    assert [v.shape for v in layer.states] == [(B, H)] * 2


def test_stacked_stateful_cells() -> None:
    layer = layers.RNN([layers.LSTMCell(H), layers.GRUCell(3)], stateful=True, return_state=True)
    first = layer(X)
    second = layer(X)
    assert np.abs(second[0] - first[0]).max() > 1e-4
    layer.reset_state()
    close(list(layer(X)), list(first))


@pytest.mark.parametrize("kind", KINDS)
def test_time_major(kind: str) -> None:
    plain = getattr(layers, kind)(H, return_sequences=True)
    turned = getattr(layers, kind)(H, return_sequences=True, time_major=True)
    plain(X), turned(X.swapaxes(0, 1))
    turned.set_weights(plain.get_weights())
    y = turned(X.swapaxes(0, 1), mask=MASK.T)
    close(y.swapaxes(0, 1), plain(X, mask=MASK))
    assert turned.compute_output_shape((7, None, I)) == (7, None, H)
    assert turned.get_config()["time_major"] and "time_major" not in plain.get_config()


def test_unroll_needs_known_steps_only_where_they_are_not_known() -> None:
    assert layers.LSTM(H, unroll=True)(layers.Input((T, I))).shape == (None, H)
    with pytest.raises(ValueError, match="unroll=True needs a known number of steps"):
        layers.LSTM(H, unroll=True)(layers.Input((None, I)))


def test_a_mask_beside_initial_state_must_be_given() -> None:
    """Keras 3 does not use the mask that the input carries when initial_state is given."""
    x = layers.Masking()(X * MASK[..., None])
    layer = layers.LSTM(H)
    state = [np.full((B, H), 0.4, "float32")] * 2
    with pytest.warns(UserWarning, match="handed on but not used here"):
        ignored = layer(x, initial_state=state)
    close(ignored, layer(np.asarray(x), initial_state=state))
    used = layer(x, initial_state=state, mask=MASK)
    assert np.abs(used - ignored).max() > 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LSTM(0), "units must be a positive integer, got 0"),
        (lambda: layers.GRU(-3), "units must be a positive integer, got -3"),
        (lambda: layers.SimpleRNN(2.5), "units must be a positive integer, got 2.5"),
        (lambda: layers.LSTM(2, activation="tanhh"), "unknown activation 'tanhh'"),
        (lambda: layers.LSTM(2, use_cudnn="maybe"), "use_cudnn must be one of 'auto', True, False, got 'maybe'"),
        (lambda: layers.LSTM(2, implementation=3), "implementation must be one of 1, 2, got 3"),
        (lambda: layers.RNN(object()), "cell must have a method call"),
        (lambda: layers.RNN(layers.Dense(2)), "cell must have state_size"),
        (lambda: layers.StackedRNNCells([]), "at least one cell"),
        (lambda: layers.StackedRNNCells([layers.Dense(2)]), "cells must be cells"),
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_calls() -> None:
    layer = layers.LSTM(H)
    with pytest.raises(ValueError, match="initial_state must hold 2 states, got 1"):
        layer(X, initial_state=[np.zeros((B, H))])
    with pytest.raises(ValueError, match=r"initial_state must have shape \(B, units\) = \(3, 2\), got \(3, 4\)"):
        layer(X, initial_state=[np.zeros((B, 4))] * 2)
    with pytest.raises(ValueError, match="mask"):
        layer(X, mask=MASK[:, :2])
    with pytest.raises(ValueError, match="last axis of the input must have a known size"):
        layers.GRU(2)(layers.Input((T, None)))
    with pytest.raises(ValueError, match=r"inputs of one step must have shape \(B, I\)"):
        layers.GRUCell(2)(X, [np.zeros((B, 2))])


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_step_by_step_equals_its_layer(kind: str) -> None:
    layer = getattr(layers, kind)(H, return_sequences=True)
    y = layer(X)
    cell, state = layer.cell, layer.get_initial_state(B)
    for t in range(T):
        out, state = cell(X[:, t], state)
        close(out, y[:, t])
    assert isinstance(state, list)
    if kind != "LSTM":  # a bare state comes back bare
        out, bare = cell(X[:, 0], np.zeros((B, H), "float32"))
        assert isinstance(bare, np.ndarray)
        close(bare, y[:, 0])


def test_configurations_round_trip() -> None:
    for layer in (
        layers.LSTM(3, activation="relu", dropout=0.1, recurrent_dropout=0.2, seed=4, kernel_regularizer="l2",
                    bias_constraint="non_neg", unit_forget_bias=False, go_backwards=True, zero_output_for_mask=True),
        layers.GRU(3, reset_after=False, implementation=1, stateful=True, activity_regularizer="l1"),
        layers.SimpleRNN(3, use_bias=False, return_state=True, unroll=True, time_major=True),
        layers.RNN([layers.LSTMCell(2), layers.GRUCell(3, reset_after=False)], return_sequences=True),
        layers.LSTMCell(2, recurrent_activation="hard_sigmoid"),
        layers.Bidirectional(layers.GRU(2), merge_mode="ave", name="both"),
        layers.TimeDistributed(layers.Dense(2, name="inner")),
    ):  # fmt: skip
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "cell", [layers.LSTMCell(3), layers.StackedRNNCells([layers.GRUCell(2), layers.LSTMCell(3)])], ids=["one", "two"]
)
def test_initial_states_as_keras_2_asks_for_them(cell: Any) -> None:
    inputs = np.ones((4, 5), "float32")
    for state in (
        cell.get_initial_state(batch_size=4, dtype="float32"),
        cell.get_initial_state(inputs=inputs, batch_size=None, dtype=None),
    ):
        assert [array.shape for array in leaves(state)] == [array.shape for array in leaves(cell.get_initial_state(4))]
    assert all(array.dtype == "float64" for array in leaves(cell.get_initial_state(4, dtype="float64")))


def test_a_cell_of_keras_2_is_told_the_type() -> None:
    class Own(layers.Layer):
        state_size = 2

        def call(self, inputs, states):
            return states[0], [states[0] + inputs]

        def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
            return [np.ones((batch_size, 2), dtype)]

    assert layers.RNN(Own())(np.zeros((3, 4, 2), "float32")).tolist() == [[1, 1]] * 3
