"""Activations, softmax, cross-entropy, products and embeddings of the reference, against formulas and differences."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

FORMULAS = {
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    "relu": lambda x: max(x, 0.0),
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
    "linear": lambda x: x,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activation(reference: ModuleType, dtype: np.dtype, name: str) -> None:
    x = np.array([[-800.0, -30.0, -3.5, -0.7, -1e-4], [0.0, 2e-3, 0.4, 2.9, 50.0]], dtype)
    y = reference.activation_forward(name, x)
    assert y.dtype == dtype
    expected = np.array([[FORMULAS[name](float(v)) for v in row] for row in x])
    np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(dtype).eps, atol=1e-300)


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_gradient(reference: ModuleType, rng: np.random.Generator, name: str) -> None:
    x, dy, eps = rng.normal(0, 3, (4, 5)), rng.normal(size=(4, 5)), 1e-6
    slope = (reference.activation_forward(name, x + eps) - reference.activation_forward(name, x - eps)) / (2 * eps)
    dx = reference.activation_backward(name, reference.activation_forward(name, x), dy)
    np.testing.assert_allclose(dx, dy * slope, atol=1e-8)


def test_softmax(reference: ModuleType, rng: np.random.Generator) -> None:
    x = rng.normal(0, 4, (2, 3, 7))
    y = reference.softmax_forward(x)
    np.testing.assert_allclose(y.sum(axis=-1), 1)
    np.testing.assert_allclose(np.log(y[..., 0] / y[..., 3]), x[..., 0] - x[..., 3])
    np.testing.assert_allclose(reference.softmax_forward(x + 1e4), y, rtol=1e-9)
    dy, eps, direction = rng.normal(size=x.shape), 1e-6, rng.normal(size=x.shape)
    high, low = (reference.softmax_forward(x + e * direction) for e in (eps, -eps))
    expected = ((high - low) * dy).sum() / (2 * eps)
    assert (reference.softmax_backward(y, dy) * direction).sum() == pytest.approx(expected, rel=1e-7)


def test_softmax_cross_entropy(reference: ModuleType, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(0, 5, (6, 9)), rng.integers(0, 9, 6).astype(np.int32)
    loss, lse = reference.softmax_cross_entropy_forward(logits, labels)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(loss, -np.log(probabilities[np.arange(6), labels]))
    np.testing.assert_allclose(lse, np.log(np.exp(logits).sum(axis=1)))
    dloss, eps = rng.normal(size=6), 1e-6
    expected = np.zeros_like(logits)
    for index in np.ndindex(logits.shape):
        for sign in (1, -1):
            moved = logits.copy()
            moved[index] += sign * eps
            expected[index] += (
                sign * (reference.softmax_cross_entropy_forward(moved, labels)[0] * dloss).sum() / (2 * eps)
            )
    dlogits = reference.softmax_cross_entropy_backward(logits, labels, lse, dloss)
    np.testing.assert_allclose(dlogits, expected, atol=1e-8)


@pytest.mark.parametrize("stack", [(), (4,)])
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_matmul(
    reference: ModuleType, rng: np.random.Generator, stack: tuple, trans_a: bool, trans_b: bool, with_bias: bool
) -> None:
    a, b, bias = rng.normal(size=(*stack, 3, 5)), rng.normal(size=(*stack, 5, 7)), rng.normal(size=7)
    expected = np.einsum("...mk,...kn->...mn", a, b) + with_bias * bias
    a = np.ascontiguousarray(np.swapaxes(a, -1, -2)) if trans_a else a
    b = np.ascontiguousarray(np.swapaxes(b, -1, -2)) if trans_b else b
    found = reference.matmul(a, b, bias if with_bias else None, trans_a, trans_b)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_embedding(reference: ModuleType, rng: np.random.Generator) -> None:
    table, ids = rng.normal(size=(8, 3)), np.array([[5, 1, 5], [0, 5, 7]], np.int32)
    y = reference.embedding_forward(table, ids)
    np.testing.assert_array_equal(y[1, 2], table[7])
    assert y.shape == (2, 3, 3)
    dy = rng.normal(size=y.shape)
    used, rows = reference.embedding_backward(ids, dy)
    np.testing.assert_array_equal(used, [0, 1, 5, 7])
    np.testing.assert_allclose(rows[2], dy[0, 0] + dy[0, 2] + dy[1, 1])
    np.testing.assert_allclose(rows[0], dy[1, 0])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda r: r.activation_forward("swish", np.zeros(3)),
            ValueError,
            "name must be 'tanh', .* or 'linear', got 'swish'",
        ),
        (lambda r: r.activation_forward("tanh", [0.0]), TypeError, "x must be a numpy array, got list"),
        (lambda r: r.activation_backward("tanh", np.zeros(3), np.zeros(4)), ValueError, "dy must have the shape of y"),
        (lambda r: r.matmul(np.zeros((2, 3)), np.zeros((4, 5)), None, False, False), ValueError, r"\(3, 5\)"),
        (
            lambda r: r.matmul(np.zeros((2, 3)), np.zeros((3, 5), "f"), None, False, False),
            TypeError,
            "b must be float64",
        ),
        (lambda r: r.matmul(np.zeros(3), np.zeros((3, 5)), None, False, False), ValueError, "a must have shape"),
        (lambda r: r.softmax_forward(np.zeros(())), ValueError, "x must have shape"),
        (lambda r: r.embedding_forward(np.zeros((4, 2)), np.array([4], np.int32)), ValueError, r"\[0, V\) = \[0, 4\)"),
        (lambda r: r.embedding_forward(np.zeros((4, 2)), np.array([1])), TypeError, "ids must be int32"),
        (
            lambda r: r.softmax_cross_entropy_forward(np.zeros((2, 3)), np.array([0, 3], np.int32)),
            ValueError,
            r"labels must be in \[0, V\) = \[0, 3\), got 3",
        ),
        (
            lambda r: r.softmax_cross_entropy_forward(np.zeros((2, 3)), np.array([0], np.int32)),
            ValueError,
            r"labels must have shape \(M,\) = \(2,\)",
        ),
    ],
)
def test_errors(reference: ModuleType, call, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(reference)
