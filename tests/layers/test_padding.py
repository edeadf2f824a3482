"""Cropping of three axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra import layers, models
from recurra.saving import load_model

X = np.random.default_rng(4).normal(size=(2, 5, 7, 6, 3)).astype("float32")


def test_the_middle_of_three_axes(tmp_path: Path) -> None:
    layer = layers.Cropping3D(((1, 0), (0, 2), (3, 1)))
    np.testing.assert_array_equal(layer(X), X[:, 1:, :-2, 3:-1])
    np.testing.assert_array_equal(layers.Cropping3D()(X), X[:, 1:-1, 1:-1, 1:-1])
    np.testing.assert_array_equal(layers.Cropping3D((0, 1, 2))(X), X[:, :, 1:-1, 2:-2])
    first = layers.Cropping3D(1, data_format="channels_first")
    np.testing.assert_array_equal(first(X), X[:, :, 1:-1, 1:-1, 1:-1])
    model = models.Sequential([layers.Input((5, 7, 6, 3)), layer])
    assert model.output_shape == (None, 4, 5, 2, 3)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "m.keras").predict(X, verbose=0), layer(X))


def test_wrong_margins() -> None:
    with pytest.raises(ValueError, match="cropping must be an integer of at least 0, or"):
        layers.Cropping3D((1, 2))
    with pytest.raises(ValueError, match=r"cropping \(3, 3\) leaves nothing of an axis of 5"):
        layers.Cropping3D(3)(X)
