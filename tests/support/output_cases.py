"""Models with several outputs whose training step is recorded, with data."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import layers as L
from recurra import losses
from tests.support.branch_cases import CLASSES, ROWS, WORDS, BranchCase

SPARSE = "sparse_categorical_crossentropy"


def _number_and_class(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4)(s)
    return s, [L.Dense(1, name="number")(h), L.Dense(CLASSES, "softmax", name="kind")(L.Dropout(0.2)(h))]


def _tags_and_class(s: Any, w: Any, e: Any) -> Any:
    x = L.Embedding(WORDS, 4, mask_zero=True)(w)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    tags = L.TimeDistributed(L.Dense(CLASSES, "softmax"), name="tags")(y)
    return w, {"tags": tags, "kind": L.Dense(1, "sigmoid", name="kind")(L.GRU(2)(y))}


def _read_further(s: Any, w: Any, e: Any) -> Any:
    """An output in the middle, and one twice."""
    h = L.GRU(1, return_sequences=True, name="middle")(s)
    last = L.Dense(1, name="last")(L.Concatenate()([L.LSTM(3)(h), L.GRU(2)(h), L.Flatten()(h)]))
    return s, [h, last, last]


def _chained(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(1, name="first")(s)
    return s, (h, L.Dense(1, name="second")(h))


def _states(s: Any, w: Any, e: Any) -> Any:
    y, h, c = L.LSTM(1, return_sequences=True, return_state=True, name="rnn")(s)
    return s, [y, h, c]


def _autoencoder_and_forecast(s: Any, w: Any, e: Any) -> Any:
    h, decoder, head = L.LSTM(5)(s), L.LSTM(4, return_sequences=True), L.TimeDistributed(L.Dense(1), name="copy")
    repeated = L.RepeatVector(7)(h)
    one, other = head(decoder(repeated)), head(decoder(L.Dense(5, "softplus")(repeated)))
    return [s, e], [one, other, L.Dense(1, "softplus", name="forecast")(L.Concatenate()([h, e]))]


OUTPUTS: dict[str, BranchCase] = {
    "number_and_class": BranchCase(
        _number_and_class, ["number", "ids"], ["mse", SPARSE], compile={"metrics": [["mae"], ["accuracy"]]}
    ),
    "weighted": BranchCase(
        _number_and_class,
        ["number", "ids"],
        {"number": "huber", "kind": SPARSE},
        compile={"loss_weights": {"number": 0.3, "kind": 1.7}, "weighted_metrics": [["mae"], ["accuracy"]]},
        fit={"sample_weight": [np.linspace(0.2, 2.0, ROWS), np.linspace(1.0, 0.1, ROWS)]},
    ),
    "by_name": BranchCase(
        _tags_and_class,
        {"tags": "step_ids", "kind": "binary"},
        {"tags": SPARSE, "kind": "binary_crossentropy"},
        compile={"metrics": {"kind": "accuracy", "tags": "accuracy"}, "loss_weights": {"tags": 2.0, "kind": 0.5}},
    ),
    "one_weight_for_all": BranchCase(
        _number_and_class, ["number", "ids"], ["mse", SPARSE], fit={"sample_weight": np.linspace(0.2, 2.0, ROWS)}
    ),
    "one_loss": BranchCase(_number_and_class, ["number", "ids"], ["mse", None]),
    "other_losses": BranchCase(
        _number_and_class,
        ["number", "ids"],
        [lambda y, p: (p[:, 0] - y[:, 0]) ** 4, losses.SparseCategoricalCrossentropy(ignore_class=1)],
    ),
    "read_further": BranchCase(_read_further, ["steps", "number", "number"], ["mae", "mse", "huber"]),
    "chained": BranchCase(_chained, ["number", "number"]),
    "states": BranchCase(_states, ["steps", "number", "number"], "mse"),
    "autoencoder_and_forecast": BranchCase(
        _autoencoder_and_forecast, ["steps", "steps", "number"], ["mse", "mae", "mse"], compile={"metrics": ["mae"]}
    ),
}
