"""Files that one training after the other writes to."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.callbacks import CSVLogger
from recurra.models import Sequential

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))


def run(path: Path, epochs: int = 2, metrics: Any = None, **options: Any) -> None:
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=metrics)
    model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[CSVLogger(path, append=True)], **options)


def test_values_stand_below_their_names_whatever_the_next_training_measures(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    run(path, metrics=["mae"], validation_split=0.25)
    run(path, epochs=1)  # fewer
    with pytest.warns(UserWarning, match="no column for mse, val_mse, which is not written; its columns are epoch, lo"):
        run(path, epochs=1, metrics=["mse", "mae"], validation_split=0.25)  # others, in another order
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    assert header == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [len(row) for row in rows] == [5] * 4 and [row[0] for row in rows] == ["0", "1", "0", "0"]
    assert rows[2][2:] == ["NA"] * 3
    loss, mae, val_loss, val_mae = map(float, rows[3][1:])
    assert mae > loss / 10 and loss != val_loss and mae != val_mae


def test_the_same_training_goes_on_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(path, metrics=["mae"])
        run(path, metrics=["mae"])
    header, *rows = path.read_text().splitlines()
    assert header == "epoch,loss,mae,val_loss,val_mae" and [row[0] for row in rows] == list("0101")


def test_a_run_that_was_resumed_within_its_first_epoch_has_a_header(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    logger = CSVLogger(path, append=True)
    logger.on_train_begin()
    state = logger.state_dict()
    logger.on_epoch_end(0, {"loss": 0.5})
    logger.on_train_end()
    again = CSVLogger(path, append=True)
    again.on_train_begin()
    again.load_state_dict(state)
    again.on_epoch_end(0, {"loss": 0.25, "mae": 0.125})
    again.on_train_end()
    assert path.read_text() == "epoch,loss,mae,val_loss,val_mae\n0,0.25,0.125,NA,NA\n"
