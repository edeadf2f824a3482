from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recurra.preprocessing.sequence import TimeseriesGenerator
from tests.support.keras_text import golden


@pytest.mark.parametrize("case", golden()["timeseries"], ids=lambda case: str(case[0]))
@pytest.mark.parametrize("lists", [False, True])
def test_batches_are_keras_s(case: Any, lists: bool) -> None:
    arguments, expected = case
    series: Any = np.arange(34).reshape(17, 2)
    targets = series[:, 0]
    if lists:
        series, targets = series.tolist(), targets.tolist()
    np.random.seed(4)
    batches = TimeseriesGenerator(series, targets, **arguments)
    assert [[x.tolist(), y.tolist()] for x, y in batches] == expected


def test_batches_by_number() -> None:
    batches = TimeseriesGenerator(np.arange(10), np.arange(10), length=2, batch_size=3)
    assert len(batches) == batches.num_batches == 3
    assert batches[-1][1].tolist() == batches[2][1].tolist() == [8, 9]
    with pytest.raises(IndexError, match="there are 3 batches, got number 3"):
        batches[3]


def test_configuration() -> None:
    batches = TimeseriesGenerator(np.arange(6), [1, 2, 3, 4, 5, 6], length=2, start_index=1)
    config = json.loads(batches.to_json())
    assert config["class_name"] == "TimeseriesGenerator"
    assert config["config"]["data"] == "[0, 1, 2, 3, 4, 5]" and config["config"]["start_index"] == 3
    with pytest.raises(TypeError, match="data cannot be written as JSON"):
        TimeseriesGenerator([{1}, {2}], [1, 2], length=1).get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": range(4), "length": 1}, "targets must have as many rows as data, 5, got 4"),
        ({"length": 5}, "no row is left to be a target"),
        ({"length": 1, "start_index": 3, "end_index": 3}, "end_index = 3, got 3 \\+ 1"),
        ({"length": 0}, "length must be at least 1, got 0"),
        ({"length": 1, "stride": 0}, "stride must be at least 1"),
        ({"length": 1, "sampling_rate": 0}, "sampling_rate must be at least 1"),
        ({"length": 1, "batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimeseriesGenerator(range(5), **{"targets": range(5), **arguments})
