"""Both directions: exact under padding on either side, every way to merge, states, copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, layers, ops
from recurra.autograd import Array
from recurra.layers.recurrent.rnn import SequenceOutput

B, T, I, H = 3, 6, 4, 2
RANDOM = np.random.RandomState(8)
LENGTHS = [6, 2, 4]
ROWS = [RANDOM.standard_normal((n, I)).astype("float32") for n in LENGTHS]


def padded(side: str) -> tuple[Array, Array]:
    x, mask = np.full((B, T, I), 7.0, "float32"), np.zeros((B, T), bool)
    for b, row in enumerate(ROWS):
        where = slice(0, len(row)) if side == "right" else slice(T - len(row), T)
        x[b, where], mask[b, where] = row, True
    return x, mask


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
def test_padding_changes_nothing(side: str, kind: str, sequences: bool, merge_mode: Any) -> None:
    inner = getattr(layers, kind)(H, return_sequences=sequences, return_state=True)
    layer = layers.Bidirectional(inner, merge_mode=merge_mode)
    x, mask = padded(side)
    layer(x)
    layer.set_weights([RANDOM.standard_normal(w.shape) for w in layer.get_weights()])
    together = layer(x, mask=mask)
    for b, row in enumerate(ROWS):
        alone = layer(row[None])
        for whole, single in zip(together, alone, strict=True):
            got = whole[b]
            if sequences and whole.ndim == 3:
                assert not got[~mask[b]].any(), "zeros at masked steps"
                got = got[mask[b]]
            np.testing.assert_allclose(got, single[0], rtol=1e-5, atol=1e-6)


def test_each_direction_is_the_layer_itself() -> None:
    x, _ = padded("right")
    layer = layers.Bidirectional(layers.LSTM(H, return_sequences=True), merge_mode=None)
    forward, backward = layer(x)
    np.testing.assert_array_equal(forward, layer.forward_layer(x))
    np.testing.assert_array_equal(backward, layer.backward_layer(x)[:, ::-1])
    assert layer.forward_layer.name.startswith("forward_lstm")
    assert layer.backward_layer.name.startswith("backward_lstm") and layer.backward_layer.go_backwards
    assert (layer.forward_layer.get_weights()[0] != layer.backward_layer.get_weights()[0]).any()


def test_the_layer_given_is_copied_and_an_own_backward_layer_is_not() -> None:
    inner = layers.GRU(H, return_sequences=True, kernel_regularizer="l2", seed=4)
    own = layers.LSTM(H + 1, return_sequences=True, go_backwards=True)
    layer = layers.Bidirectional(inner, backward_layer=own)
    x, _ = padded("right")
    assert layer(x).shape == (B, T, 2 * H + 1)
    assert layer.compute_output_shape((None, T, I)) == (None, T, 2 * H + 1)
    assert not inner.built and layer.backward_layer is own and own.built
    assert [v.name for v in layer.weights] == ["kernel", "recurrent_kernel", "bias"] * 2
    assert len(layer.losses) == 1


def test_initial_states_in_halves() -> None:
    x, mask = padded("left")
    layer = layers.Bidirectional(layers.LSTM(H, return_sequences=True, return_state=True))
    states = [RANDOM.standard_normal((B, H)).astype("float32") for _ in range(4)]
    y, *final = layer(x, initial_state=states, mask=mask)
    forward = layer.forward_layer(x, initial_state=states[:2], mask=mask)
    backward = layer.backward_layer(x, initial_state=states[2:], mask=mask)
    np.testing.assert_array_equal(y[..., :H], forward[0])
    np.testing.assert_array_equal(y[..., H:], backward[0][:, ::-1])
    for got, wanted in zip(final, [*forward[1:], *backward[1:]], strict=True):
        np.testing.assert_array_equal(got, wanted)
    with pytest.raises(ValueError, match="first half for the forward layer"):
        layer(x, initial_state=states[:3])


def test_weights_are_forward_then_backward() -> None:
    layer = layers.Bidirectional(layers.SimpleRNN(H))
    layer(padded("left")[0])
    values = [w + 1 for w in layer.get_weights()]
    again = layers.Bidirectional(layers.SimpleRNN(H), weights=values)
    again.build((None, T, I))
    for got, wanted in zip(again.forward_layer.get_weights(), values[:3], strict=True):
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(again.backward_layer.get_weights()[1], values[4])


def test_stateful_in_both_directions() -> None:
    x, _ = padded("right")
    layer = layers.Bidirectional(layers.GRU(H, stateful=True))
    first = layer(x)
    assert len(layer.states) == 2
    assert (layer(x) != first).any()
    layer.reset_states()
    np.testing.assert_array_equal(layer(x), first)


def test_gradients_reach_both_directions() -> None:
    x, mask = padded("right")
    layer = layers.Bidirectional(layers.LSTM(H, return_sequences=True))
    with GradientTape() as tape:
        watched = tape.watch(x)
        loss = ops.sum(ops.square(layer(watched, mask=mask)))
    gradients = tape.gradient(loss, [watched, *layer.trainable_weights])
    assert len(gradients) == 7 and all(np.abs(g).max() > 0 for g in gradients)
    assert not gradients[0][~mask].any()


def test_a_cell_of_ones_own_is_copied_without_being_registered() -> None:
    class Cell(layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units, self.state_size = units, units

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

        def call(self, inputs: Any, states: Any) -> Any:
            h = ops.tanh(ops.matmul(inputs, self.kernel) + states[0])
            return h, [h]

    x, _ = padded("right")
    layer = layers.Bidirectional(layers.RNN(Cell(H), return_sequences=True))
    assert layer(x).shape == (B, T, 2 * H)
    one, two = layer.get_weights()
    assert (one != two).any()

    class Plain:
        state_size = I

        def call(self, inputs: Any, states: Any) -> Any:
            return inputs + states[0], [inputs + states[0]]

    named = layers.Bidirectional(layers.GRU(H, activation=lambda v: ops.tanh(v)))
    named(x)
    assert (named.get_weights()[0] != named.get_weights()[3]).any(), "each direction has weights of its own"

    y = layers.Bidirectional(layers.RNN(Plain(), return_sequences=True))(x)
    np.testing.assert_allclose(y[..., :I], np.cumsum(x, axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(y[..., I:], np.cumsum(x[:, ::-1], axis=1)[:, ::-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Bidirectional(layers.Dense(2)), "layer must be a recurrent layer"),
        (lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="add"), "merge_mode must be one of"),
        (lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)), "opposite go_backwards"),
        (lambda: layers.Bidirectional(layers.LSTM(2, go_backwards=True)), "opposite go_backwards"),
        (
            lambda: layers.Bidirectional(
                layers.LSTM(2), backward_layer=layers.LSTM(2, go_backwards=True, return_state=True)
            ),
            "same return_state, got False and True",
        ),
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


class Doubled(layers.GRU):
    """Its outputs are not those of the kernel."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return super().call(*args, **kwargs) * 2.0


class Twice(layers.GRU):
    """Runs the kernel twice in a call."""

    def call(self, sequences: Any, *args: Any, **kwargs: Any) -> Any:
        return super().call(sequences, *args, **kwargs) + super().call(sequences * 0.5, *args, **kwargs)


class Ahead(layers.GRU):
    """Runs the kernel on fewer steps than it is given."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        y = super().call(sequences[:, 1:], initial_state, None if mask is None else mask[:, 1:], training)
        return ops.concatenate([y[:, :1], y], axis=1)


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN, Doubled, Twice, Ahead])
def test_what_stands_side_by_side_equals_what_is_concatenated(kind: Any, side: str, embedded: bool) -> None:
    x, mask = padded(side)
    table = layers.Embedding(7, I)
    if embedded:
        x = RANDOM.randint(0, 7, (B, T))
        table(x)
    layer = layers.Bidirectional(
        kind(H, return_sequences=True), backward_layer=kind(5, return_sequences=True, go_backwards=True)
    )
    weigh = RANDOM.standard_normal((B, T, H + 5)).astype("float32")
    found = []
    for merge_mode in ("concat", None):
        layer.merge_mode = merge_mode
        with GradientTape() as tape:
            y = layer(table(x) if embedded else x, mask=mask)
            y = ops.concatenate(y, axis=-1) if merge_mode is None else y
            loss = ops.sum(y * weigh)
        variables = layer.trainable_variables + (table.trainable_variables if embedded else [])
        gradients = [np.asarray(g) for g in tape.gradient(loss, variables)]
        outside = layer(table(x) if embedded else x, mask=mask)
        outside = np.concatenate(outside, axis=-1) if merge_mode is None else outside
        found.append([np.asarray(y.value), np.asarray(outside), *gradients])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_only_outputs_of_other_layers_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[int] = []
    original = ops.concatenate
    monkeypatch.setattr(ops, "concatenate", lambda *args, **kwargs: (copies.append(1), original(*args, **kwargs))[1])
    for kind, number in ((layers.LSTM, 0), (layers.GRU, 0), (layers.SimpleRNN, 0), (Doubled, 1)):
        copies.clear()
        layers.Bidirectional(kind(H, return_sequences=True))(padded("right")[0])
        assert len(copies) == number, kind


def test_a_subclass_with_a_call_of_its_own_sees_its_own_order_of_time() -> None:
    class Summing(layers.LSTM):
        def call(self, *args: Any, **kwargs: Any) -> Any:
            return ops.cumsum(super().call(*args, **kwargs), axis=1)

    x = np.random.default_rng(4).standard_normal((2, 5, 3), "float32")
    both = layers.Bidirectional(Summing(4, return_sequences=True))
    y = both(x)
    np.testing.assert_array_equal(y[..., :4], both.forward_layer(x))
    np.testing.assert_array_equal(y[..., 4:], both.backward_layer(x)[:, ::-1])


def test_where_outputs_go_is_for_kernels_alone() -> None:
    layer = layers.RNN(layers.StackedRNNCells([layers.LSTMCell(4)]), return_sequences=True)
    x, place = np.zeros((2, 5, 3), "float32"), np.empty((2, 5, 4), "float32")
    with pytest.raises(ValueError, match="out is for a layer whose cell runs in a kernel"):
        layer(x, output=SequenceOutput(False, place))
