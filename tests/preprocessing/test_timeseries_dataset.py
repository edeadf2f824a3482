"""Windows of a series as a Dataset. The batches written out are what TensorFlow's Keras 2.15 gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.layers import GRU, Dense
from recurra.models import Sequential
from recurra.optimizers import Adam
from recurra.utils import set_random_seed, timeseries_dataset_from_array

CASES: list[tuple[int, int, dict[str, int], list[Any]]] = [
    (
        12,
        11,
        {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 2, "batch_size": 3},
        [([[0, 2, 4], [2, 4, 6], [4, 6, 8]], [0, 20, 40]), ([[6, 8, 10]], [60])],
    ),
    (30, 3, {"sequence_length": 2, "batch_size": 5}, [([[0, 1], [1, 2], [2, 3]], [0, 10, 20])]),
    (
        9,
        9,
        {"sequence_length": 3, "batch_size": 2, "start_index": 2, "end_index": 7},
        [([[2, 3, 4], [3, 4, 5]], [20, 30]), ([[4, 5, 6]], [40])],
    ),
]


@pytest.mark.parametrize(("rows", "targets", "arguments", "expected"), CASES)
def test_batches(rows: int, targets: int, arguments: dict[str, int], expected: list[Any]) -> None:
    found = list(timeseries_dataset_from_array(np.arange(rows), np.arange(targets) * 10, **arguments))
    assert [(x.tolist(), y.tolist()) for x, y in found] == expected
    alone = timeseries_dataset_from_array(np.arange(rows), None, **arguments)
    assert next(iter(alone)).tolist() == expected[0][0] or targets < rows


def test_single_windows_and_features(rng: np.random.Generator) -> None:
    data = rng.normal(size=(10, 3))
    windows = list(timeseries_dataset_from_array(data, None, 4, batch_size=None))
    assert len(windows) == 7 and np.array_equal(windows[2], data[2:6])


def test_shuffling() -> None:
    def firsts(**settings: Any) -> list[int]:
        data = timeseries_dataset_from_array(np.arange(40), np.arange(40) * 10, 3, batch_size=7, **settings)
        pairs = [(int(x[0]), int(y)) for xs, ys in data for x, y in zip(xs, ys, strict=True)]
        assert all(y == 10 * x for x, y in pairs)
        return [x for x, _ in pairs]

    assert firsts() == list(range(38)) == sorted(firsts(shuffle=True, seed=4))
    assert firsts(shuffle=True, seed=4) == firsts(shuffle=True, seed=4) != firsts(shuffle=True, seed=5)


def test_a_forecast() -> None:
    set_random_seed(2)
    series = np.sin(np.arange(300) / 5)[:, None]
    delay = 8 + 5
    data = timeseries_dataset_from_array(series[:-delay], series[delay:, 0], 8, batch_size=32, shuffle=True, seed=1)
    model = Sequential([GRU(12), Dense(1)])
    model.compile(Adam(0.02), "mse")
    losses = model.fit(data, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequence_length": 0}, "sequence_length must be an integer of at least 1, got 0"),
        ({"sequence_stride": 0}, "sequence_stride must be"),
        ({"sampling_rate": 1.5}, "sampling_rate must be an integer of at least 1, got 1.5"),
        ({"batch_size": -1}, "batch_size must be"),
        ({"start_index": 10}, r"start_index must be in \[0, 10\)"),
        ({"start_index": 4, "end_index": 4}, "end_index must be above start_index = 4, got 4"),
        ({"sequence_length": 6, "sampling_rate": 2}, "no window of 11 rows"),
        ({"targets": []}, "no window"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        timeseries_dataset_from_array(np.arange(10), **{"targets": None, "sequence_length": 2, **arguments})
