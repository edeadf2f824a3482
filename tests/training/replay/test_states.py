"""Recorded steps of models that hand on states, or call layers more than once, have the bits of the ordinary one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import callbacks, layers
from recurra.models import Model
from recurra.utils import set_random_seed
from tests.support.branch_cases import CLASSES, WORDS, branching, data, labels
from tests.support.state_cases import SPARSE, STATES
from tests.training.replay.test_branches import run, same


@pytest.mark.filterwarnings("ignore:.*the mask attached", "ignore:variable .* has no gradient")
@pytest.mark.parametrize("name", STATES)
def test_same_bits(name: str, replayed: list[int]) -> None:
    case = STATES[name]
    expected = run(case, True)
    assert not replayed
    same(run(case, False), expected)
    assert bool(replayed) == case.replays
    assert len({epoch["loss"][0] for epoch in expected[0]}) == 3


def _lstm(model: Any) -> Any:
    return [layer for layer in model.layers if isinstance(layer, layers.LSTM)][-1]


def _rate(model: Any) -> None:
    model.optimizer.learning_rate = 0.3


def _half(model: Any) -> None:
    model.set_weights([value * 0.5 for value in model.get_weights()])


def _freeze(model: Any) -> None:
    _lstm(model).trainable = False


def _drop(model: Any) -> None:
    _lstm(model).cell.dropout = 0.6


def _penalize(model: Any) -> None:
    _lstm(model).activity_regularizer = lambda y: 0.1 * (y[0] * y[0]).sum() if isinstance(y, tuple) else 0.1 * y.sum()


def _backwards(model: Any) -> None:
    _lstm(model).go_backwards = True


CHANGES = {"rate": _rate, "weights": _half, "freeze": _freeze, "drop": _drop, "penalty": _penalize, "way": _backwards}


@pytest.mark.filterwarnings("ignore:.*the mask attached", "ignore:variable")
@pytest.mark.parametrize("name", ["translation", "siamese", "attention", "deep"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_callback_changes_is_seen(name: str, change: str, replayed: list[int]) -> None:
    case = STATES[name]

    def trained(eagerly: bool, changing: bool = True) -> Any:
        model, seen = branching(case, eagerly), []

        def count(batch: int, logs: Any) -> None:
            seen.append(batch)
            if len(seen) == 7 and changing:
                CHANGES[change](model)

        told = callbacks.LambdaCallback(on_train_batch_end=count)
        options = {"batch_size": 5, "epochs": 4, "verbose": 0, "callbacks": [told], **case.fit}
        history = model.fit(data(model), labels(case.y), **options).history
        return [history], [*model.get_weights(), *model.optimizer.state_dict()["variables"]]

    expected = trained(True)
    assert not replayed
    same(trained(False), expected)
    assert replayed and trained(False, changing=False)[0] != expected[0]


@pytest.mark.filterwarnings("ignore:.*the mask attached")
def test_batches_of_changing_length(replayed: list[int]) -> None:
    """Encoder and decoder of different lengths, padded differently in each batch."""
    draw = np.random.default_rng(5)
    batches = []
    for read, written in ((4, 6), (3, 2), (4, 6), (3, 6), (3, 2), (1, 1), (4, 6), (1, 1)):
        words = draw.integers(1, WORDS, (3, read))
        words[1, draw.integers(1, read + 1) :] = 0
        target = draw.integers(1, WORDS, (3, written))
        batches.append(([words, target], draw.integers(0, CLASSES, (3, written))))

    def trained(eagerly: bool) -> Any:
        set_random_seed(2)
        first, second = layers.Input((None,)), layers.Input((None,))
        table = layers.Embedding(WORDS, 4, mask_zero=True)
        _, *states = layers.LSTM(5, return_state=True)(table(first))
        y = layers.LSTM(5, return_sequences=True, dropout=0.2)(table(second), initial_state=states)
        model = Model([first, second], layers.Dense(CLASSES, "softmax")(y))
        model.compile("rmsprop", SPARSE, metrics=["accuracy"], run_eagerly=eagerly)
        logs = [model.train_on_batch(x, y, return_dict=True) for _ in range(2) for x, y in batches]
        return logs, [*model.get_weights(), *model.optimizer.state_dict()["variables"]]

    expected = trained(True)
    same(trained(False), expected)
    assert len(replayed) == 4 + 8


def test_numbers_of_another_dtype(replayed: list[int]) -> None:
    """What operations make of float64 inputs is converted for each layer, and gradients are converted back."""

    def trained(eagerly: bool) -> Any:
        set_random_seed(2)
        x, start = layers.Input((4, 3)), layers.Input((2,))
        wide = (layers.GRU(3, return_sequences=True)(x) * np.float64(1.5)) + x * 2.0
        wide = layers.Dropout(0.0)(wide)
        read = layers.GRU(2, return_state=True)(wide, initial_state=start * 0.5)
        y = layers.Concatenate()([*read, layers.LSTM(2)(wide), layers.Bidirectional(layers.GRU(1))(wide)])
        model = Model([x, start], layers.Dense(1)(y))
        model.compile("adam", "mse", run_eagerly=eagerly)
        draw = np.random.default_rng(1)
        inputs, numbers = [draw.standard_normal((12, 4, 3)), draw.standard_normal((12, 2))], draw.standard_normal(12)
        return [model.fit(inputs, numbers, batch_size=5, epochs=3, verbose=0).history], model.get_weights()

    same(trained(False), trained(True))
    assert replayed
