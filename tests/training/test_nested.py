"""Calls on the model that a loop runs on, from its callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import layers, utils
from recurra.callbacks import Callback
from recurra.models import Sequential

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(20, 5, 3)).astype("float32"), RNG.normal(size=(20, 2)).astype("float32")
PLACES = ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_batch_end"]


def made(**options: Any) -> Sequential:
    utils.set_random_seed(1)
    model = Sequential([layers.Input((5, 3)), layers.LSTM(4, dropout=0.2), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"], **options)
    return model


def fitted(model: Sequential, *callbacks: Callback) -> dict[str, Any]:
    history = model.fit(X, Y, epochs=3, batch_size=6, verbose=0, validation_split=0.2, callbacks=list(callbacks))
    return history.history


def calling(place: str, call: Callable[[Any], Any]) -> Callback:
    """A callback that calls `call` with the model, but not from within that call."""

    class Calling(Callback):
        inside = False

        def run(self, *args: Any, **kwargs: Any) -> None:
            if not self.inside:
                self.inside = True
                call(self.model)
                self.inside = False

    setattr(Calling, place, Calling.run)
    return Calling()


CALLS: dict[str, Callable[[Any], Any]] = {
    "evaluate": lambda model: model.evaluate(X[:3], Y[:3], verbose=0),
    "test_on_batch": lambda model: model.test_on_batch(X[:3], Y[:3]),
    "predict": lambda model: model.predict(X[:7], verbose=0),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CALLS)
def test_a_call_in_a_callback_changes_no_number_of_the_training(name: str, place: str) -> None:
    plain = made()
    expected = fitted(plain)
    model = made()
    assert fitted(model, calling(place, CALLS[name])) == expected
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_call_itself_measures_its_own_data() -> None:
    found: list[Any] = []
    model = made()
    fitted(model, calling("on_train_batch_end", lambda m: found.append((m.evaluate(X, Y, verbose=0), m.get_weights()))))
    other = made()
    for value, weights in found:
        other.set_weights(weights)
        assert other.evaluate(X, Y, verbose=0) == value


def test_a_batch_that_is_to_count_counts() -> None:
    seen: list[float] = []
    model = made()
    fitted(model, calling("on_test_batch_end", lambda m: seen.append(m.test_on_batch(X, Y, reset_metrics=False)[0])))
    before = fitted(made())["val_loss"]
    assert model.history is not None and model.history.history["val_loss"] != before


def test_a_fit_within_a_fit() -> None:
    model = made()
    history = fitted(model, calling("on_train_batch_end", lambda m: m.fit(X[:2] + 90, Y[:2] + 90, verbose=0)))
    assert int(model.optimizer.iterations) == 3 * 3 * 2
    assert max(history["loss"]) < 1000  # the inner one's losses are above 7000


def test_averages_after_an_evaluate_are_its_own_where_no_loop_runs() -> None:
    model = made()
    loss, mae = model.evaluate(X, Y, verbose=0)
    assert [float(metric.result()) for metric in model.metrics] == pytest.approx([loss, mae])


@pytest.mark.parametrize("place", ["on_epoch_begin", "on_train_batch_end", "on_epoch_end"])
def test_compile_within_fit_is_an_error(place: str) -> None:
    """Training went on with the old optimizer and loss, or ended in an error about the outputs of y."""
    with pytest.raises(RuntimeError, match="compiled anew while fit runs"):
        fitted(made(), calling(place, lambda model: model.compile("sgd", "mae")))
