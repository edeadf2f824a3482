"""Bins by hash: Keras's results, models, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Sequential

TEXTS = np.array([["A", "B", "héllo"], ["", "x y", "Z"]])


# what Keras gives with TensorFlow 2.21
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[3, 6, 0], [6, 4, 2]]),
        ({"mask_value": ""}, [[5, 1, 6], [0, 4, 5]]),
        ({"output_mode": "multi_hot"}, [[1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 0, 1, 0, 1]]),
        ({"output_mode": "count"}, [[1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 0, 1, 0, 1]]),
        ({"dtype": "int32"}, [[3, 6, 0], [6, 4, 2]]),
    ],
)
def test_strings(options: dict[str, Any], expected: Any) -> None:
    layer = layers.Hashing(7, **options)
    found = layer(TEXTS)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == options.get("dtype", "float32" if "output_mode" in options else "int64")
    np.testing.assert_array_equal(layer(np.char.encode(TEXTS, "utf-8")), expected)
    assert found.shape == layer.compute_output_shape(TEXTS.shape)
    again = layers.Hashing.from_config(layer.get_config())
    np.testing.assert_array_equal(again(TEXTS), expected)


def test_integers() -> None:
    found = layers.Hashing(7, mask_value=3)(np.array([[1, 2, 3], [-5, 100000, 0]]))
    np.testing.assert_array_equal(found, [[4, 2, 0], [1, 5, 2]])


def test_in_front_of_an_embedding() -> None:
    model = Sequential([layers.Input((3,), dtype="string"), layers.Hashing(7), layers.Embedding(7, 4), layers.GRU(2)])
    assert model.predict(TEXTS, verbose=0).shape == (2, 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layers.Hashing(0), "num_bins must be a positive integer"),
        (lambda: layers.Hashing(1, mask_value=""), "num_bins must be at least 2 with a mask_value"),
        (lambda: layers.Hashing(3, salt=133), "salt must be None: hashes with a salt are not supported"),
        (lambda: layers.Hashing(3, dtype="float32"), "dtype must be None, 'int64' or 'int32' with output_mode 'int'"),
        (lambda: layers.Hashing(3)(np.ones(2)), "inputs must hold strings or integers, got 1.0"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        make()
