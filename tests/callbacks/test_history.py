"""The record of a run: names of Keras 2."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from recurra import callbacks, layers, models


def test_names_of_keras_2() -> None:
    x, y = np.random.RandomState(0).standard_normal((8, 3)), np.arange(8) % 2
    model = models.Sequential([layers.Input((3,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    records = model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[schedule], verbose=0).history
    assert records["lr"] is records["learning_rate"] and records["acc"] is records["accuracy"]
    assert records["val_acc"] == records["val_accuracy"] and records.get("lr") == pytest.approx([0.1, 0.05])
    assert "lr" in records and "acc" in records and "mae" not in records
    assert set(records) == {"accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
    assert records.get("mae", 3) == 3
    for one in (copy.deepcopy(records), pickle.loads(pickle.dumps(records))):
        assert one == records and one["lr"] == records["lr"]
    assert json.loads(json.dumps(records)) == dict(records)
    with pytest.raises(KeyError, match="mae"):
        records["mae"]


def test_acc_that_was_asked_for_is_found_as_accuracy() -> None:
    model = models.Sequential([layers.Input((3,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["acc"])
    records = model.fit(np.ones((4, 3)), np.ones(4), verbose=0).history
    assert records["accuracy"] is records["acc"] and "lr" not in records
