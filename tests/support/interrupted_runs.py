"""Runs that are cut at some batch and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import callbacks as c
from recurra.layers import LSTM, BatchNormalization, Dense, Dropout, Embedding
from recurra.models import Sequential
from recurra.utils import set_random_seed

RNG = np.random.default_rng(3)
X = RNG.integers(0, 9, (22, 5))
Y = RNG.integers(0, 3, 22)
EPOCHS, BATCH, STEPS = 4, 4, 6


class PowerCut(c.Callback):
    """Ends the process, as far as the run can tell, after so many batches."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("power cut")


def words(optimizer: Any = "adam") -> Any:
    set_random_seed(5)
    model = Sequential([Embedding(9, 4), LSTM(3, dropout=0.3), BatchNormalization(), Dropout(0.2), Dense(3)])
    model.add(Dense(3, activation="softmax"))
    model.build((None, 5))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def usual(folder: Any, **settings: Any) -> list[c.Callback]:
    return [
        c.BackupAndRestore(folder, **settings),
        c.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
        c.ReduceLROnPlateau("loss", patience=1, min_delta=10.0, cooldown=1),
        c.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]


def arrays() -> dict[str, Any]:
    return {"x": X, "y": Y, "batch_size": BATCH, "validation_data": (X[:7], Y[:7])}


def same(a: Any, b: Any) -> None:
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    a.optimizer.settle()
    b.optimizer.settle()
    for one, other in zip(a.optimizer.variables, b.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def alone(folder: Any, **settings: Any) -> list[c.Callback]:
    return [c.BackupAndRestore(folder, **settings)]


def interrupt_and_resume(
    folder: Path,
    after: int,
    make: Callable[[], Any] = words,
    reading: Callable[[], dict[str, Any]] = arrays,
    callbacks: Callable[..., list[c.Callback]] = usual,
    **settings: Any,
) -> tuple[Any, Any]:
    """The model and History of a run that was cut and then resumed, in a process of another random state."""
    model = make()
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(**reading(), epochs=EPOCHS, verbose=0, callbacks=[PowerCut(after), *callbacks(folder, **settings)])
    set_random_seed(77)
    model = make()
    if reading is arrays:
        set_random_seed(78)
    history = model.fit(**reading(), epochs=EPOCHS, verbose=0, callbacks=callbacks(folder, **settings))
    return model, history
