"""Ctrl-C and SIGTERM within the validation: a checkpoint is written, and the run goes on from there exactly."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import callbacks as c
from recurra.data import Dataset
from recurra.layers import LSTM, Dense, Dropout, Input
from recurra.models import Sequential
from recurra.training.interrupt import ending_signals
from recurra.utils import set_random_seed
from tests.support.interrupted_runs import BATCH, EPOCHS, RNG, X, Y, arrays, same, words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


class SignalInValidation(c.Callback):
    """Sends a signal within the `batch`-th batch of the validation of `epoch`."""

    def __init__(self, epoch: int, batch: int = 1, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.epoch, self.batch, self.number, self.now = epoch, batch, number, -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        if (self.now, batch) == (self.epoch, self.batch):
            os.kill(os.getpid(), self.number)


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def in_arrays() -> dict[str, Any]:
    return {**arrays(), "validation_batch_size": 3}


def endless() -> dict[str, Any]:
    """Epochs that end within the data, and validation data of its own random order."""
    return {
        "x": Dataset.from_tensor_slices((X, Y)).shuffle(30, seed=4).batch(3).repeat(),
        "steps_per_epoch": 5,
        "validation_data": Dataset.from_tensor_slices((X, Y)).shuffle(30, seed=5).batch(4),
        "validation_steps": 3,
    }


def generator() -> dict[str, Any]:
    def batches() -> Iterator[Any]:
        while True:
            for i in range(0, len(X), BATCH):
                yield X[i : i + BATCH], Y[i : i + BATCH]

    return {"x": batches(), "steps_per_epoch": 4, "validation_data": (X[:9], Y[:9]), "validation_batch_size": 3}


def pairs() -> dict[str, Any]:
    """Batches of a number that is not known before the first epoch has ended."""
    return {
        "x": Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: int(y) != 1).batch(3),
        "validation_data": (X, Y),
        "validation_batch_size": 5,
    }


def callbacks(folder: Any, **settings: Any) -> list[c.Callback]:
    averages = c.SwapEMAWeights(swap_on_epoch=False)
    stop = c.EarlyStopping("val_loss", patience=9, restore_best_weights=True)
    return [c.BackupAndRestore(folder, **settings), averages, stop, c.ReduceLROnPlateau("val_loss", patience=1)]


def make() -> Any:
    from recurra.optimizers import Adam

    return words(Adam(0.01, use_ema=True))


@pytest.mark.parametrize("epoch", [0, 2, EPOCHS - 1])
@pytest.mark.parametrize("reading", [in_arrays, endless, generator, pairs])
@pytest.mark.parametrize("save_freq", ["epoch", 4])
def test_goes_on_with_the_validation(tmp_path: Path, reading: Any, epoch: int, save_freq: Any) -> None:
    whole = make()
    expected = whole.fit(**reading(), epochs=EPOCHS, verbose=0, callbacks=callbacks(tmp_path / "other")[1:])

    model, folder = make(), tmp_path / "backup"
    cut = [SignalInValidation(epoch), *callbacks(folder, save_freq=save_freq)]
    interrupted = model.fit(**reading(), epochs=EPOCHS, verbose=0, callbacks=cut)
    assert interrupted.interrupted is not None and interrupted.interrupted[0] == epoch

    set_random_seed(77)
    model = make()
    set_random_seed(78)
    steps: list[int] = []
    count = c.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    resumed = [count, *callbacks(folder, save_freq=save_freq)]
    history = model.fit(**reading(), epochs=EPOCHS, verbose=0, callbacks=resumed)
    same(model, whole)
    assert history.history == expected.history and history.epoch == expected.epoch
    assert len(steps) == (EPOCHS - 1 - epoch) * (max(steps, default=0) + 1)  # not one batch was trained twice


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_states_of_stateful_layers_and_other_signals(tmp_path: Path, number: int) -> None:
    x, y = RNG.normal(size=(12, 3, 2)).astype("float32"), RNG.normal(size=(12, 1)).astype("float32")
    usual = signal.signal(number, signal.SIG_DFL)

    def stateful() -> Any:
        set_random_seed(3)
        model = Sequential([Input(batch_shape=(2, 3, 2)), LSTM(4, stateful=True), Dropout(0.3), Dense(1)])
        model.compile("rmsprop", "mse", metrics=["mae"])
        return model

    def fit(model: Any, *more: c.Callback) -> Any:
        return model.fit(
            x, y, batch_size=2, epochs=3, verbose=0, shuffle=False, validation_data=(x[:6], y[:6]), callbacks=list(more)
        )

    whole = stateful()
    expected = fit(whole)
    with ending_signals():
        cut = fit(stateful(), SignalInValidation(1, 2, number), c.BackupAndRestore(tmp_path / "b"))
    signal.signal(number, usual)
    assert cut.signal == number and cut.epoch == [0, 1] and list(map(len, cut.history.values())) == [2, 2, 1, 1]
    model = stateful()
    history = fit(model, c.BackupAndRestore(tmp_path / "b"))
    same(model, whole)
    assert history.history == expected.history
    for one, other in zip(model.layers[0].states, whole.layers[0].states, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
