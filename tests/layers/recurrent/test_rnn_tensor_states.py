"""Cells whose states have more axes than (B, size), and cells with weights without axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, build_config, gradcheck, layers, ops
from recurra.compat.tf.shapes import TensorShape
from recurra.models import Model, Sequential, load_model
from recurra.tree import leaves

B, T, I, H = 4, 5, 3, 6


class FastWeightsCell(layers.Layer):
    """Ba and others, 2016: a matrix of fast weights beside h."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size: Any = [TensorShape([units]), TensorShape([units, units])]

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight((self.units, self.units), "orthogonal", name="recurrent")

    def call(self, inputs: Any, states: Any) -> Any:
        h, fast = states
        fast = 0.9 * fast + 0.5 * ops.expand_dims(h, 2) * ops.expand_dims(h, 1)
        slow = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent)
        h = ops.tanh(slow + ops.squeeze(ops.matmul(ops.expand_dims(ops.tanh(slow), 1), fast), 1))
        return h, [h, fast]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class StartingCell(FastWeightsCell):
    """As FastWeightsCell; where it starts says what axes a state has."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.state_size = [units, units]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        return [np.zeros((batch_size or 0, *axes), self.dtype) for axes in ((self.units,), (self.units, self.units))]


CELLS = [FastWeightsCell, StartingCell]


def sequences() -> Any:
    x = np.random.default_rng(5).normal(size=(B, T, I)).astype("float32")
    x[1, 3:] = x[2, 0] = 0.0
    return x


@pytest.mark.parametrize("kind", CELLS)
def test_training_masks_and_files(kind: Any, tmp_path: Any) -> None:
    model = Sequential(
        [layers.Input((T, I)), layers.Masking(), layers.Bidirectional(layers.RNN(kind(H))), layers.Dense(2)]
    )
    model.compile("adam", "mse")
    x = sequences()
    losses = model.fit(x, x[:, 0, :2], epochs=5, batch_size=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    same = load_model(tmp_path / "m.keras", custom_objects={kind.__name__: kind})
    np.testing.assert_array_equal(same.predict(x, verbose=0), expected)
    alone = np.concatenate([model.predict(row[None], verbose=0) for row in x])
    shorter = layers.RNN(kind(H))
    shorter(x)
    masked, cut = shorter(x, mask=np.any(x != 0, axis=-1))[1], shorter(x[1:2, :3], mask=np.ones((1, 3), bool))[0]
    tolerance = 1e-5 if build_config()["isa"] == "reference" else 0.0  # which multiplies with numpy
    np.testing.assert_allclose(alone, expected, tolerance, tolerance)
    np.testing.assert_allclose(masked, cut, tolerance, tolerance)


@pytest.mark.parametrize("kind", CELLS)
def test_shapes_of_states_in_a_functional_model(kind: Any) -> None:
    inputs = layers.Input((T, I))
    first = layers.RNN(kind(H), return_sequences=True, return_state=True)
    y, *states = first(inputs)
    assert [tuple(s.shape) for s in states] == [(None, H), (None, H, H)]
    z, *_ = layers.RNN(kind(H), return_state=True)(y, initial_state=states)
    model = Model(inputs, [z, *states])
    assert [a.shape for a in model.predict(sequences(), verbose=0)] == [(B, H), (B, H), (B, H, H)]


@pytest.mark.parametrize("kind", CELLS)
def test_states_that_are_carried(kind: Any) -> None:
    x = sequences()
    whole = layers.RNN(kind(H), return_sequences=True, return_state=True)
    expected, *final = whole(x)
    early, *states = whole(x[:, :2])
    late, *carried = whole(x[:, 2:], initial_state=states)
    np.testing.assert_array_equal(np.concatenate([early, late], axis=1), expected)
    for one, other in zip(final, carried, strict=True):
        np.testing.assert_array_equal(one, other)
    kept = Sequential([layers.Input(batch_shape=(B, None, I)), layers.RNN(kind(H), stateful=True)])
    kept.set_weights(whole.get_weights())
    kept.predict(x[:, :2], verbose=0, batch_size=B)
    np.testing.assert_array_equal(kept.predict(x[:, 2:], verbose=0, batch_size=B), expected[:, -1])
    kept.reset_states()
    np.testing.assert_array_equal(kept.predict(x, verbose=0, batch_size=B), expected[:, -1])


@pytest.mark.parametrize("kind", CELLS)
def test_gradients(kind: Any) -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 4))
    assert gradcheck(layers.RNN(kind(5, dtype="float64"), return_sequences=True, dtype="float64"), x)


@pytest.mark.parametrize("kind", CELLS)
def test_in_a_stack(kind: Any) -> None:
    layer = layers.RNN([layers.LSTMCell(7), kind(H), layers.GRUCell(2)], return_state=True)
    y, *states = layer(sequences())
    assert y.shape == (B, 2)
    assert [s.shape for s in leaves(states)] == [(B, 7), (B, 7), (B, H), (B, H, H), (B, 2)]


def test_one_state_that_is_a_shape() -> None:
    class Memory(layers.Layer):
        state_size = TensorShape([2, 3])
        output_size = TensorShape([3])

        def call(self, inputs: Any, states: Any) -> Any:
            memory = states[0] + ops.expand_dims(inputs, 1)
            return ops.sum(memory, axis=1), [memory]

    y, memory = layers.RNN(Memory(), return_state=True)(np.ones((B, T, 3), "float32"))
    np.testing.assert_array_equal(y, np.full((B, 3), 2.0 * T))
    assert memory.shape == (B, 2, 3)


class FastGRNNCell(layers.Layer):
    """Kusupati and others, 2018: two of its weights are numbers."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight((self.units, self.units), "orthogonal", name="recurrent")
        self.zeta = self.add_weight((), "ones", name="zeta")
        self.nu = self.add_weight((), "zeros", name="nu")

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        u = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent)
        z = ops.sigmoid(u)
        h = (ops.sigmoid(self.zeta) * (1 - z) + ops.sigmoid(self.nu)) * ops.tanh(u) + z * h
        return h, [h]


def test_weights_without_axes() -> None:
    rng = np.random.default_rng(2)
    assert gradcheck(layers.RNN(FastGRNNCell(4, dtype="float64"), dtype="float64"), rng.normal(size=(2, 3, 5)))
    model = Sequential([layers.Input((T, I)), layers.RNN(FastGRNNCell(H)), layers.Dense(2)])
    model.compile("adam", "mse")
    x = sequences()
    losses = model.fit(x, x[:, 0, :2], epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_gradients_of_numbers_are_arrays() -> None:
    w = Variable(np.float64(0.3))
    with GradientTape() as tape:
        s = ops.sigmoid(w)
        y = ops.sum(ops.tanh(s) * np.arange(3.0)) + s * s
    (g,) = tape.gradient(y, [w])
    assert type(g) is np.ndarray and g.shape == ()
    s0 = 1 / (1 + np.exp(-0.3))
    np.testing.assert_allclose(g, (3 * (1 - np.tanh(s0) ** 2) + 2 * s0) * s0 * (1 - s0))
