"""One step: what a Model or a Layer may override, and a softmax and its loss computed as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, ops
from recurra.layers import LSTM, Dense, Embedding, Input
from recurra.losses import Loss, SparseCategoricalCrossentropy
from recurra.metrics import Mean
from recurra.models import Model, Sequential
from recurra.optimizers import SGD, Adam
from recurra.utils import set_random_seed, to_categorical
from tests.support.fit_cases import data, line, words


class OneDense(Model):
    def __init__(self, units: int = 2, **options: Any) -> None:
        super().__init__()
        self.dense = Dense(units, **options)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_a_train_step_of_ones_own() -> None:
    class Perceptron(OneDense):
        """Changes its weights where it is wrong, by the input: no gradients, no loss."""

        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            wrong = (np.asarray(self(x))[:, 0] > 0) != (y > 0)
            step = np.where(y > 0, 1.0, -1.0) * wrong
            self.dense.kernel.assign(self.dense.kernel.value + x.T @ step[:, None])
            self.dense.bias.assign(self.dense.bias.value + step.sum())
            return {"wrong": float(wrong.mean())}

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = (x @ [1.0, -2.0, 0.5] + 0.3 > 0).astype(float)
    model = Perceptron(1, kernel_initializer="zeros")
    model.compile()
    history = model.fit(x, y, epochs=30, batch_size=1, verbose=0)
    assert list(history.history) == ["wrong"]
    assert ((model.predict(x, verbose=0)[:, 0] > 0) == (y > 0)).mean() > 0.97


def test_a_train_step_as_keras_3_shows_it() -> None:
    class Own(OneDense):
        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            with GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    x, y = data()
    found = []
    for kind in (Own, None):
        set_random_seed(5)
        model = Own() if kind else Sequential([Dense(2)])
        model.compile("adam", "mse", metrics=["mae"])
        found.append(model.fit(x, y, epochs=3, batch_size=5, verbose=0).history)
    assert list(found[0]) == ["loss", "mae"]
    for key in found[0]:
        np.testing.assert_allclose(found[0][key], found[1][key], rtol=1e-6)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_loop_of_ones_own_before_any_fit(outputs: int) -> None:
    """compute_loss, compute_metrics and the steps of a compiled model, called before fit has been."""
    x, y = data()
    found = []
    for way in ("compute_loss", "train_step", "train_on_batch"):
        set_random_seed(5)
        i = Input((3,))
        model = Model(i, Dense(2)(i) if outputs == 1 else [Dense(2)(i), Dense(2, activation="tanh")(i)])
        model.compile("adam", "mse", metrics=["mae"])
        labels = y if outputs == 1 else [y, y[:, ::-1]]
        if way == "compute_loss":
            with GradientTape() as tape:
                y_pred = model(x, training=True)
                loss = model.compute_loss(y=labels, y_pred=y_pred)
            weights = model.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            measured = model.compute_metrics(x, labels, y_pred)
        elif way == "train_step":
            measured = model.train_step((x, labels))
        else:
            measured = model.train_on_batch(x, labels, return_dict=True)
        found.append((model.get_weights(), [value for key, value in measured.items() if "mae" in key]))
    assert len(found[0][1]) == outputs
    for weights_found, metrics_found in found[1:]:
        assert metrics_found == pytest.approx(found[0][1], rel=1e-6)
        for one, other in zip(weights_found, found[0][0], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    fresh = Sequential([Dense(2)])
    fresh.compile("adam", "mse")
    assert fresh.test_step((x, y))["loss"] > 0


def test_compute_loss_and_metrics_of_ones_own() -> None:
    class Own(OneDense):
        def __init__(self) -> None:
            super().__init__()
            self.tracker = Mean("size")

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool = True) -> Any:
            self.tracker.update_state(np.abs(x).mean())
            return ops.mean(ops.square(y_pred - y)) * 3.0

    x, y = data()
    model = Own()
    model.compile("sgd")
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert list(history) == ["loss", "size"]
    assert history["size"][0] == pytest.approx(np.abs(x).mean(), rel=1e-5)
    assert history["loss"][1] < history["loss"][0]


def test_add_loss_and_a_loss_function_of_ones_own() -> None:
    class Shy(Dense):
        def call(self, inputs: Any) -> Any:
            y = super().call(inputs)
            self.add_loss(ops.mean(ops.square(y)) * 0.5)
            return y

    def absolute(y_true: Any, y_pred: Any) -> Any:
        return ops.abs(y_true - y_pred)

    x, y = data()
    model = Sequential([Input((3,)), Shy(2)])
    model.compile("sgd", absolute)
    p = model.predict(x)
    loss = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(np.abs(p - y).mean() + 0.5 * (p**2).mean(), rel=1e-5)
    history = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_a_loss_that_loses_the_gradient_is_an_error() -> None:
    x, y = data()
    model = line()
    model.compile("sgd", lambda y_true, y_pred: np.mean((np.asarray(y_pred) - y_true) ** 2))
    with pytest.raises(ValueError, match=r"written? with recurra\.ops|recurra\.ops"):
        model.fit(x, y, verbose=0)


def test_subclassed_models_and_losses_by_class() -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__(name="two")
            self.a, self.b = LSTM(4), Dense(2)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.b(self.a(inputs))

    class Cubed(Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.mean(ops.power(ops.abs(y_pred - y_true), 3.0), axis=-1)

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(9, 5, 3)).astype("float32"), rng.normal(size=(9, 2)).astype("float32")
    model = Two()
    model.compile(Adam(0.05), Cubed(), metrics=["mae"])
    history = model.fit(x, y, epochs=8, batch_size=4, verbose=0, validation_split=0.3).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.count_params() == sum(w.size for w in model.get_weights()) > 100


def test_steps_of_ones_own_may_call_those_of_the_model() -> None:
    class Counted(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(2, kernel_initializer="ones")
            self.calls: list[str] = []

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def train_step(self, data: Any) -> dict[str, Any]:
            self.calls.append("train")
            return super().train_step(data)

        def test_step(self, data: Any) -> dict[str, Any]:
            self.calls.append("test")
            return super().test_step(data)

        def predict_step(self, data: Any) -> Any:
            self.calls.append("predict")
            return np.asarray(super().predict_step(data)) * 2

    x, y = data(6)
    plain = Sequential([Input((3,)), Dense(2, kernel_initializer="ones")])
    model = Counted()
    for one in (model, plain):
        one.compile(SGD(0.1), "mse", metrics=["mae"])
    weight = np.linspace(0, 2, 6)
    settings: dict[str, Any] = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0, "sample_weight": weight}
    one = model.fit(x, y, validation_data=(x, y), **settings).history
    two = plain.fit(x, y, validation_data=(x, y), **settings).history
    assert sorted(one) == sorted(two)
    for key in one:
        np.testing.assert_allclose(one[key], two[key], rtol=1e-6)
    np.testing.assert_allclose(model.predict(x), plain.predict(x) * 2, rtol=1e-6)
    np.testing.assert_allclose(model.predict(x, batch_size=4, verbose=0), plain.predict(x) * 2, rtol=1e-6)
    model.reset_metrics()
    plain.reset_metrics()
    np.testing.assert_allclose(model.test_on_batch(x, y), plain.test_on_batch(x, y), rtol=1e-6)
    np.testing.assert_allclose(model.train_on_batch(x, y), plain.train_on_batch(x, y), rtol=1e-6)
    assert model.calls == ["train", "train", "test", "test"] * 2 + ["predict"] + ["predict"] * 2 + ["test", "train"]


def test_compute_metrics_of_ones_own() -> None:
    class Own(OneDense):
        def __init__(self) -> None:
            super().__init__()
            self.worst = Mean("worst")

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
            self.worst.update_state(np.abs(np.asarray(y_pred) - y).max())
            return super().compute_metrics(x, y, y_pred, sample_weight)

    x, y = data(6)
    model = Own()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(x, y, epochs=1, verbose=0).history
    assert list(history) == ["loss", "mae", "worst"] and history["mae"][0] > 0
    assert model.evaluate(x, y, verbose=0, return_dict=True)["worst"] == pytest.approx(
        np.abs(model.predict(x) - y).max(), rel=1e-5
    )
    plain = line()
    plain.compile("sgd", "mse", metrics=["mae"])
    plain.evaluate(x, y, verbose=0)
    again = plain.compute_metrics(x, y, np.asarray(plain(x)))
    assert again["mae"] == pytest.approx(np.abs(plain.predict(x) - y).mean(), rel=1e-5)


class NotFused(SparseCategoricalCrossentropy):
    """The same loss as a class of one's own, which the loop takes as it is."""


@pytest.mark.parametrize("labels", ["ids", "lazy"])
@pytest.mark.parametrize("masked", [False, True])
def test_softmax_and_loss_fused_equal_the_two_apart(labels: str, masked: bool) -> None:
    x = words()
    y: Any = words(seed=9)
    results = []
    for fused in (True, False):
        set_random_seed(2)
        model = Sequential(
            [
                Embedding(12, 5, mask_zero=masked, dtype="float64"),
                LSTM(4, return_sequences=True, dtype="float64"),
                Dense(12, activation="softmax", dtype="float64"),
            ]
        )
        target = to_categorical(y, 12) if fused and labels == "lazy" else y
        name = "categorical_crossentropy" if labels == "lazy" else "sparse_categorical_crossentropy"
        model.compile("adam", name if fused else NotFused(), metrics=["accuracy", "crossentropy"])
        history = model.fit(x, target, epochs=3, batch_size=7, verbose=0, sample_weight=np.linspace(0, 2, 24))
        results.append((history.history, model.get_weights(), model.predict(x)))
    (one, one_weights, one_p), (two, two_weights, two_p) = results
    for key in one:
        np.testing.assert_allclose(one[key], two[key], rtol=1e-9)
    for a, b in zip(one_weights, two_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(one_p, two_p, rtol=1e-7)
    np.testing.assert_allclose(one_p.sum(-1), 1.0)  # predictions are probabilities, whatever training does


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_model_with_a_call_of_its_own_is_trained_on_what_that_gives(kind: str) -> None:
    """Its last layer's softmax stays: what `call` does after it needs the probabilities."""

    def call(self: Any, inputs: Any, training: Any = None) -> Any:
        return 0.5 * super(type(self), self).call(inputs) + 0.125

    base: Any = Model if kind == "functional" else Sequential
    layers = [Input((3,)), Dense(4, activation="softmax")]
    arguments = (layers[0], layers[1](layers[0])) if kind == "functional" else (layers,)
    model = type("Smoothed", (base,), {"call": call})(*arguments)
    model.compile(SGD(0.1), "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(5).standard_normal((6, 3), "float32"), np.array([0, 1, 2, 3, 0, 1])
    expected = -np.log(np.asarray(model(x))[np.arange(6), y]).mean()
    assert model.test_on_batch(x, y) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx(expected, rel=1e-5)


def test_one_of_two_softmax_outputs_is_trained_on_logits() -> None:
    x = Input((3,))
    model = Model(x, [Dense(4, activation="softmax", name=name)(x) for name in ("a", "b")])
    model.compile(SGD(0.1), ["sparse_categorical_crossentropy", "mse"])
    values, ids = np.random.default_rng(6).standard_normal((6, 3), "float32"), np.array([0, 1, 2, 3, 0, 1])
    first, second = (np.asarray(one) for one in model(values))
    expected = -np.log(first[np.arange(6), ids]).mean() + (second**2).mean()
    assert model.train_on_batch(values, [ids, np.zeros((6, 4))])[0] == pytest.approx(expected, rel=1e-5)


def test_fused_loss_clips_as_probabilities_are_clipped() -> None:
    model = Sequential([Input((2,), dtype="float64"), Dense(3, activation="softmax", dtype="float64")])
    model.set_weights([np.array([[60.0, 0.0, -60.0], [1.0, 2.0, 3.0]]), np.zeros(3)])
    model.compile(SGD(1.0), "sparse_categorical_crossentropy")
    x = np.array([[1.0, 0.0]])
    before = model.get_weights()
    assert model.train_on_batch(x, np.array([2])) == pytest.approx(-np.log(1e-7))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # a clipped probability has no gradient
    assert model.test_on_batch(x, np.array([0]), reset_metrics=True) == pytest.approx(-np.log(1 - 1e-7), rel=1e-6)
