"""Keras 2's calls of models: methods of every model, fetched from compat/ when they are asked for."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.compat.calls import Keras2Calls
from recurra.layers import Dense, Input
from recurra.models import Model, Sequential
from tests.support.fit_cases import data, line

CALLS = [name for name in vars(Keras2Calls) if not name.startswith("_")]


def test_calls_of_early_keras_2() -> None:
    x, y = data(8)
    model = line()
    model.compile("sgd", "mse")

    def endless() -> Iterator[Any]:
        while True:
            yield x, y

    assert len(model.fit_generator(endless(), steps_per_epoch=2, epochs=3, verbose=0).epoch) == 3
    assert model.evaluate_generator(endless(), steps=1) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    assert model.predict_generator(endless(), steps=2).shape == (16, 2)
    np.testing.assert_array_equal(model.predict_classes(x), model.predict_proba(x).argmax(-1))
    binary = Sequential([Input((3,)), Dense(1, activation="sigmoid")])
    np.testing.assert_array_equal(binary.predict_classes(x), (binary.predict(x) > 0.5).astype(int))


def test_how_batches_are_read(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    reading = {"workers": 4, "use_multiprocessing": True, "max_queue_size": 20}
    assert len(model.fit_generator(iter(batches), steps_per_epoch=2, verbose=0, **reading).epoch) == 1
    loss = model.evaluate(batches, verbose=0, **reading)
    assert loss == model.evaluate_generator(batches, **reading) == pytest.approx(np.mean((model.predict(x) - y) ** 2))
    np.testing.assert_array_equal(model.predict(x, **reading), model.predict_generator([x], **reading))
    for name in ("fit_generator", "evaluate_generator", "predict_generator"):
        with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'wrokers'"):
            getattr(model, name)(batches, wrokers=2)


@pytest.mark.parametrize("name", CALLS)
def test_they_are_methods_like_any_other(name: str) -> None:
    model = line()
    method, own = getattr(model, name), getattr(Keras2Calls, name)
    assert hasattr(model, name) and name in dir(model) and name in dir(Model)
    assert method.__self__ is model and method.__func__ is own is getattr(Model, name)
    assert inspect.signature(getattr(Sequential, name)) == inspect.signature(own)
    assert inspect.getdoc(method) == inspect.getdoc(own)


def test_a_class_may_define_its_own() -> None:
    class Rounded(Sequential):
        def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
            return np.round(super().predict_proba(x, batch_size, verbose), 1)

    x, _ = data(5)
    model = Rounded([Input((3,)), Dense(2)])
    np.testing.assert_array_equal(model.predict_proba(x), np.round(model.predict(x, verbose=0), 1))
    model.predict_classes = lambda x: "mine"  # type: ignore[method-assign]
    assert model.predict_classes(x) == "mine"


def test_names_that_no_model_has() -> None:
    model = line()
    assert not hasattr(model, "fit_generators")
    with pytest.raises(AttributeError, match="has no attribute 'fit_generators'"):
        model.fit_generators  # noqa: B018
    unused = Dense(1)
    with pytest.raises(AttributeError, match="must have been called exactly once"):
        unused.output  # noqa: B018


def test_models_do_not_import_them() -> None:
    code = """
import sys
import recurra
model = recurra.Sequential([recurra.Input((2,)), recurra.layers.Dense(1)])
before = "recurra.compat.calls" in sys.modules
print(before, hasattr(model, "fit_generator"), "recurra.compat.calls" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "True"]


def test_cardinality() -> None:
    numbers = recurra.data.Dataset.range(7)
    assert recurra.data.experimental.cardinality(numbers) == numbers.cardinality() == 7


def test_compiled_loss_and_metrics_in_an_own_train_step() -> None:
    """As programs for Keras 2 write it; the same numbers as without a step of one's own."""

    class Own(recurra.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = recurra.layers.GRU(3, kernel_regularizer="l2")
            self.out = recurra.layers.Dense(1, activation="sigmoid")

        def call(self, inputs):
            return self.out(self.rnn(inputs))

    class Keras2(Own):
        def train_step(self, data):
            x, y = data
            with recurra.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(grads, self.trainable_variables, strict=True))
            self.compiled_metrics.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(12, 4, 2)).astype("float32"), rng.integers(0, 2, (12, 1))
    found = []
    for kind in (Own, Keras2):
        recurra.utils.set_random_seed(4)
        model = kind()
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        found.append(model.fit(x, y, batch_size=5, epochs=3, verbose=0).history)
    assert list(found[0]) == list(found[1]) == ["loss", "accuracy"]
    for key in found[0]:
        np.testing.assert_allclose(found[1][key], found[0][key], rtol=1e-5)
    assert [metric.name for metric in model.compiled_metrics.metrics] == ["accuracy"]
