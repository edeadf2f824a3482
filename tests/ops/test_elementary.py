"""The rarer elementwise functions and reductions: values against numpy, gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Input, gradcheck, ops

INSIDE = ("arcsin", "arccos", "arctanh")
UNARY = [
    "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "arcsinh", "arccosh", "arctanh", "exp2", "expm1", "log2",
    "log10", "reciprocal", "cbrt", "deg2rad", "rad2deg",
]  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary(rng: np.random.Generator, name: str) -> None:
    x = rng.uniform(0.1, 0.9, (3, 4)) + (1.0 if name == "arccosh" else 0.0)
    op = getattr(ops, name)
    np.testing.assert_allclose(op(x), getattr(np, name)(x), rtol=1e-12)
    assert op(x.astype("float32")).dtype == np.float32
    gradcheck(op, x)
    assert op(Input((4,))).shape == (None, 4)


def test_rsqrt_and_those_without_a_gradient(rng: np.random.Generator) -> None:
    x = rng.uniform(0.2, 3.0, (3, 4))
    np.testing.assert_allclose(ops.rsqrt(x), 1 / np.sqrt(x))
    gradcheck(ops.rsqrt, x)
    for name in ("ceil", "trunc", "isinf", "signbit"):
        np.testing.assert_array_equal(getattr(ops, name)(-x), getattr(np, name)(-x))
    odd = np.array([np.nan, np.inf, -np.inf, 2.0])
    np.testing.assert_array_equal(ops.nan_to_num(odd, 1.0, 5.0, -5.0), [1, 5, -5, 2])
    np.testing.assert_array_equal(ops.isclose(odd, odd, equal_nan=True), [True] * 4)
    np.testing.assert_array_equal(ops.logical_xor(odd > 0, odd < 5), [False, True, True, False])
    assert ops.count_nonzero(np.array([0, 2, 0, 1])) == 2
    np.testing.assert_array_equal(ops.floor_divide([7.0, -7.0], 2.0), [3, -4])


@pytest.mark.parametrize("name", ["arctan2", "hypot", "logaddexp", "mod"])
def test_binary(rng: np.random.Generator, name: str) -> None:
    a, b = rng.uniform(2.1, 3.0, (3, 4)), rng.uniform(0.8, 0.95, 4)
    op = getattr(ops, name)
    np.testing.assert_allclose(op(a, b), getattr(np, name)(a, b), rtol=1e-12)
    gradcheck(op, [a, b])


def test_divide_no_nan(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(3, 4)), rng.uniform(0.5, 1.5, (3, 4))
    zeroed = np.where(b > 1, 0.0, b)
    np.testing.assert_allclose(ops.divide_no_nan(a, zeroed), np.divide(a, zeroed, np.zeros_like(a), where=zeroed != 0))
    gradcheck(lambda x: ops.divide_no_nan(x, zeroed), [a])


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2), [2, 1]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_prod(rng: np.random.Generator, axis: Any, keepdims: bool) -> None:
    x = rng.normal(size=(2, 3, 4))
    x[0, 1, 2] = 0.0
    chosen = tuple(axis) if isinstance(axis, list) else axis
    np.testing.assert_allclose(ops.prod(x, axis, keepdims), x.prod(chosen, keepdims=keepdims))
    gradcheck(lambda v: ops.prod(v, axis, keepdims), [x])


def test_cumprod(rng: np.random.Generator) -> None:
    x = rng.uniform(0.5, 1.5, (2, 3))
    for axis in (None, 0, 1):
        np.testing.assert_allclose(ops.cumprod(x, axis), np.cumprod(x, axis))
        gradcheck(lambda v, axis=axis: ops.cumprod(v, axis), [x])


@pytest.mark.parametrize("order", [None, 1, 2, 3, np.inf, -np.inf, 0.5])
def test_norm(rng: np.random.Generator, order: Any) -> None:
    x = rng.normal(size=(3, 4))
    np.testing.assert_allclose(ops.norm(x, order, axis=1), np.linalg.norm(x, order, axis=1), rtol=1e-10)
    gradcheck(lambda v: ops.linalg.norm(v, order, axis=-1, keepdims=True), [x])


def test_norms_of_matrices_and_of_counts() -> None:
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(ops.norm(x), np.linalg.norm(x))
    np.testing.assert_allclose(ops.norm(x, "fro", (0, 1)), np.linalg.norm(x, "fro"))
    np.testing.assert_array_equal(ops.norm(x, 0, axis=1), [3, 4, 4])
    for order, axis, message in (
        (2, (0, 1), "ord=2 of matrices"),
        (1, (0, 1), "needs one axis"),
        ("nuc", 1, "ord must"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.norm(x, order, axis)


def test_average_outer_and_rms(rng: np.random.Generator) -> None:
    x, w = rng.normal(size=(3, 4)), rng.uniform(0.5, 1.5, 4)
    np.testing.assert_allclose(ops.average(x, 1, w), np.average(x, 1, w))
    np.testing.assert_allclose(ops.average(x, weights=x**2), np.average(x, weights=x**2))
    np.testing.assert_allclose(ops.average(x, 0), x.mean(0))
    gradcheck(lambda v: ops.average(v, 1, w), [x])
    with pytest.raises(ValueError, match=r"weights must have x's shape \(3, 4\)"):
        ops.average(x, 0, w)
    np.testing.assert_allclose(ops.outer(x[0], w[:3]), np.outer(x[0], w[:3]))
    np.testing.assert_allclose(ops.rms_normalization(x, w), x / np.sqrt((x**2).mean(-1, keepdims=True)) * w, rtol=1e-10)
    gradcheck(lambda v: ops.rms_normalization(v, w), [x])


def test_other_names() -> None:
    assert ops.absolute is ops.abs and ops.amax is ops.max and ops.amin is ops.min and ops.true_divide is ops.divide
