"""Recordings are kept from call to call while the model is what it was, and only then."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import activations, layers, losses, optimizers, regularizers
from recurra.models import Model, Sequential
from recurra.utils import set_random_seed
from tests.support.replay_cases import CASES, FEATURES, STEPS, made, series

CALLS = 8


def batches(case: Any) -> list[tuple[Any, Any]]:
    x, y = series(case)
    return [(x[i : i + 5], y[i : i + 5]) for i in range(CALLS)]


def trained(name: str, eagerly: bool, change: Callable[[Any], Any] | None = None) -> tuple[list[Any], list[np.ndarray]]:
    """The logs of `CALLS` calls of ``train_on_batch``, with `change(model)` before the fifth, and the weights."""
    case = CASES[name]
    model = made(case, eagerly)
    logs = []
    for number, (x, y) in enumerate(batches(case)):
        if number == 4 and change is not None:
            change(model)
        logs.append(model.train_on_batch(x, y, return_dict=True))
    return logs, [*model.get_weights(), *model.optimizer.state_dict()["variables"]]


def same(found: Any, expected: Any) -> None:
    assert found[0] == expected[0]
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "name", ["lstm", "stacked", "masked_words", "dropout", "bidirectional_words", "regularized", "validated"]
)
def test_train_on_batch_has_the_bits_of_the_ordinary_step(name: str, replayed: list[int]) -> None:
    expected = trained(name, True)
    assert not replayed
    same(trained(name, False), expected)
    assert replayed == [5] * (CALLS - 1)
    assert len({log["loss"] for log in expected[0]}) == CALLS


def _recompile(model: Any) -> None:
    model.compile(optimizers.SGD(0.1), "mae", run_eagerly=model.run_eagerly)


def _penalty(model: Any) -> None:
    model.layers[0].cell.kernel.regularizer = regularizers.L2(0.1)


def _freeze(model: Any) -> None:
    model.layers[0].trainable = False


def _sigmoid(model: Any) -> None:
    model.layers[-1].activation = activations.sigmoid


def _backwards(model: Any) -> None:
    model.layers[0].go_backwards = True


def _added_loss(model: Any) -> None:
    kernel = model.layers[-1].kernel
    model.add_loss(lambda: (kernel * kernel).sum())


def _call(model: Any) -> None:
    call = model.layers[-1].call
    model.layers[-1].call = lambda inputs: call(inputs) * 2.0


def _another_layer(model: Any) -> None:
    model.pop()
    set_random_seed(4)
    model.add(layers.Dense(1, name="another"))
    model.compile("adam", "mse", run_eagerly=model.run_eagerly)


def _fit(model: Any) -> None:
    x, y = series(CASES["lstm"])
    model.fit(x, y, batch_size=5, epochs=2, verbose=0)


CHANGES = {
    "compile": _recompile,
    "penalty": _penalty,
    "freeze": _freeze,
    "activation": _sigmoid,
    "backwards": _backwards,
    "added_loss": _added_loss,
    "call": _call,
    "another_layer": _another_layer,
    "fit": _fit,
    "rate": lambda model: model.optimizer.learning_rate.assign(0.3),
    "weights": lambda model: model.set_weights([w * 0.5 for w in model.get_weights()]),
    "eagerly": lambda model: setattr(model, "run_eagerly", True),
    "seed": lambda model: set_random_seed(9),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_two_calls_is_seen(change: str, replayed: list[int]) -> None:
    expected = trained("lstm", True, CHANGES[change])
    assert not replayed
    same(trained("lstm", False, CHANGES[change]), expected)
    assert len(replayed) >= 3


def test_weights_frozen_and_trained_again(replayed: list[int]) -> None:
    def run(eagerly: bool) -> list[np.ndarray]:
        model = made(CASES["lstm"], eagerly)
        for number, (x, y) in enumerate(batches(CASES["lstm"])):
            model.layers[0].trainable = number % 4 < 2
            model.train_on_batch(x, y)
        return model.get_weights()

    for one, other in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(replayed) == CALLS // 2


def test_a_train_step_that_calls_the_models_own(replayed: list[int]) -> None:
    class Counting(Sequential):
        steps = 0

        def train_step(self, data: Any) -> Any:
            self.steps += 1
            return super().train_step(data)

    def run(eagerly: bool) -> tuple[Any, Any]:
        set_random_seed(3)
        model = Counting([layers.Input((STEPS, FEATURES)), layers.LSTM(4), layers.Dense(1)])
        model.compile("adam", losses.Huber(), run_eagerly=eagerly)
        x, y = series(CASES["mae_column"])
        history = model.fit(x, y, batch_size=5, epochs=2, verbose=0).history
        assert model.steps == 10
        return history, model.get_weights()

    found, expected = run(False), run(True)
    same(found, expected)
    assert not replayed  # subclasses take the ordinary step


def test_each_fit_replays_what_the_one_before_recorded(replayed: list[int]) -> None:
    model = made(CASES["lstm"], False)
    x, y = series(CASES["lstm"])
    model.train_on_batch(x[:5], y[:5])
    assert not replayed
    model.train_on_batch(x[:5], y[:5])
    model.train_on_batch(x[:5], y[:5])
    assert replayed == [5, 5]


def test_a_loop_over_fit_records_once(replayed: list[int]) -> None:
    def run(eagerly: bool) -> tuple[Any, Any]:
        model = made(CASES["words"], eagerly)
        x, y = series(CASES["words"])
        logs = [model.fit(x, y, batch_size=11, epochs=1, verbose=0).history for _ in range(4)]
        return logs, model.get_weights()

    expected = run(True)
    same(run(False), expected)
    assert replayed == [11] * 7


def test_copies_have_recordings_of_their_own(replayed: list[int]) -> None:
    first = made(CASES["lstm"], False)
    pairs = batches(CASES["lstm"])
    for x, y in pairs[:3]:
        first.train_on_batch(x, y)
    others = [copy.deepcopy(first), pickle.loads(pickle.dumps(first))]
    expected = [first.train_on_batch(x, y) for x, y in pairs[3:]]
    for other in others:
        before = len(replayed)
        assert [other.train_on_batch(x, y) for x, y in pairs[3:]] == expected
        assert len(replayed) - before == len(expected) - 1


def test_each_thread_has_steps_of_its_own(replayed: list[int]) -> None:
    model = made(CASES["lstm"], False)
    x, y = series(CASES["lstm"])
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(100):
                model.train_on_batch(x[:5], y[:5])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert np.isfinite(model.get_weights()[0]).all()


def test_models_that_share_layers(replayed: list[int]) -> None:
    """Two models on one LSTM, trained in turns, one of them with that layer frozen."""

    def run(eagerly: bool) -> list[np.ndarray]:
        set_random_seed(3)
        x = layers.Input((STEPS, FEATURES))
        shared = layers.LSTM(4)
        h = shared(x)
        one, other = Model(x, layers.Dense(1)(h)), Model(x, layers.Dense(1)(h))
        for model in (one, other):
            model.compile("adam", "mse", run_eagerly=eagerly)
        for inputs, y in batches(CASES["lstm"]):
            shared.trainable = True
            one.train_on_batch(inputs, y)
            shared.trainable = False
            other.train_on_batch(inputs, y)
        return [*one.get_weights(), *other.get_weights()]

    expected = run(True)
    assert not replayed
    for a, b in zip(run(False), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(replayed) == 2 * (CALLS - 1)
