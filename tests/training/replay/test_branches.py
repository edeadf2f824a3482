"""The recorded step of a model with branches has the bits of the ordinary one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import activations
from recurra.layers import GRU, LSTM, Concatenate, Dense, Input
from recurra.models import Model, Sequential
from recurra.utils import set_random_seed
from tests.support.branch_cases import BRANCHES, STEPS, BranchCase, branching, data, labels
from tests.support.nested_cases import NESTED


def run(case: BranchCase, eagerly: bool, form: type = list, change: Any = None) -> tuple[Any, list[np.ndarray]]:
    model = branching(case, eagerly)
    x, y = data(model, form), labels(case.y)
    history = []
    for epoch in range(3):
        if change is not None and epoch == 1:
            change(model)
        history.append(model.fit(x, y, batch_size=5, verbose=0, **case.fit).history)
    return history, [*model.get_weights(), *model.optimizer.state_dict()["variables"]]


def same(found: Any, expected: Any) -> None:
    assert found[0] == expected[0]
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", BRANCHES)
def test_same_bits(name: str, replayed: list[int]) -> None:
    case = BRANCHES[name]
    expected = run(case, True)
    assert not replayed
    same(run(case, False), expected)
    assert bool(replayed) == case.replays
    assert len({epoch["loss"][0] for epoch in expected[0]}) == 3


@pytest.mark.parametrize("name", ["two_inputs", "three_inputs", "residual"])
def test_inputs_by_name(name: str, replayed: list[int]) -> None:
    case = BRANCHES[name]
    same(run(case, False, dict), run(case, True, dict))
    assert replayed


def _freeze(model: Any) -> None:
    next(layer for layer in model.layers if isinstance(layer, LSTM)).trainable = False


def _activation(model: Any) -> None:
    model.layers[-1].activation = activations.tanh


@pytest.mark.parametrize("change", [_freeze, _activation])
def test_what_changes_between_two_fits_is_seen(change: Any, replayed: list[int]) -> None:
    case = BRANCHES["two_inputs"]
    expected = run(case, True, change=change)
    assert not replayed
    same(run(case, False, change=change), expected)
    assert len(replayed) > 5


def test_a_missing_last_axis(replayed: list[int]) -> None:
    """Of one feature."""
    draw = np.random.default_rng(8)
    x = [draw.standard_normal((22, STEPS)), draw.standard_normal((22, 4))]
    y = draw.standard_normal(22)

    def trained(eagerly: bool) -> Any:
        set_random_seed(1)
        series, numbers = Input((STEPS, 1)), Input((4,))
        model = Model([series, numbers], Dense(1)(Concatenate()([GRU(3)(series), Dense(2, "relu")(numbers)])))
        model.compile("sgd", "mse", run_eagerly=eagerly)
        return [model.fit(x, y, batch_size=5, epochs=2, verbose=0).history], model.get_weights()

    same(trained(False), trained(True))
    assert len(replayed) == 8


def test_train_on_batch(replayed: list[int]) -> None:
    def trained(eagerly: bool) -> Any:
        case = BRANCHES["three_inputs"]
        model = branching(case, eagerly)
        x, y = data(model), labels(case.y)
        logs = [model.train_on_batch([a[i : i + 4] for a in x], y[i : i + 4]) for i in range(6)]
        return logs, model.get_weights()

    expected = trained(True)
    same(trained(False), expected)
    assert replayed == [4] * 5


@pytest.mark.filterwarnings("ignore:variable .* has no gradient")
@pytest.mark.parametrize("name", NESTED)
def test_same_bits_of_models_in_models(name: str, replayed: list[int]) -> None:
    case = NESTED[name]
    expected = run(case, True)
    assert not replayed
    same(run(case, False), expected)
    assert bool(replayed) == case.replays
    assert len({epoch["loss"][0] for epoch in expected[0]}) == 3


def _inner_penalty(model: Any) -> None:
    inner = next(layer for layer in model.layers if isinstance(layer, Sequential))
    inner.activity_regularizer = lambda y: 0.1 * (y * y).sum()


def _inner_activation(model: Any) -> None:
    inner = next(layer for layer in model.layers if isinstance(layer, Sequential))
    inner.layers[-1].activation = activations.tanh


@pytest.mark.parametrize("change", [_inner_penalty, _inner_activation])
def test_what_changes_in_a_model_inside_is_seen(change: Any, replayed: list[int]) -> None:
    case = NESTED["siamese"]
    expected = run(case, True, change=change)
    assert not replayed
    same(run(case, False, change=change), expected)
    assert len(replayed) >= 3 and expected[0] != run(case, True)[0]
