"""Activations, softmax, embedding, dropout and normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from recurra.autograd import RowSparse
from recurra.random import SeedGenerator
from tests.golden import GOLDEN
from tests.support.tolerances import assert_close

NUMBERS = GOLDEN / "torch.npz"
FUNCTIONS: dict[str, Any] = {
    name: getattr(ops, name)
    for name in (
        *("tanh", "sigmoid", "relu", "hard_sigmoid", "elu", "selu", "softplus", "softsign", "silu", "mish", "relu6"),
        *("leaky_relu", "log_sigmoid", "softmax", "log_softmax", "hard_silu"),
    )
}
FUNCTIONS["gelu_erf"] = lambda x: ops.gelu(x, approximate=False)
FUNCTIONS["gelu_tanh"] = ops.gelu
FUNCTIONS["softmax_axis0"] = lambda x: ops.softmax(x, axis=0)
FUNCTIONS["layer_norm"] = ops.layer_normalization


@pytest.mark.parametrize("name", FUNCTIONS)
def test_equals_pytorch(dtype: np.dtype, name: str) -> None:
    with np.load(NUMBERS) as golden:
        x, dy = golden["functions/x"].astype(dtype), golden["functions/dy"].astype(dtype)
        y, dx = golden[f"functions/{name}/y"].astype(dtype), golden[f"functions/{name}/dx"].astype(dtype)
    assert_close(FUNCTIONS[name](x), y, "framework")
    with GradientTape() as tape:
        v = tape.watch(x)
        out = FUNCTIONS[name](v)
    if name != "hard_sigmoid" or dtype == np.float32:  # PyTorch's slope is 1/6 in float32 only
        assert_close(tape.gradient(out, v, dy), dx, "framework")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient(rng: np.random.Generator, name: str) -> None:
    gradcheck(FUNCTIONS[name], rng.normal(0, 2, (3, 4)))
    gradcheck(lambda x: FUNCTIONS[name](ops.transpose(x)), rng.normal(0, 2, (4, 3)))


def test_integers_become_floats() -> None:
    assert ops.sigmoid([0, 1]).dtype == np.float32
    assert ops.softmax(np.zeros((2, 3), int)).dtype == np.float32
    with pytest.raises(TypeError, match="array of numbers"):
        ops.tanh(np.array(["a"]))


def test_erf(rng: np.random.Generator) -> None:
    np.testing.assert_allclose(ops.erf([0.0, 0.5, -1.0]), [0, 0.5204998778, -0.8427007929], atol=1e-7)
    gradcheck(ops.erf, rng.normal(size=5))


def test_softmax_stays_finite() -> None:
    np.testing.assert_allclose(ops.softmax(np.array([[1e4, 0.0, -1e4]])), [[1, 0, 0]])
    np.testing.assert_allclose(ops.log_softmax(np.array([[1e4, 0.0]])), [[0, -1e4]])
    np.testing.assert_allclose(ops.softmax(np.array([[2.0, -np.inf, 2.0]])), [[0.5, 0, 0.5]])


def test_embedding(rng: np.random.Generator) -> None:
    table = Variable(rng.normal(size=(7, 3)))
    ids = np.array([[4, 1, 4], [0, 4, 6]])
    np.testing.assert_array_equal(ops.embedding(table, ids), table.value[ids])
    gradcheck(lambda t: ops.embedding(t, ids), [table])
    with GradientTape() as tape:
        y = ops.embedding(table, ids)
    dy = rng.normal(size=y.shape)
    grad = tape.gradient(y, table, dy)
    assert isinstance(grad, RowSparse)
    np.testing.assert_array_equal(grad.ids, [0, 1, 4, 6])
    np.testing.assert_allclose(grad.rows[2], dy[0, 0] + dy[0, 2] + dy[1, 1])
    for bad in ([7], [-1], [2**40]):
        with pytest.raises(ValueError, match=r"ids must be in \[0, V\) = \[0, 7\)"):
            ops.embedding(table, np.array(bad))
    with pytest.raises(TypeError, match="ids must be integers"):
        ops.embedding(table, np.array([1.0]))
    with pytest.raises(ValueError, match=r"table must have shape \(V, I\)"):
        ops.embedding(np.zeros(3), ids)


def test_dropout(rng: np.random.Generator) -> None:
    x = rng.normal(size=(400, 30)).astype(np.float32)
    y = ops.dropout(x, 0.3, seed=5)
    kept = y != 0
    assert kept.mean() == pytest.approx(0.7, abs=0.02)
    np.testing.assert_allclose(y[kept], x[kept] / 0.7, rtol=1e-6)
    np.testing.assert_array_equal(ops.dropout(x, 0.3, seed=5), y)
    np.testing.assert_array_equal(ops.dropout(x[:50], 0.3, seed=5), y[:50])
    draws = SeedGenerator(5)
    first, second = ops.dropout(x, 0.3, draws), ops.dropout(x, 0.3, draws)
    assert (first != second).any()
    assert (ops.dropout(x, 0.3) != ops.dropout(x, 0.3)).any()
    np.testing.assert_array_equal(ops.dropout(x, 0.0, 5), x)
    assert not ops.dropout(x, 1.0, 5).any()
    gradcheck(lambda v: ops.dropout(v, 0.4, seed=2), rng.normal(size=(3, 4)))


def test_dropout_of_whole_features(rng: np.random.Generator) -> None:
    y = ops.dropout(np.ones((5, 7, 9), np.float32), 0.5, seed=1, noise_shape=(None, 1, 9))
    assert ((y == 0).all(axis=1) | (y == 2).all(axis=1)).all()
    assert 0 < (y == 0).mean() < 1
    gradcheck(lambda v: ops.dropout(v, 0.5, 1, (2, 1, 4)), rng.normal(size=(2, 3, 4)))
    with pytest.raises(ValueError, match="noise_shape must have 2 sizes"):
        ops.dropout(np.ones((2, 3)), 0.5, 1, (2,))
    with pytest.raises(ValueError, match="noise_shape must be 1, None or"):
        ops.dropout(np.ones((2, 3)), 0.5, 1, (2, 2))
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\], got 1.5"):
        ops.dropout(np.ones((2, 3)), 1.5)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_layer_normalization(rng: np.random.Generator, axis: Any) -> None:
    x = rng.normal(3, 2, (2, 3, 4))
    shape = {-1: (4,), 1: (3,), (1, 2): (3, 4)}[axis]
    y = ops.layer_normalization(x, axis=axis, epsilon=1e-12)
    np.testing.assert_allclose(y.mean(axis=axis), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=axis), 1, rtol=1e-9)
    gradcheck(
        lambda v, g, b: ops.layer_normalization(v, g, b, axis), [x, rng.normal(size=shape), rng.normal(size=shape)]
    )


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization(rng: np.random.Generator, axis: int) -> None:
    x = rng.normal(3, 2, (5, 3, 4))
    others = [k for k in range(3) if k != axis % 3]
    size = x.shape[axis]

    def training(v: Any, g: Any, b: Any) -> Any:
        return ops.batch_normalization(v, *ops.moments(v, others), axis, b, g, 1e-3)

    y = training(x, np.full(size, 2.0), np.full(size, 5.0))
    np.testing.assert_allclose(y.mean(axis=tuple(others)), 5)
    gradcheck(training, [x, rng.normal(size=size), rng.normal(size=size)])


def test_normalize(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    np.testing.assert_allclose(np.square(ops.normalize(x)).sum(axis=1), 1)
    gradcheck(ops.normalize, x)
    assert not ops.normalize(np.zeros((2, 3))).any()
