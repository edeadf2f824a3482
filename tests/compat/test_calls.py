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
