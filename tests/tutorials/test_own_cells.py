"""Cells and learning rules of one's own, written with recurra.ops."""

from __future__ import annotations

import numpy as np
import pytest

import recurra
from recurra import layers, ops
from recurra.layers import RNN, Dense, Embedding
from recurra.models import Sequential, load_model


class SimplifiedGRUCell(layers.Layer):
    """A GRU with the update gate alone: u = s(x W_u + c U_u + b_u), C~ = tanh(x W + c U + b), c' = u C~ + (1 - u) c."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        D, H = input_shape[-1], self.units
        self.W = self.add_weight(shape=(D, 2 * H), initializer="glorot_uniform", name="W")
        self.U = self.add_weight(shape=(H, 2 * H), initializer="orthogonal", name="U")
        self.b = self.add_weight(shape=(2 * H,), initializer="zeros", name="b")

    def call(self, inputs, states):
        (c,) = states
        gates, recurrent = ops.matmul(inputs, self.W) + self.b, ops.matmul(c, self.U)
        u = ops.sigmoid(gates[:, : self.units] + recurrent[:, : self.units])
        candidate = ops.tanh(gates[:, self.units :] + recurrent[:, self.units :])
        c = u * candidate + (1 - u) * c
        return c, [c]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def remember_the_first(n, rng):
    x = rng.integers(1, 6, (n, 8))
    return x, (x[:, 0] > 3).astype("float32")


def test_the_simplified_gru(tmp_path, rng):
    recurra.utils.set_random_seed(41)
    x, y = remember_the_first(200, rng)
    model = Sequential([Embedding(6, 4), RNN(SimplifiedGRUCell(12)), Dense(1, activation="sigmoid")])
    model.compile(recurra.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=20, epochs=12, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    assert model.layers[1].count_params() == (4 + 12 + 1) * 24

    model.save(tmp_path / "own.keras")
    same = load_model(tmp_path / "own.keras", custom_objects={"SimplifiedGRUCell": SimplifiedGRUCell})
    np.testing.assert_array_equal(same.predict(x, verbose=0), model.predict(x, verbose=0))


def test_its_equations(rng):
    cell = SimplifiedGRUCell(3)
    layer = RNN(cell, return_sequences=True, return_state=True)
    x = rng.normal(size=(2, 5, 4)).astype("float32")
    c = rng.normal(size=(2, 3)).astype("float32")
    outputs, last = layer(x, initial_state=c)
    W, U, b = cell.get_weights()
    for t in range(5):
        a, r = x[:, t] @ W + b, c @ U
        u = 1 / (1 + np.exp(-(a + r)[:, :3]))
        c = u * np.tanh((a + r)[:, 3:]) + (1 - u) * c
        np.testing.assert_allclose(outputs[:, t], c, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(last, outputs[:, -1])


def test_stacked_with_a_cell_of_recurra(rng):
    recurra.utils.set_random_seed(42)
    x, y = remember_the_first(100, rng)
    stack = RNN([SimplifiedGRUCell(6), layers.LSTMCell(5)])
    model = Sequential([Embedding(6, 4, mask_zero=True), stack, Dense(1)])
    model.compile("adam", recurra.losses.BinaryCrossentropy(from_logits=True))
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=3, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before


class Perceptron:
    """Rosenblatt's rule on one layer's weights: no gradient, only the samples that are wrong."""

    def __init__(self, features):
        self.layer = Dense(1, kernel_initializer="zeros")
        self.layer.build((None, features))

    def predict(self, x):
        return (np.asarray(self.layer(x))[:, 0] > 0).astype(int)

    def fit(self, x, y, epochs):
        errors = []
        for _ in range(epochs):
            wrong = 0
            for row, label in zip(x, y, strict=True):
                update = label - self.predict(row[None])[0]
                self.layer.kernel.assign_add(update * row[:, None])
                self.layer.bias.assign_add([update])
                wrong += int(update != 0)
            errors.append(wrong)
        return errors


@pytest.mark.parametrize(("name", "learns"), [("and", True), ("or", True), ("xor", False)])
def test_perceptron(name, learns):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = {"and": x.all(1), "or": x.any(1), "xor": x.sum(1) == 1}[name].astype(int)
    perceptron = Perceptron(2)
    errors = perceptron.fit(x, y, 12)
    assert (errors[-1] == 0) == learns
    assert np.array_equal(perceptron.predict(x), y) == learns


def test_a_network_learns_xor():
    recurra.utils.set_random_seed(5)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")
    model = Sequential()
    model.add(Dense(8, input_dim=2, activation="tanh"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="mean_squared_error", optimizer=recurra.optimizers.SGD(learning_rate=1.0, momentum=0.9))
    model.fit(x, y, epochs=150, batch_size=4, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0) > 0.5, y > 0.5)


class RosenblattModel(recurra.Model):
    """The same rule inside fit: a train_step of one's own."""

    def __init__(self):
        super().__init__()
        self.dense = Dense(1, kernel_initializer="zeros")

    def call(self, x):
        return ops.cast(self.dense(x) > 0, "float32")

    def train_step(self, data):
        x, y = data
        error = y - self(x, training=True)
        self.dense.kernel.assign_add(np.asarray(x).T @ np.asarray(error))
        self.dense.bias.assign_add(np.sum(error, axis=0))
        return {"wrong": np.sum(np.abs(error))}


def test_train_step_of_ones_own():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [0], [0], [1]], "float32")
    model = RosenblattModel()
    model.compile()
    history = model.fit(x, y, batch_size=1, epochs=12, shuffle=False, verbose=0)
    assert history.history["wrong"][-1] == 0
    np.testing.assert_array_equal(model(x), y)
