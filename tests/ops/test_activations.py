"""Activation functions made of others: values from their definitions, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Input, activations, gradcheck, ops

NAMES = [
    "celu", "glu", "hard_shrink", "hard_tanh", "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax",
    "squareplus", "tanh_shrink",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_activation_of_the_same_name(rng: np.random.Generator, name: str) -> None:
    x = rng.normal(size=(3, 4)) * 1.5
    op = getattr(ops, name)
    np.testing.assert_array_equal(op(x), getattr(activations, name)(x))
    assert op(x.astype("f")).dtype == np.float32
    assert op(Input((4,))).shape == ((None, 2) if name == "glu" else (None, 4))
    gradcheck(op, x)


def test_values() -> None:
    x = np.array([-2.0, -0.5, 0.0, 0.25, 1.5])
    np.testing.assert_allclose(ops.celu(x, 0.5), np.where(x > 0, x, 0.5 * (np.exp(x / 0.5) - 1)))
    np.testing.assert_array_equal(ops.threshold(x, 0.0, -7.0), [-7, -7, -7, 0.25, 1.5])
    np.testing.assert_array_equal(ops.hard_shrink(x, 0.3), [-2, -0.5, 0, 0, 1.5])
    np.testing.assert_allclose(ops.soft_shrink(x, 0.3), [-1.7, -0.2, 0, 0, 1.2])
    gradcheck(lambda v: ops.threshold(v, 0.1, 7.0), x)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_sparsemax(rng: np.random.Generator, axis: Any) -> None:
    x = rng.normal(size=(3, 4, 5)) * 2
    y = ops.sparsemax(x, axis)
    np.testing.assert_allclose(y.sum(axis), 1.0)
    limit = np.where(y > 0, x - y, np.nan)  # what is taken off is the same along the axis, and above what became 0
    np.testing.assert_allclose(np.nanmax(limit, axis), np.nanmin(limit, axis), atol=1e-12)
    assert (np.where(y > 0, -np.inf, x) <= np.nanmax(limit, axis, keepdims=True) + 1e-12).all() and (y == 0).any()
    gradcheck(lambda v: ops.sparsemax(v, axis), x)
