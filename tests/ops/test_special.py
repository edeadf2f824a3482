"""Special functions: values against Python's and numpy's, and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recurra import Input, gradcheck, ops


def test_error_functions(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4)) * 2
    np.testing.assert_allclose(ops.erfc(x), np.vectorize(math.erfc)(x), rtol=1e-14)
    assert ops.erfc(np.array([9.0]))[0] == pytest.approx(math.erfc(9.0), rel=1e-12) and math.erfc(9.0) > 0
    inside = rng.uniform(-1, 1, (3, 4))
    np.testing.assert_allclose(np.vectorize(math.erf)(ops.erfinv(inside)), inside, atol=1e-14)
    near = np.array([1e-300, -1e-9, 0.0, 0.5, 1 - 1e-12, -1 + 1e-9])
    np.testing.assert_allclose(np.vectorize(math.erf)(ops.erfinv(near)), near, rtol=1e-14)
    np.testing.assert_array_equal(ops.erfinv(np.array([1.0, -1.0, 1.5])), [np.inf, -np.inf, np.nan])
    gradcheck(ops.erfc, x)
    gradcheck(ops.erfinv, inside * 0.9)


def test_of_one_array(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    x[1, 2] = 0.0
    np.testing.assert_allclose(ops.sinc(x), np.sinc(x))
    gradcheck(ops.sinc, x)
    np.testing.assert_allclose(ops.i0(x), np.i0(x))
    np.testing.assert_array_equal(ops.fabs(np.array([-2, 3])), np.array([2, 3], "f"))
    gradcheck(ops.fabs, x + 0.5)
    odd = np.array([np.nan, np.inf, -np.inf, 2.0])
    for name in ("isneginf", "isposinf", "isreal"):
        np.testing.assert_array_equal(getattr(ops, name)(odd), getattr(np, name)(odd))
    assert ops.sinc(Input((4,))).shape == (None, 4)


@pytest.mark.parametrize("name", ["fmax", "fmin", "fmod", "logaddexp2"])
def test_of_two_arrays(rng: np.random.Generator, name: str) -> None:
    a, b = rng.normal(size=(3, 4)) * 3, rng.uniform(0.7, 1.1, 4)
    np.testing.assert_allclose(getattr(ops, name)(a, b), getattr(np, name)(a, b), rtol=1e-12)
    gradcheck(getattr(ops, name), [a, b])


def test_those_with_nan_and_whole_numbers() -> None:
    a, b = np.array([1.0, np.nan, np.nan, 4.0]), np.array([2.0, 3.0, np.nan, np.nan])
    np.testing.assert_array_equal(ops.fmax(a, b), np.fmax(a, b))
    np.testing.assert_array_equal(ops.fmin(a, b), np.fmin(a, b))
    np.testing.assert_array_equal(ops.heaviside([-2.0, 0.0, 3.0], 0.5), [0, 0.5, 1])
    np.testing.assert_array_equal(ops.nextafter(np.ones(2), [0.0, 2.0]), np.nextafter(np.ones(2), [0.0, 2.0]))
    np.testing.assert_array_equal(ops.ldexp(np.array([1.5, 3.0]), np.array([3, -1])), [12, 1.5])
    gradcheck(lambda v: ops.ldexp(v, np.array([3, -1])), np.array([1.5, 3.0]))
    assert ops.allclose(np.ones(3), 1 + 1e-9) and not ops.allclose(np.ones(3), 1.1)
