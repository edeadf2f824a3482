"""Arithmetic, reductions and comparisons: values against numpy, gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops

UNARY = {
    "negative": np.negative,
    "abs": np.abs,
    "square": np.square,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "power": np.power,
}
REDUCTIONS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "var": np.var, "std": np.std}
AXES = [None, 0, 1, -1, (0, 2), [1, 2]]


@pytest.mark.parametrize("name", UNARY)
def test_unary(rng: np.random.Generator, name: str) -> None:
    x = rng.uniform(0.2, 3.0, (3, 4))
    if name in ("negative", "abs", "square", "sin", "cos"):
        x *= rng.choice([-1, 1], x.shape)
    op = getattr(ops, name)
    np.testing.assert_array_equal(op(x), UNARY[name](x))
    assert op(x.astype(np.float32)).dtype == np.float32
    gradcheck(op, x)


@pytest.mark.parametrize(
    "shapes", [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 4), (3, 1)), ((3, 4), ()), ((1, 4), (3, 1))]
)
@pytest.mark.parametrize("name", BINARY)
def test_binary(rng: np.random.Generator, name: str, shapes: tuple) -> None:
    a, b = (rng.uniform(0.5, 2.5, shape) for shape in shapes)
    op = getattr(ops, name)
    np.testing.assert_array_equal(op(a, b), BINARY[name](a, b))
    gradcheck(op, [a, b])
    gradcheck(op, [b, a])
    gradcheck(lambda v: op(v, 1.7), [a])
    gradcheck(lambda v: op(1.7, v), [a])


def test_equal_elements_share_the_gradient() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 0.0])
    for op, expected in ((ops.maximum, [0.5, 0, 1]), (ops.minimum, [0.5, 1, 0])):
        with GradientTape() as tape:
            a = tape.watch(x)
            out = ops.sum(op(a, y))
        np.testing.assert_array_equal(tape.gradient(out, a), expected)
    for op, v in ((ops.max, [3.0, 1.0, 3.0]), (ops.min, [0.0, 1.0, 0.0])):
        with GradientTape() as tape:
            a = tape.watch(np.array(v))
            out = op(a)
        np.testing.assert_array_equal(tape.gradient(out, a), [0.5, 0, 0.5])


def test_power_with_integer_exponents_and_zero() -> None:
    with GradientTape() as tape:
        x = tape.watch(np.array([0.0, -2.0, 3.0]))
        out = ops.sum(x**2 + x**3)
    np.testing.assert_allclose(tape.gradient(out, x), [0, -4 + 12, 6 + 27])
    with GradientTape() as tape:
        b = tape.watch(np.array([2.0, 2.0]))
        out = ops.sum(ops.power(np.array([0.0, 3.0]), b))
    np.testing.assert_allclose(tape.gradient(out, b), [0, 9 * np.log(3)])


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(rng: np.random.Generator, name: str, axis: Any, keepdims: bool) -> None:
    x = rng.normal(size=(2, 3, 4))
    op = getattr(ops, name)
    expected = REDUCTIONS[name](x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
    np.testing.assert_allclose(op(x, axis, keepdims), expected, rtol=1e-13)
    assert np.shape(op(x, axis, keepdims)) == np.shape(expected)
    gradcheck(lambda v: op(v, axis, keepdims), x)


def test_reductions_keep_the_dtype_under_a_tape() -> None:
    for name in REDUCTIONS:
        with GradientTape() as tape:
            x = tape.watch(np.arange(6, dtype=np.float32).reshape(2, 3))
            out = getattr(ops, name)(x) * 2.0
        assert tape.gradient(out, x).dtype == np.float32, name


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_logsumexp(rng: np.random.Generator, axis: Any) -> None:
    x = rng.normal(0, 3, (2, 3, 4))
    chosen = tuple(axis) if isinstance(axis, list) else axis
    np.testing.assert_allclose(ops.logsumexp(x, axis), np.log(np.exp(x).sum(axis=chosen)))
    np.testing.assert_allclose(ops.logsumexp(x + 5000, axis), np.log(np.exp(x).sum(axis=chosen)) + 5000)
    gradcheck(lambda v: ops.logsumexp(v, axis), x)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_cumsum(rng: np.random.Generator, axis: int | None) -> None:
    x = rng.normal(size=(3, 4, 2))
    np.testing.assert_array_equal(ops.cumsum(x, axis), np.cumsum(x, axis))
    gradcheck(lambda v: ops.cumsum(v, axis), x)


def test_moments(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 3))
    mean, variance = ops.moments(x, 0)
    np.testing.assert_allclose(mean, x.mean(0))
    np.testing.assert_allclose(variance, x.var(0))
    gradcheck(lambda v: ops.moments(v, [0]), x)


def test_clip() -> None:
    x = np.array([-2.0, -0.5, 0.3, 4.0])
    np.testing.assert_array_equal(ops.clip(x, -1, 1), [-1, -0.5, 0.3, 1])
    gradcheck(lambda v: ops.clip(v, -1.0, 1.0), x)
    gradcheck(lambda v: ops.clip(v, np.array([[-1.0], [-3.0]]), 1.0), x)


def test_where(rng: np.random.Generator) -> None:
    condition = rng.random((3, 4)) < 0.5
    gradcheck(lambda a, b: ops.where(condition, a, b), [rng.normal(size=(3, 4)), rng.normal(size=4)])
    gradcheck(lambda a: ops.where(condition, a, 0.0), [rng.normal(size=(3, 4))])
    rows, columns = ops.where(condition)
    np.testing.assert_array_equal((rows, columns), np.nonzero(condition))
    with pytest.raises(ValueError, match="both"):
        ops.where(condition, 1.0)


def test_comparisons_and_logic(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 3, (4, 5)), rng.integers(0, 3, (4, 5))
    for name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_or"):
        np.testing.assert_array_equal(getattr(ops, name)(a, b), getattr(np, name)(a, b), err_msg=name)
    np.testing.assert_array_equal(ops.logical_not(a), np.logical_not(a))
    np.testing.assert_array_equal(ops.any(a, 1), np.any(a, 1))
    np.testing.assert_array_equal(ops.all(a, [0, 1]), np.all(a))
    np.testing.assert_array_equal(ops.argmax(a, 1), np.argmax(a, 1))
    np.testing.assert_array_equal(ops.argmin(a, 0), np.argmin(a, 0))
    np.testing.assert_array_equal(ops.argsort(a), np.argsort(a, kind="stable"))
    np.testing.assert_array_equal(ops.isnan([1.0, np.nan]), [False, True])
    np.testing.assert_array_equal(ops.isfinite([1.0, np.inf]), [True, False])
    np.testing.assert_array_equal(ops.sign([-3.0, 0.0, 2.0]), [-1, 0, 1])
    np.testing.assert_array_equal(ops.floor([-1.5, 1.5]), [-2, 1])
    np.testing.assert_array_equal(ops.round([1.26, 2.5], 1), [1.3, 2.5])


def test_numbers_do_not_widen_float32() -> None:
    x = Variable(np.ones(3, np.float32))
    for y in (x * 2.0, 2.0 * x, x / np.float64(3.0), x - np.sqrt(2.0), x**2, ops.maximum(x, 0.5), 1 - x):
        assert y.dtype == np.float32
    with GradientTape() as tape:
        y = ops.sum(x * np.ones(3))  # a float64 array does
    assert y.dtype == np.float64
    assert tape.gradient(y, x).dtype == np.float32


def test_stop_gradient() -> None:
    x = Variable(np.array([2.0, 3.0]))
    with GradientTape() as tape:
        y = ops.sum(x * ops.stop_gradient(x * x))
    np.testing.assert_array_equal(tape.gradient(y, x), [4, 9])


def test_bad_axis() -> None:
    with pytest.raises((ValueError, np.exceptions.AxisError if hasattr(np, "exceptions") else IndexError)):
        ops.sum(np.zeros((2, 3)), 2)


@pytest.mark.parametrize("shape", [(3,), (64, 1), (5, 1000), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reductions_of_everything(shape: tuple[int, ...], keepdims: bool, dtype: str, rng: np.random.Generator) -> None:
    """numpy's bits and dtype, and a gradient for every element, whether few or many are reduced."""
    x = np.asarray(rng.normal(size=shape), dtype)
    for name, share in (("mean", 1 / max(x.size, 1)), ("sum", 1)):
        variable = Variable(x)
        with GradientTape() as tape:
            y = getattr(ops, name)(variable, keepdims=keepdims)
        expected = getattr(np, name)(x, keepdims=keepdims)
        assert y.shape == expected.shape and y.dtype == expected.dtype == x.dtype
        np.testing.assert_array_equal(np.asarray(y), expected)
        np.testing.assert_array_equal(np.asarray(getattr(ops, name)(x, keepdims=keepdims)), expected)
        weight = np.full(y.shape, 2.5, dtype)
        gradient = tape.gradient(y, variable, output_gradient=weight)
        assert gradient.shape == x.shape and gradient.dtype == x.dtype
        np.testing.assert_allclose(gradient, np.full(shape, 2.5 * share), rtol=1e-6)
