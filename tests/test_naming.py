"""What is said of an attribute that is missing."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from recurra import layers, losses, metrics
from recurra.layers import LSTM, Dense, Input
from recurra.models import Model, Sequential


class OwnLayer(layers.Layer):
    def __init__(self) -> None:
        self.inner = Dense(1)


class OwnModel(Model):
    def __init__(self) -> None:
        self.inner = Dense(1)


class OwnMetric(metrics.Metric):
    def __init__(self) -> None:
        self.total = self.add_weight(name="total")


class OwnLoss(losses.Loss):
    def __init__(self) -> None:
        self.power = 2

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** self.power


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("OwnLayer", lambda: repr(OwnLayer())),
        ("OwnLayer", lambda: Sequential([Input((3,)), OwnLayer()])),
        ("OwnModel", lambda: repr(OwnModel())),
        ("OwnMetric", OwnMetric),
        ("OwnLoss", lambda: OwnLoss()(np.ones((2, 1)), np.ones((2, 1)))),
    ],
)
def test_a_constructor_that_was_not_called_is_named(kind: str, use: Any) -> None:
    with pytest.raises(AttributeError, match=rf"{kind}.__init__ must call super\(\).__init__\(\) before anything else"):
        use()


def test_properties_keep_their_own_words() -> None:
    with pytest.raises(AttributeError, match="must have been called exactly once on symbolic tensors"):
        _ = LSTM(4).output
    with pytest.raises(AttributeError, match="must have been called exactly once on symbolic tensors"):
        _ = Dense(4).input
    with pytest.raises(AttributeError, match="'LSTM' object has no attribute 'unit'"):
        _ = LSTM(4).unit  # type: ignore[attr-defined]
    assert not hasattr(Dense(4), "output") and not hasattr(metrics.Mean(), "spam") and LSTM(4).units == 4


def test_copies_and_pickles() -> None:
    metric = metrics.Mean(name="m")
    metric.update_state(3.0)
    for again in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert float(again.result()) == 3.0
    loss = pickle.loads(pickle.dumps(losses.Huber(0.5)))
    assert loss.name == losses.Huber(0.5).name
    assert copy.deepcopy(Dense(3, name="d")).units == 3
