"""Order statistics, differences, correlations and reductions without NaN: values against numpy's, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Variable, gradcheck, ops

METHODS = ["linear", "lower", "higher", "midpoint", "nearest"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", [None, 1, (0, 2), [-1, 1]])
@pytest.mark.parametrize("q", [0.0, 0.37, 0.5, 1.0, [0.1, 0.9], [[0.25], [0.5]]])
def test_quantile(rng: np.random.Generator, method: str, axis: Any, q: Any) -> None:
    x, chosen = rng.normal(size=(2, 3, 5)), tuple(axis) if isinstance(axis, list) else axis
    for keepdims in (False, True):
        found = ops.quantile(x, q, axis, method, keepdims)
        np.testing.assert_allclose(found, np.quantile(x, q, chosen, method=method, keepdims=keepdims), rtol=1e-12)
    np.testing.assert_allclose(
        ops.percentile(x, np.multiply(q, 100), axis, method), np.quantile(x, q, chosen, method=method), rtol=1e-9
    )
    gradcheck(lambda v: ops.quantile(v, q, axis, method), [x])


def test_quantiles_with_nan_infinity_and_integers() -> None:
    x = np.array([[1.0, np.nan, 3.0, 2.0], [np.nan] * 4, [4.0, np.inf, -np.inf, 0.0]], "f")
    np.testing.assert_array_equal(ops.median(x, 1), [np.nan, np.nan, 2.0])
    np.testing.assert_array_equal(ops.nanmedian(x, 1), [2.0, np.nan, 2.0])
    np.testing.assert_array_equal(ops.nanquantile(x, [0.0, 0.75], 1), [[1, np.nan, -np.inf], [2.5, np.nan, np.inf]])
    assert ops.nanpercentile(x, 50.0, 1, keepdims=True).shape == (3, 1)
    assert ops.median(np.array([1, 2, 4, 9])) == 3.0 and ops.median(np.array([1, 2])).dtype == np.float32
    w = Variable(x[0])
    with GradientTape() as tape:
        y = ops.nanmedian(w)
    np.testing.assert_array_equal(tape.gradient(y, [w])[0], [0, 0, 0, 1])


def test_what_a_quantile_refuses() -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        ops.quantile(np.ones(3), 50)
    with pytest.raises(ValueError, match="method must be one of"):
        ops.quantile(np.ones(3), 0.5, method="cubic")
    with pytest.raises(ValueError, match="no numbers"):
        ops.median(np.ones((2, 0)), 1)
    assert ops.median(np.ones((0, 2)), 1).shape == (0,)


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"])
def test_reductions_without_nan(rng: np.random.Generator, name: str) -> None:
    x = rng.normal(size=(3, 4, 5))
    x[0, 1, 2] = x[2, 0, 0] = x[2, 3, 0] = np.nan
    op = getattr(ops, name)
    for axis in (None, 1, (0, 2)):
        for keepdims in (False, True):
            wanted = getattr(np, name)(x, axis=axis, keepdims=keepdims)
            np.testing.assert_allclose(op(x, axis, keepdims), wanted, rtol=1e-12)
    w = Variable(x)
    with GradientTape() as tape:
        y = ops.sum(op(w, 1) * np.arange(5.0))
    (kept,) = tape.gradient(y, [w])
    assert not kept[np.isnan(x)].any()
    there = np.argwhere(~np.isnan(x))
    for place in map(tuple, there[::7]):
        moved = [x.copy(), x.copy()]
        moved[0][place] += 1e-6
        moved[1][place] -= 1e-6
        slope = np.subtract(*(np.sum(np.asarray(op(one, 1)) * np.arange(5.0)) for one in moved)) / 2e-6
        assert kept[place] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_nothing_but_nan() -> None:
    x = np.array([[1.0, np.nan, 3.0], [np.nan] * 3], "f")
    for name, wanted in (("nansum", [4, 0]), ("nanprod", [3, 1]), ("nanmean", [2, np.nan]), ("nanmax", [3, np.nan])):
        found = getattr(ops, name)(x, 1)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == np.float32
    np.testing.assert_array_equal(ops.nanargmax(x, 1), [2, -1])
    np.testing.assert_array_equal(ops.nanargmin(x, 1, keepdims=True), [[0], [-1]])
    np.testing.assert_array_equal(ops.nancumsum(x, 1), [[1, 1, 4], [0, 0, 0]])
    np.testing.assert_array_equal(ops.nancumprod(x, 1, "float64"), [[1, 1, 3], [1, 1, 1]])
    np.testing.assert_array_equal(ops.nanmax(np.array([[3, 7]]), 1), [7])


def test_differences_and_integrals(rng: np.random.Generator) -> None:
    x, places = rng.normal(size=(3, 6, 2)), np.sort(rng.normal(size=6))
    for n, axis in ((0, 1), (1, 1), (2, -2), (3, 0), (1, -1)):
        np.testing.assert_allclose(ops.diff(x, n, axis), np.diff(x, n, axis))
    np.testing.assert_array_equal(ops.diff(np.array([True, True, False])), [False, True])
    trapezoid = np.trapezoid if hasattr(np, "trapezoid") else np.trapz  # its name before numpy 2
    np.testing.assert_allclose(ops.trapezoid(x, places, axis=1), trapezoid(x, places, axis=1))
    np.testing.assert_allclose(ops.trapezoid(x, dx=0.3, axis=0), trapezoid(x, dx=0.3, axis=0))
    gradcheck(lambda v: ops.diff(v, 2, 1), [x])
    gradcheck(lambda v, p: ops.trapezoid(v, p, axis=1), [x, places])
    gradcheck(lambda v: ops.ptp(v, 1), [x])
    with pytest.raises(ValueError, match="n must be"):
        ops.diff(x, -1)
    assert ops.diff(Input((6, 2)), axis=1).shape == (None, 5, 2)
    assert ops.quantile(Input((6, 2)), [0.1, 0.9], axis=1).shape == (2, None, 2)


@pytest.mark.parametrize("sizes", [(7, 3), (7, 4), (7, 2), (4, 7), (3, 7), (5, 5), (1, 4)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_correlate(rng: np.random.Generator, sizes: tuple[int, int], mode: str) -> None:
    a, b = (rng.normal(size=size) for size in sizes)
    np.testing.assert_allclose(ops.correlate(a, b, mode), np.correlate(a, b, mode), rtol=1e-10, atol=1e-12)
    gradcheck(lambda x, y: ops.correlate(x, y, mode), [a, b])


def test_correlations(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 9))
    np.testing.assert_allclose(ops.corrcoef(x), np.corrcoef(x), rtol=1e-12)
    gradcheck(lambda v: ops.corrcoef(v) * np.arange(9.0).reshape(3, 3), [x])
    assert ops.corrcoef(x[0]).shape == ()
    with pytest.raises(ValueError, match="mode must"):
        ops.correlate(x[0], x[1], "some")
    with pytest.raises(ValueError, match=r"vectors with at least one number, got shapes \(3, 9\)"):
        ops.correlate(x, x[0])


def test_histogram(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5)).astype("f")
    for arguments in ((7,), (5, (-1.0, 1.0)), ([-2.0, 0.0, 0.5, 2.0],)):
        counts, edges = ops.histogram(x, *arguments)
        wanted = np.histogram(x, *arguments)
        np.testing.assert_array_equal(counts, wanted[0])
        np.testing.assert_allclose(edges, wanted[1], rtol=1e-6)
        assert edges.dtype == np.float32
    with GradientTape(), pytest.raises(NotImplementedError, match=r"ops\.histogram has no gradient"):
        ops.histogram(Variable(x))


def test_segments(rng: np.random.Generator) -> None:
    x, ids = rng.normal(size=(6, 2)), np.array([2, 0, 2, 3, 0, 2])
    for name, reduce, empty in (
        ("max", np.max, -np.inf), ("min", np.min, np.inf), ("prod", np.prod, 1.0)
    ):  # fmt: skip
        found = getattr(ops, f"segment_{name}")(x, ids, 5)
        wanted = [reduce(x[ids == k], 0) if (ids == k).any() else [empty] * 2 for k in range(5)]
        np.testing.assert_allclose(found, wanted)
        assert getattr(ops, f"segment_{name}")(x, ids).shape == (4, 2)
    gradcheck(lambda v: ops.segment_max(v, ids // 2), [x])
    gradcheck(lambda v: ops.segment_min(v, ids // 2), [x])
    np.testing.assert_array_equal(ops.segment_max(np.array([3, 4]), np.array([0, 2])), [3, np.iinfo(int).min, 4])
    with GradientTape(), pytest.raises(NotImplementedError, match="segment_prod has no gradient"):
        ops.segment_prod(Variable(x), ids)
