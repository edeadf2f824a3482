"""A replayed step gives the bits of the ordinary one, and is taken only where the model is what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, activations
from recurra.callbacks import Callback, LambdaCallback
from recurra.layers import GRU, LSTM, Dense, Dropout, Input
from recurra.models import Model
from recurra.training.replay import layers
from tests.support.bidirectional_cases import BIDIRECTIONAL
from tests.support.replay_cases import CASES, FEATURES, OPTIMIZERS, ROWS, STEPS, Case, functional, made, numbers, series

ALL = CASES | BIDIRECTIONAL


def state_of(model: Any) -> list[np.ndarray]:
    """All weights and all state of the optimizer."""
    return [*model.get_weights(), *model.optimizer.state_dict()["variables"]]


def same(found: Any, expected: Any) -> None:
    """The same bits, and losses that are not all the same."""
    assert found[0].history == expected[0].history
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


def run(model: Any, case: Case, **options: Any) -> tuple[Any, list[np.ndarray]]:
    x, y = series(case)
    history = model.fit(x, y, **{"batch_size": 5, "epochs": 3, "verbose": 0, **case.fit, **options})
    return history, state_of(model)


@pytest.mark.filterwarnings("ignore:.*the learning rate")
@pytest.mark.parametrize("name", ALL)
def test_same_bits(name: str, replayed: list[int]) -> None:
    case = ALL[name]
    expected = run(made(case, True), case)
    assert not replayed
    same(run(made(case, False), case), expected)
    assert bool(replayed) == case.replays
    assert len(set(expected[0].history["loss"])) == 3


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("words", [False, True], ids=["dense", "sparse"])
def test_same_bits_with_every_optimizer(name: str, words: bool, replayed: list[int]) -> None:
    first = CASES["dropped_words" if words else "stacked"]
    case = Case(first.layers, first.y, words, first.loss, OPTIMIZERS[name])
    expected = run(made(case, True), case)
    same(run(made(case, False), case), expected)
    assert replayed


@pytest.mark.parametrize(
    "name", ["lstm", "masked_words", "dropout", "bidirectional_words", "bidirectional_tags", "time_distributed"]
)
def test_same_bits_in_functional_models(name: str, replayed: list[int]) -> None:
    case = ALL[name]
    expected = run(functional(case, True), case)
    same(run(functional(case, False), case), expected)
    assert replayed


def test_each_shape_is_recorded_at_its_first_batch(replayed: list[int]) -> None:
    case = CASES["lstm"]
    run(made(case, False), case, shuffle=False)
    assert ROWS == 22 and replayed == [5, 5, 5] + [5, 5, 5, 5, 2] * 2


def test_batches_of_changing_length(replayed: list[int]) -> None:
    draw = np.random.default_rng(1)
    batches = [
        (draw.standard_normal((3, steps, FEATURES)), draw.standard_normal((3, 1))) for steps in (4, 6, 4, 1, 6, 4, 1)
    ]

    def trained(eagerly: bool) -> Any:
        model = made(Case(lambda: [Input((None, FEATURES)), GRU(4), Dense(1)]), eagerly)
        history = model.fit(batches, epochs=2, shuffle=False, verbose=0)
        return history, state_of(model)

    expected = trained(True)
    same(trained(False), expected)
    assert len(replayed) == 4 + 7


def test_a_missing_last_axis(replayed: list[int]) -> None:
    draw = np.random.default_rng(2)
    x, y = draw.standard_normal((ROWS, STEPS)), draw.standard_normal(ROWS)

    def trained(case: Case, inputs: Any, eagerly: bool) -> Any:
        model = made(case, eagerly)
        return model.fit(inputs, y, batch_size=5, epochs=2, verbose=0), state_of(model)

    missing = Case(lambda: [Input((STEPS, 1)), LSTM(3), Dense(1)])
    same(trained(missing, x, False), trained(missing, x, True))
    assert len(replayed) == 8


class Changing(Callback):
    """Calls `change(model)` after batch 6 of the run."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change, self.seen = change, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen == 6:
            self.change(self.model)


def _new_activation(model: Any) -> None:
    model.layers[2].activation = activations.sigmoid


def _new_weights(model: Any) -> None:
    model.set_weights([value * 0.5 for value in model.get_weights()])


def _new_array(model: Any) -> None:
    model.layers[0].cell.kernel.value = model.layers[0].cell.kernel.value * np.float32(0.5)


CHANGES: dict[str, Any] = {
    "activation": _new_activation,
    "weights": _new_weights,
    "array": _new_array,
    "rate": lambda model: setattr(model.optimizer, "learning_rate", 0.3),
    "dropout": lambda model: setattr(model.layers[1], "rate", 0.7),
    "recurrent dropout": lambda model: setattr(model.layers[0].cell, "dropout", 0.5),
    "clipnorm": lambda model: setattr(model.optimizer, "clipnorm", 0.001),
    "decay": lambda model: setattr(model.optimizer, "weight_decay", 0.1),
    "penalty": lambda model: setattr(model.layers[2], "activity_regularizer", lambda x: 0.1 * (x * x).sum()),
    "call": lambda model: setattr(
        model.layers[2], "call", lambda x: type(model.layers[2]).call(model.layers[2], x) * 2.0
    ),
    "reduction": lambda model: setattr(model._compiled_state.loss.losses[0], "reduction", "sum"),
    "constraint": lambda model: setattr(model.layers[3].kernel, "constraint", lambda w: w * 0.9),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_callback_changes_is_seen(name: str, replayed: list[int]) -> None:
    case = Case(lambda: [numbers(), LSTM(4), Dropout(0.2), Dense(3, "relu"), Dense(1)])
    expected = run(made(case, True), case, callbacks=[Changing(CHANGES[name])])
    same(run(made(case, False), case, callbacks=[Changing(CHANGES[name])]), expected)
    unchanged = run(made(case, True), case)
    assert unchanged[0].history != expected[0].history
    assert replayed


@pytest.mark.filterwarnings("ignore:variable")
def test_a_layer_frozen_by_a_callback(replayed: list[int]) -> None:
    case = CASES["stacked"]
    freeze = LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(models[-1].layers[0], "trainable", epoch != 1))
    models: list[Any] = [made(case, True)]
    expected = run(models[0], case, callbacks=[freeze])
    models.append(made(case, False))
    same(run(models[1], case, callbacks=[freeze]), expected)
    assert replayed


@pytest.mark.filterwarnings("ignore:variable")
def test_a_layer_frozen_while_its_step_is_recorded(replayed: list[int]) -> None:
    case = CASES["stacked"]

    def trained(eagerly: bool) -> Any:
        model = made(case, eagerly)
        thaw = LambdaCallback(
            on_train_begin=lambda logs: setattr(model.layers[2], "trainable", False),
            on_epoch_end=lambda epoch, logs: setattr(model.layers[2], "trainable", True),
        )
        return run(model, case, callbacks=[thaw])

    same(trained(False), trained(True))
    assert replayed


def test_frozen_weights_get_no_gradients(replayed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[tuple[bool, ...]] = set()
    backward = layers.core.recurrent_backward

    def spied(cache: Any, dy: Any, dstates: Any, need_dx: bool, need_dweights: Any) -> Any:
        asked.add((need_dx, *need_dweights))
        return backward(cache, dy, dstates, need_dx, need_dweights)

    monkeypatch.setattr(layers.core, "recurrent_backward", spied)
    case = Case(lambda: [numbers(), Dense(4), LSTM(6, return_sequences=True), GRU(5), Dense(1)])

    def trained(eagerly: bool) -> Any:
        asked.clear()
        model = made(case, eagerly)
        model.layers[1].trainable = False
        model.layers[2].cell.recurrent_kernel.trainable = False
        result = run(model, case)
        assert asked == {(True, False, False, False), (True, True, False, True)}
        return result

    expected = trained(True)
    assert not replayed
    same(trained(False), expected)
    assert replayed


def test_a_penalty_given_to_a_layer_under_a_tape(replayed: list[int]) -> None:
    case = CASES["normalized"]
    for number in (0, 3, 5):  # before, between and behind the recorded layers

        def penalize(model: Any, number: int = number) -> None:
            model.layers[number].activity_regularizer = lambda x: 0.1 * (x * x).sum()

        expected = run(made(case, True), case, callbacks=[Changing(penalize)])
        same(run(made(case, False), case, callbacks=[Changing(penalize)]), expected)
    assert replayed


def test_logs_of_each_batch(replayed: list[int]) -> None:
    case = Case(CASES["lstm"].layers, compile={"metrics": ["mae"]})

    def logs(eagerly: bool) -> list[dict[str, float]]:
        found: list[dict[str, float]] = []
        told = LambdaCallback(on_train_batch_end=lambda batch, logs: found.append(dict(logs)))
        run(made(case, eagerly), case, callbacks=[told])
        return found

    assert logs(True) == logs(False)
    assert replayed


@pytest.mark.filterwarnings("ignore:the loss is")
def test_a_bad_loss_changes_no_weight(replayed: list[int]) -> None:
    case = CASES["lstm"]
    x, y = series(case)

    def spoil(model: Any) -> None:
        kernel = model.layers[-1].kernel
        kernel.value[0] = np.inf
        kept.append(state_of(model))

    kept: list[Any] = []
    model = made(case, False)
    history = model.fit(x, y, batch_size=5, epochs=3, verbose=0, callbacks=[Changing(spoil)])
    assert replayed and history.history["loss"][-1] == np.inf
    for one, other in zip(state_of(model), kept[0], strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_are_checked_in_each_batch(replayed: list[int]) -> None:
    draw = np.random.default_rng(0)
    model = made(Case(lambda: [numbers(), LSTM(4), Dense(3, "softmax")], loss="sparse_categorical_crossentropy"), False)
    batches = [(draw.standard_normal((2, STEPS, FEATURES)), np.array(label)) for label in ([0, 2], [1, 1], [2, 3])]
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        model.fit(batches, shuffle=False, verbose=0)
    assert len(replayed) <= 2


def test_a_train_step_of_ones_own_is_called(replayed: list[int]) -> None:
    class Counting(Model):
        steps = 0

        def train_step(self, data: Any) -> Any:
            self.steps += 1
            return super().train_step(data)

    first = Input((STEPS, FEATURES))
    model = Counting(first, Dense(1)(LSTM(3)(first)))
    model.compile("sgd", "mse")
    x, y = series(CASES["lstm"])
    model.fit(x, y, batch_size=11, epochs=3, verbose=0)
    assert model.steps == 6 and not replayed


@pytest.mark.filterwarnings("ignore:variable")
def test_python_control_flow_is_not_recorded(replayed: list[int]) -> None:
    class Alternating(Model):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.head, self.calls = LSTM(3), GRU(3), Dense(1), 0

        def call(self, inputs: Any) -> Any:
            self.calls += 1
            return self.head((self.one if self.calls % 2 else self.two)(inputs))

    model = Alternating()
    model.compile("sgd", "mse")
    x, y = series(CASES["lstm"])
    model.fit(x, y, batch_size=11, epochs=3, verbose=0)
    assert model.calls >= 6 and not replayed


def test_a_shared_weight(replayed: list[int]) -> None:
    def trained(eagerly: bool) -> Any:
        model = made(Case(lambda: [numbers(), LSTM(4), Dense(4, "relu"), Dense(4), Dense(1)]), eagerly)
        model.layers[2].kernel = model.layers[1].kernel
        del model.layers[2]._own_trainable[0]
        x, y = series(CASES["lstm"])
        return model.fit(x, y, batch_size=5, epochs=2, verbose=0), state_of(model)

    same(trained(False), trained(True))
    assert len(replayed) == 8


def test_a_fit_within_a_tape_takes_the_ordinary_step(replayed: list[int]) -> None:
    case = CASES["lstm"]
    with GradientTape():
        run(made(case, False), case)
    assert not replayed


def test_a_loss_that_reads_weights(replayed: list[int]) -> None:
    def trained(eagerly: bool) -> Any:
        def loss(y_true: Any, y_pred: Any) -> Any:
            kernel = model.layers[0].cell.kernel
            return (y_pred[:, 0] - np.asarray(y_true, "float32")) ** 2 + 0.01 * (kernel * kernel).sum()

        model = made(Case(CASES["lstm"].layers, loss=loss), eagerly)
        x, y = series(CASES["lstm"])
        return model.fit(x, y, batch_size=5, epochs=2, verbose=0), state_of(model)

    same(trained(False), trained(True))
    assert replayed
