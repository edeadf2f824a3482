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


# what Keras gives with TensorFlow 2.21
@pytest.mark.parametrize(
    ("salt", "expected"),
    [
        (133, [[51849776, 754284665, 463842816], [679902145, 523883425, 372196626]]),
        ((133, 137), [[489889866, 74807378, 276253488], [822165122, 489720887, 520214817]]),
        ([0, 0], [[80446825, 549509242, 936377330], [692708940, 895574311, 341002310]]),
        ([2**63 - 1, 5], [[122906515, 919358371, 647314160], [163331750, 286160001, 279113]]),
        (-3, [[653332985, 234666520, 157657064], [4329347, 320402010, 318475354]]),
        ([7, -8], [[111989654, 556623605, 428547260], [662967328, 698372664, 88605244]]),
    ],
)
def test_salt(salt: Any, expected: Any) -> None:
    texts = [["A", "B", ""], ["hello world", "añb", "x" * 100]]
    layer = layers.Hashing(1000000007, salt=salt)
    np.testing.assert_array_equal(layer(texts), expected)
    again = layers.Hashing.from_config(layer.get_config())
    assert again.salt == layer.salt == (list(salt) if isinstance(salt, (list, tuple)) else [salt, salt])
    np.testing.assert_array_equal(again(texts), expected)


def test_salt_beside_other_settings() -> None:
    texts = [["A", "B", ""], ["hello world", "añb", "x" * 100]]
    masked = layers.Hashing(97, salt=5, mask_value="")
    np.testing.assert_array_equal(masked(texts), [[86, 46, 0], [47, 95, 6]])
    np.testing.assert_array_equal(layers.Hashing(97, salt=5)(np.array([[1, 2], [-3, 2**40]])), [[17, 2], [85, 29]])
    np.testing.assert_array_equal(layers.Hashing(3, salt=1, output_mode="count")([["a", "b"]]), [[2, 0, 0]])


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
        (lambda: layers.Hashing(3, salt="133"), "salt must be None, an integer or a pair of integers, got '133'"),
        (lambda: layers.Hashing(3, salt=(1, 2, 3)), r"a pair of integers, got \(1, 2, 3\)"),
        (lambda: layers.Hashing(3, salt=[1, True]), r"a pair of integers, got \[1, True\]"),
        (lambda: layers.Hashing(3, salt=[2**63, 0]), r"salt must hold integers in \[-2\*\*63, 2\*\*63\)"),
        (lambda: layers.Hashing(3, dtype="float32"), "dtype must be None, 'int64' or 'int32' with output_mode 'int'"),
        (lambda: layers.Hashing(3)(np.ones(2)), "inputs must hold strings or integers, got 1.0"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        make()
