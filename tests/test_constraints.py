"""Limits on weights: values, names, configurations."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import Variable, constraints

W = np.array([[3.0, -0.5, 0.1], [-4.0, 0.2, 0.0]], "float32")


def norms(w: np.ndarray, axis: int = 0) -> np.ndarray:
    return np.linalg.norm(w, axis=axis)


def test_values() -> None:
    assert (constraints.NonNeg()(W) == np.maximum(W, 0)).all()
    np.testing.assert_allclose(norms(constraints.MaxNorm(2)(W)), np.minimum(norms(W), 2), rtol=1e-5)
    np.testing.assert_allclose(norms(constraints.MaxNorm(0.3, axis=1)(W), 1), [0.3, 0.3], rtol=1e-5)
    np.testing.assert_allclose(norms(constraints.UnitNorm()(W)), np.ones(3), rtol=1e-5)
    np.testing.assert_allclose(norms(constraints.UnitNorm(axis=[0, 1])(W), None), 1.0, rtol=1e-5)
    np.testing.assert_allclose(norms(constraints.MinMaxNorm(0.5, 2.0)(W)), np.clip(norms(W), 0.5, 2.0), rtol=1e-5)
    half = constraints.MinMaxNorm(0.5, 2.0, rate=0.5)(W)
    np.testing.assert_allclose(norms(half), (np.clip(norms(W), 0.5, 2.0) + norms(W)) / 2, rtol=1e-5)
    for one in (constraints.NonNeg(), constraints.MaxNorm(), constraints.UnitNorm(), constraints.MinMaxNorm()):
        assert one(W).dtype == np.float32
        np.testing.assert_array_equal(one(Variable(W)), one(W))


def test_names_and_configurations() -> None:
    for name in ("max_norm", "non_neg", "unit_norm", "min_max_norm", "MaxNorm"):
        one = constraints.get(name)
        config = constraints.serialize(one)
        assert config["module"] == "keras.constraints"
        again = constraints.deserialize(config)
        assert type(again) is type(one) and again.get_config() == one.get_config()
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match="unknown constraint 'norm': expected one of max_norm, "):
        constraints.get("norm")
