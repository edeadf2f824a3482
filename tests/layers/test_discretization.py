"""Numbers to bins, with boundaries that are given or found: Keras's results, files, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.data import Dataset
from recurra.models import Sequential, load_model

X = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 2.0, -9.0, 7.0]])
NUMBERS = np.random.default_rng(3).standard_normal(1257).astype("float32")[7:]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("int", [[0, 2, 3, 1], [1, 3, 0, 3]]),
        ("multi_hot", [[1, 1, 1, 1], [1, 1, 0, 1]]),
        ("count", [[1, 1, 1, 1], [1, 1, 0, 2]]),
    ],
)
def test_given_boundaries(mode: str, expected: Any) -> None:
    layer = layers.Discretization([0.0, 1.0, 2.0], output_mode=mode)
    found = layer(X)
    np.testing.assert_array_equal(found, expected)
    assert found.shape == layer.compute_output_shape(X.shape)
    assert found.dtype == ("int32" if mode == "int" else "float32")
    assert layer(layers.Input((4,))).shape[1:] == found.shape[1:]


def test_one_hot_drops_a_last_axis_of_one() -> None:
    layer = layers.Discretization([0.0, 1.0, 2.0], output_mode="one_hot")
    assert layer(X).shape == (2, 4, 4) and layer(X[:, :1]).shape == (2, 4)
    np.testing.assert_array_equal(layer(X[:, :1]), [[1, 0, 0, 0], [0, 1, 0, 0]])


# of Keras 3.15 for numpy.random.default_rng(3).standard_normal(7), the same of all numbers and of batches of 97
def test_boundaries_from_few_numbers() -> None:
    layer = layers.Discretization(num_bins=3)
    layer.adapt(np.random.default_rng(3).standard_normal(7).astype("float32"))
    np.testing.assert_allclose(layer.bin_boundaries, [-1.535914, -0.294615], atol=1e-6)


# of Keras 3.15 for these numbers after the first 7
@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (None, [-0.79974, -0.1998, 0.27645, 0.84525]),
        (97, [-0.65671, -0.05962, 0.40352, 0.96965]),
    ],
)
def test_boundaries_from_many_numbers(batch: int | None, expected: list[float]) -> None:
    layer = layers.Discretization(num_bins=5, epsilon=0.05)
    if batch is None:
        layer.adapt(NUMBERS)
    else:
        layer.adapt([NUMBERS[start : start + batch] for start in range(0, len(NUMBERS), batch)])
    np.testing.assert_allclose(layer.bin_boundaries, expected, atol=1e-5)
    counts = np.bincount(layer(NUMBERS))
    assert len(counts) == 5 and counts.min() > 0.5 * len(NUMBERS) / 5


def test_adapt_takes_datasets_and_steps() -> None:
    layer, other = layers.Discretization(num_bins=4), layers.Discretization(num_bins=4)
    layer.adapt(Dataset.from_tensor_slices(NUMBERS[:300]).batch(100), steps=2)
    other.adapt([NUMBERS[:100], NUMBERS[100:200]])
    assert layer.bin_boundaries == other.bin_boundaries


def test_an_adapted_layer_is_saved_with_its_boundaries(tmp_path: Any) -> None:
    layer = layers.Discretization(num_bins=5, output_mode="one_hot")
    layer.adapt(NUMBERS)
    model = Sequential([layers.Input((4,)), layer, layers.LSTM(3)])
    model.save(tmp_path / "m.keras")
    back = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(back.predict(X, verbose=0), model.predict(X, verbose=0))
    again = back.layers[0]
    again.adapt(NUMBERS[:50])
    assert again.bin_boundaries != layer.bin_boundaries


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layers.Discretization(), "one of bin_boundaries and num_bins must be given"),
        (lambda: layers.Discretization([1.0], num_bins=2), "one of bin_boundaries and num_bins must be given"),
        (lambda: layers.Discretization([2.0, 1.0]), "bin_boundaries must be a list of ascending numbers"),
        (lambda: layers.Discretization(num_bins=2, epsilon=0), "epsilon must be a number between 0 and 1"),
        (lambda: layers.Discretization(num_bins=2)(X), "has no boundaries: call adapt"),
        (lambda: layers.Discretization([1.0]).adapt(X), "adapt is for a layer made with num_bins="),
        (lambda: layers.Discretization(num_bins=2).adapt(np.zeros(0)), "must hold something to adapt to"),
        (lambda: layers.Discretization([1.0], output_mode="tf_idf"), "output_mode must be one of"),
        (lambda: layers.Discretization([1.0], sparse=True), "sparse must be False"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
