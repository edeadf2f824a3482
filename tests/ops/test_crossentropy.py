"""Cross-entropies: Keras's rules for probabilities, PyTorch's numbers for logits, gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from tests.golden import GOLDEN
from tests.support.tolerances import assert_close

NUMBERS = GOLDEN / "torch.npz"


def _golden(prefix: str, dtype: np.dtype) -> dict[str, np.ndarray]:
    with np.load(NUMBERS) as stored:
        found = {key.rpartition("/")[2]: stored[key] for key in stored.files if key.startswith(prefix + "/")}
    return {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in found.items()}


def test_softmax_cross_entropy_equals_pytorch(dtype: np.dtype) -> None:
    g = _golden("cross_entropy", dtype)
    for loss in (
        lambda x: ops.softmax_cross_entropy(x, g["labels"]),
        lambda x: ops.sparse_categorical_crossentropy(g["labels"], x, from_logits=True),
        lambda x: ops.categorical_crossentropy(ops.one_hot(g["labels"], 7), x, from_logits=True),
    ):
        assert_close(loss(g["logits"]), g["loss"], "framework")
        with GradientTape() as tape:
            x = tape.watch(g["logits"])
            out = loss(x)
        assert_close(tape.gradient(out, x, g["dloss"]), g["dlogits"], "framework")


def test_sigmoid_cross_entropy_equals_pytorch(dtype: np.dtype) -> None:
    g = _golden("binary_cross_entropy", dtype)
    assert_close(ops.sigmoid_cross_entropy(g["logits"], g["targets"]), g["loss"], "framework")
    assert_close(ops.binary_crossentropy(g["targets"], g["logits"], from_logits=True), g["loss"], "framework")
    with GradientTape() as tape:
        x = tape.watch(g["logits"])
        out = ops.sigmoid_cross_entropy(x, g["targets"])
    assert_close(tape.gradient(out, x), g["dlogits"], "framework")


def _probabilities(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(0.1, 0.9, shape)  # not summing to 1


@pytest.mark.parametrize("axis", [-1, 1])
def test_categorical_crossentropy(rng: np.random.Generator, axis: int) -> None:
    p, t = _probabilities(rng, 2, 3, 4), rng.random((2, 3, 4))
    shares = p / p.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(ops.categorical_crossentropy(t, p, axis=axis), -(t * np.log(shares)).sum(axis=axis))
    gradcheck(lambda x: ops.categorical_crossentropy(t, x, axis=axis), p)
    x = rng.normal(0, 3, (2, 3, 4))
    shares = np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(ops.categorical_crossentropy(t, x, True, axis), -(t * np.log(shares)).sum(axis=axis))
    gradcheck(lambda v: ops.categorical_crossentropy(t, v, True, axis), x)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("axis", [-1, 1])
def test_sparse_equals_one_hot(rng: np.random.Generator, axis: int, from_logits: bool) -> None:
    p = _probabilities(rng, 2, 3, 4)
    size = p.shape[axis]
    labels = rng.integers(0, size, (2, 3) if axis == -1 else (2, 4))
    hot = ops.one_hot(labels, size, axis, "float64")
    expected = ops.categorical_crossentropy(hot, p, from_logits, axis)
    for given in (labels, labels.astype(np.int32), labels.astype(np.float32)):
        np.testing.assert_allclose(ops.sparse_categorical_crossentropy(given, p, from_logits, axis), expected)
    gradcheck(lambda x: ops.sparse_categorical_crossentropy(labels, x, from_logits, axis), p)
    if axis == -1:
        squeezed = ops.sparse_categorical_crossentropy(labels[..., None], p, from_logits)
        np.testing.assert_allclose(squeezed, expected)


def test_binary_crossentropy(rng: np.random.Generator) -> None:
    p, t = _probabilities(rng, 3, 4), rng.random((3, 4))
    np.testing.assert_allclose(ops.binary_crossentropy(t, p), -(t * np.log(p) + (1 - t) * np.log(1 - p)))
    gradcheck(lambda x: ops.binary_crossentropy(t, x), p)
    gradcheck(lambda x: ops.binary_crossentropy(t, x, from_logits=True), rng.normal(0, 3, (3, 4)))


def test_probabilities_are_held_back_from_0_and_1() -> None:
    p, t = np.array([0.0, 1.0], np.float32), np.array([1.0, 0.0], np.float32)
    high = -np.log(np.float32(1e-7))
    found = ops.binary_crossentropy(t, p)
    np.testing.assert_allclose(found[0], high, rtol=1e-5)
    np.testing.assert_allclose(found[1], -np.log(np.float32(1) - np.float32(1 - 1e-7)), rtol=1e-5)
    sure = np.array([[1.0, 0.0, 0.0]], np.float32)
    np.testing.assert_allclose(ops.sparse_categorical_crossentropy([1], sure), [high], rtol=1e-5)
    np.testing.assert_allclose(ops.categorical_crossentropy([[0.0, 1, 0]], sure), [high], rtol=1e-5)
    for loss in (
        lambda x: ops.binary_crossentropy([[0.0, 1, 0]], x),
        lambda x: ops.sparse_categorical_crossentropy([1], x),
        lambda x: ops.categorical_crossentropy([[0.0, 1, 0]], x),
    ):
        with GradientTape() as tape:
            x = tape.watch(sure)
            out = ops.sum(loss(x))
        assert not tape.gradient(out, x).any()


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4)], ids=str)
def test_softmax_before_the_loss_changes_nothing(rng: np.random.Generator, shape: tuple) -> None:
    """The short way through a softmax equals the long one, also where probabilities are held back."""
    x = rng.normal(0, 3, shape)
    x[0] = [60.0, 0, 0, 0] if len(shape) == 2 else np.tile([60.0, 0, 0, 0], (3, 1))
    labels = rng.integers(0, 4, shape[:-1])

    def through(v: Any) -> Any:
        return ops.sparse_categorical_crossentropy(labels, ops.softmax(v))

    def around(v: Any) -> Any:
        return ops.sparse_categorical_crossentropy(labels, ops.softmax(v) * 1.0)

    np.testing.assert_allclose(through(x), around(x))
    grads = []
    for loss in (through, around):
        with GradientTape() as tape:
            v = tape.watch(x)
            out = ops.sum(loss(v) * np.arange(1.0, 1 + labels.size).reshape(labels.shape))
        grads.append(tape.gradient(out, v))
        if loss is through:
            assert not isinstance(out, np.ndarray)
    np.testing.assert_allclose(*grads, rtol=1e-9, atol=1e-12)
    gradcheck(through, rng.normal(size=shape))


def test_softmax_that_is_used_elsewhere_too(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 4, 3)

    def both(v: Any) -> Any:
        p = ops.softmax(v)
        return ops.sum(ops.sparse_categorical_crossentropy(labels, p)) + ops.sum(p * p)

    gradcheck(both, rng.normal(size=(3, 4)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: ops.softmax_cross_entropy(np.zeros((2, 3)), [0, 3]),
            ValueError,
            r"labels must be in \[0, V\) = \[0, 3\)",
        ),
        (lambda: ops.softmax_cross_entropy(np.zeros((2, 3)), [0]), ValueError, "labels must have logits' shape"),
        (lambda: ops.softmax_cross_entropy(np.zeros((2, 3)), [0.0, 1.0]), TypeError, "labels must be integers"),
        (lambda: ops.sparse_categorical_crossentropy([0, -1], np.ones((2, 3))), ValueError, "target must be in"),
        (lambda: ops.sparse_categorical_crossentropy([0.5, 1], np.ones((2, 3))), ValueError, "whole numbers"),
        (
            lambda: ops.sparse_categorical_crossentropy([0], np.ones((2, 3))),
            ValueError,
            "target must have output's shape",
        ),
        (lambda: ops.categorical_crossentropy(np.ones((2, 4)), np.ones((2, 3))), ValueError, "shape"),
        (lambda: ops.binary_crossentropy(np.ones((2, 2, 3)), np.ones((2, 3))), ValueError, "shape"),
    ],
)
def test_errors(call, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_target_must_be_a_constant() -> None:
    t = Variable(np.ones((2, 3)))
    with GradientTape(), pytest.raises(ValueError, match="target must be a constant"):
        ops.categorical_crossentropy(t, Variable(np.ones((2, 3))))
