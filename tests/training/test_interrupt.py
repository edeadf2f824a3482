"""Ctrl-C during fit."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from recurra.callbacks import Callback, CSVLogger, ReduceLROnPlateau
from recurra.layers import Dense, Input
from recurra.models import Sequential


class CtrlC(Callback):
    """Sends the signal that Ctrl-C sends, within a batch."""

    def __init__(self, epoch: int, batch: int, times: int = 1) -> None:
        super().__init__()
        self.when, self.times = (epoch, batch), times
        self.epoch = 0
        self.ended = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.when:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)

    def on_train_end(self, logs: Any = None) -> None:
        self.ended = True


def model_and_data() -> tuple[Any, Any, Any]:
    model = Sequential([Input((3,)), Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(20, 3)), rng.normal(size=(20, 1))


@pytest.fixture(autouse=True)
def usual_handler() -> Any:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_stops_after_the_batch_and_keeps_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = model_and_data()
    stop = CtrlC(1, 2)
    history = model.fit(x, y, batch_size=4, epochs=5, callbacks=[stop], verbose=2, validation_data=(x, y))
    assert int(model.optimizer.iterations) == 5 + 3  # the batch under way was finished
    assert history.interrupted == (1, 3)
    assert len(history.history["loss"]) == 2 and len(history.history["val_loss"]) == 1
    assert stop.ended
    said = capsys.readouterr().out
    assert "Interrupted by Ctrl-C in epoch 2 after batch 3 of 5: the weights trained so far are kept." in said
    model.fit(x, y, epochs=1, verbose=0)  # and training can go on
    assert model.history.interrupted is None


def test_stops_within_the_validation() -> None:
    model, x, y = model_and_data()
    seen = []

    class During(Callback):
        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(batch)
            if batch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    history = model.fit(x, y, batch_size=4, epochs=5, callbacks=[During()], verbose=0, validation_data=(x, y))
    assert seen == [0, 1] and history.interrupted == (0, 5)
    assert list(history.history) == ["loss", "mae"]


def test_says_so_even_when_silent(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = model_and_data()
    history = model.fit(x, y, batch_size=4, epochs=5, callbacks=[CtrlC(0, 0)], verbose=0)
    assert history.interrupted == (0, 1) and history.epoch == [0]
    assert "the weights are kept" in capsys.readouterr().err


def test_twice_stops_at_once() -> None:
    model, x, y = model_and_data()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=4, epochs=5, callbacks=[CtrlC(0, 1, times=2)], verbose=0)
    assert int(model.optimizer.iterations) == 1


def test_callbacks_are_ended(tmp_path: Any) -> None:
    model, x, y = model_and_data()
    log = tmp_path / "log.csv"
    callbacks = [CtrlC(2, 1), CSVLogger(log), ReduceLROnPlateau("loss")]
    history = model.fit(x, y, batch_size=4, epochs=5, callbacks=callbacks, verbose=0)
    assert len(log.read_text().splitlines()) == 1 + 2
    assert len(history.history["learning_rate"]) == 2


def test_a_handler_of_ones_own_is_left_alone() -> None:
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        model, x, y = model_and_data()
        history = model.fit(x, y, batch_size=4, epochs=2, callbacks=[CtrlC(0, 1)], verbose=0)
        assert seen == [signal.SIGINT] and history.interrupted is None
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_fit_in_another_thread() -> None:
    model, x, y = model_and_data()
    thread = threading.Thread(target=model.fit, args=(x, y), kwargs={"epochs": 2, "verbose": 0})
    thread.start()
    thread.join()
    assert model.history.epoch == [0, 1]
