"""Normalisation of each sample by itself: values from the definitions, gradients, files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Input, Model, gradcheck, layers
from recurra.layers import GroupNormalization, RMSNormalization, UnitNormalization


def weighted(layer: Any, x: Any, rng: np.random.Generator) -> Any:
    layer(x)
    layer.set_weights([rng.normal(size=v.shape) for v in layer.weights])
    return layer


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_root_mean_square_and_length(rng: np.random.Generator, axis: Any) -> None:
    x, axes = rng.normal(size=(3, 5, 4)), tuple(np.atleast_1d(axis))
    rms = weighted(RMSNormalization(axis, 0.01, dtype="float64"), x, rng)
    shape = [n if k in [a % 3 for a in axes] else 1 for k, n in enumerate(x.shape)]
    wanted = x / np.sqrt((x**2).mean(axes, keepdims=True) + 0.01) * rms.get_weights()[0].reshape(shape)
    np.testing.assert_allclose(rms(x), wanted)
    gradcheck(rms, x)
    unit = UnitNormalization(axis, dtype="float64")
    np.testing.assert_allclose(unit(x), x / np.sqrt((x**2).sum(axes, keepdims=True)))
    np.testing.assert_array_equal(unit(x * 0), x * 0)
    gradcheck(unit, x)


@pytest.mark.parametrize(("groups", "axis"), [(2, -1), (-1, -1), (1, 2), (5, 1)])
def test_groups(rng: np.random.Generator, groups: int, axis: int) -> None:
    x = rng.normal(size=(3, 5, 6))
    layer = weighted(GroupNormalization(groups, axis, 0.01, dtype="float64"), x, rng)
    moved = np.moveaxis(x, axis, -1)
    parts = [
        (part - part.mean((1, 2), keepdims=True)) / np.sqrt(part.var((1, 2), keepdims=True) + 0.01)
        for part in np.split(moved, moved.shape[-1] if groups == -1 else groups, -1)
    ]
    gamma, beta = layer.get_weights()
    np.testing.assert_allclose(layer(x), np.moveaxis(np.concatenate(parts, -1) * gamma + beta, -1, axis))
    gradcheck(layer, x)


@pytest.mark.parametrize("layer", [RMSNormalization, UnitNormalization, lambda: GroupNormalization(3)])
def test_between_recurrent_layers(rng: np.random.Generator, layer: Any) -> None:
    ids = rng.integers(1, 9, (4, 7))
    ids[1, 3:] = 0
    inputs = Input((None,), dtype="int32")
    x = layer()(layers.LSTM(6, return_sequences=True)(layers.Embedding(9, 3, mask_zero=True)(inputs)))
    assert x.shape == (None, None, 6) and x._keras_mask is not None
    model = Model(inputs, layers.GRU(2)(x))
    copy = Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(ids, verbose=0), model.predict(ids, verbose=0))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="groups must divide the 6 features, got 4"):
        GroupNormalization(4)(np.ones((2, 6)))
    with pytest.raises(ValueError, match="groups"):
        GroupNormalization(0)
    with pytest.raises(ValueError, match="the sizes along axis 1 must be known"):
        RMSNormalization(1)(Input((None, 3)))
