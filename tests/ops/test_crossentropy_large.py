"""Losses from logits of any size beside longer numbers, and what else takes the logarithm of a sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, ops
from recurra.layers import Softmax
from recurra.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

SCALES = (1e-6, 1e-2, 1.0, 50.0, 1e4, 1e6, 1e8)
LONG = np.longdouble


def _logits(scale: float, shape: tuple[int, ...], far: bool, dtype: Any) -> np.ndarray:
    """Spread by `scale`, or beside each other at `scale`."""
    drawn = np.random.default_rng(3).normal(size=shape)
    return (scale + drawn if far else scale * drawn).astype(dtype)


def _both(call: Callable[[Any], Any], x: np.ndarray, d: np.ndarray) -> tuple[Any, Any]:
    with GradientTape() as tape:
        given = tape.watch(x)
        y = call(given)
    return y.value, tape.gradient(y, given, d)


def _close(found: Any, expected: Any, dtype: Any, size: float = 1.0) -> None:
    tiny = 4e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(found, expected, rtol=30 * tiny, atol=tiny * size)


@pytest.mark.parametrize("far", [False, True], ids=["spread", "far"])
@pytest.mark.parametrize("scale", SCALES)
def test_of_classes(dtype: np.dtype, scale: float, far: bool) -> None:
    V, axis = 5, 1
    x = _logits(scale, (4, V, 3), far, dtype)
    labels = np.random.default_rng(4).integers(0, V, (4, 3))
    hot = np.moveaxis(np.eye(V)[labels], -1, axis)
    soft = np.random.default_rng(5).random((4, V, 3))
    d = np.linspace(-1, 2, 12).reshape(4, 3).astype(dtype)
    long = x.astype(LONG)
    shifted = long - long.max(axis, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    for target in (hot, soft):
        t = target.astype(dtype).astype(LONG)
        expected = -(t * log_p).sum(axis)
        slope = np.expand_dims(d, axis) * (np.exp(log_p) * t.sum(axis, keepdims=True) - t)
        y, dx = _both(lambda v, t=target: ops.categorical_crossentropy(t, v, True, axis), x, d)
        _close(y, expected, dtype)
        _close(dx, slope, dtype)
        if target is hot:
            y, dx = _both(lambda v: ops.sparse_categorical_crossentropy(labels, v, True, axis), x, d)
            _close(y, expected, dtype)
            _close(dx, slope, dtype)
            last = np.ascontiguousarray(np.moveaxis(x, axis, -1))
            for loss, given in (
                (CategoricalCrossentropy(from_logits=True), np.moveaxis(hot, axis, -1)),
                (SparseCategoricalCrossentropy(from_logits=True), labels),
            ):
                _close(float(loss(given, last)), expected.mean(), dtype)
    y, dx = _both(lambda v: ops.log_softmax(v, axis), x, (hot * np.expand_dims(d, axis)).astype(dtype))
    _close(y, log_p, dtype)
    _close(dx, np.expand_dims(d, axis) * (hot - np.exp(log_p)), dtype)


def test_three_equal_logits() -> None:
    for size in (0, 1e4, -1e4, 1e7):
        x = np.full((2, 3), size, np.float32)
        for found in (
            ops.categorical_crossentropy(np.eye(3)[:2], x, from_logits=True),
            ops.sparse_categorical_crossentropy([0, 1], x, from_logits=True),
        ):
            np.testing.assert_allclose(found, np.log(3), rtol=2e-7)


def test_classes_ruled_out() -> None:
    """Logits of -inf count where the target is not 0, as they do for ids."""
    x = np.array([[1.0, -np.inf, 3], [-np.inf, 0, -np.inf]], np.float32)
    hot = np.array([[0, 0, 1.0], [0, 1, 0]])
    y, dx = _both(lambda v: ops.categorical_crossentropy(hot, v, from_logits=True), x, np.ones(2, np.float32))
    other, dother = _both(lambda v: ops.softmax_cross_entropy(v, [2, 1]), x, np.ones(2, np.float32))
    np.testing.assert_allclose(y, other, rtol=1e-6)
    np.testing.assert_allclose(dx, dother, rtol=1e-6, atol=1e-7)
    assert ops.categorical_crossentropy(hot[:, [0, 2, 1]], x, from_logits=True).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize("scale", SCALES)
def test_of_yes_or_no(dtype: np.dtype, scale: float) -> None:
    x = _logits(scale, (40,), False, dtype)
    x[:4] = 0, scale, -scale, 2 * scale
    long = x.astype(LONG)
    d = np.linspace(-1, 2, 40).astype(dtype)
    rest = np.log1p(np.exp(-np.abs(long)))
    for target in (0.0, 1.0, 0.9995, 0.25):
        t = LONG(dtype.type(target))
        expected = np.where(long > 0, long * (1 - t), -long * t) + rest
        y, dx = _both(lambda v, t=target: ops.sigmoid_cross_entropy(v, np.full(40, t)), x, d)
        _close(y, expected, dtype)
        _close(dx, d * (np.exp(-np.logaddexp(0, -long)) - t), dtype)
        loss = BinaryCrossentropy(from_logits=True)(np.full((40, 1), target), x[:, None])
        _close(float(loss), expected.mean(), dtype)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e6])
def test_other_logarithms_of_sums(shift: float) -> None:
    a = (shift + np.random.default_rng(6).normal(size=(3, 4))).astype(np.float32)
    b = (shift + np.random.default_rng(7).normal(size=(3, 4))).astype(np.float32)
    d = np.ones((3, 4), np.float32)
    for add, base in ((ops.logaddexp, np.e), (ops.logaddexp2, 2)):
        _, da = _both(lambda v, add=add: add(v, b), a, d)
        _, db = _both(lambda v, add=add: add(a, v), b, d)
        share = 1 / (1 + LONG(base) ** (b.astype(LONG) - a))
        _close(da, share, np.float32)
        _close(db, 1 - share, np.float32)
    shares, _ = _both(Softmax(axis=[0, 1]), a, d)
    e = np.exp(a.astype(LONG) - a.max())
    _close(shares, e / e.sum(), np.float32)
    _, dx = _both(lambda v: ops.square(Softmax(axis=[0, 1])(v)), a, d)
    p = e / e.sum()
    _close(dx, 2 * p * (p - (p * p).sum()), np.float32)


def test_infinities_added() -> None:
    a, b = np.array([-np.inf, np.inf, 2.0]), np.array([1.0, 1.0, -np.inf])
    y, da = _both(lambda v: ops.logaddexp(v, b), a, np.ones(3))
    assert y.tolist() == [1, np.inf, 2] and da.tolist() == [0, 1, 1]
