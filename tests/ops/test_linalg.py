"""Decompositions, determinants, inverses and linear systems: values against numpy's, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Model, Variable, gradcheck, ops
from recurra.layers import Dense


@pytest.fixture
def positive(rng: np.random.Generator) -> Any:
    """A stack (2, 4, 4) of symmetric positive definite matrices."""
    a = rng.normal(size=(2, 4, 4))
    return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(4)


def symmetric(function: Any) -> Any:
    """`function` of the symmetric part, so that differences step along symmetric matrices."""
    return lambda x: function((x + ops.swapaxes(x, -1, -2)) * 0.5)


def test_inverses_and_determinants(rng: np.random.Generator, positive: Any) -> None:
    x = rng.normal(size=(2, 4, 4)) + 3 * np.eye(4)
    np.testing.assert_allclose(ops.inv(x) @ x, np.broadcast_to(np.eye(4), (2, 4, 4)), atol=1e-12)
    np.testing.assert_allclose(ops.det(x), np.linalg.det(x))
    np.testing.assert_allclose(ops.logdet(positive), np.log(np.linalg.det(positive)))
    turned = x[:, ::-1] * [[[1.0]], [[-2.0]]]
    for found, wanted in zip(ops.slogdet(turned), np.linalg.slogdet(turned), strict=True):
        np.testing.assert_allclose(found, wanted)
    for op in (ops.inv, ops.det, ops.linalg.logdet if (np.linalg.det(x) > 0).all() else ops.det):
        gradcheck(op, [x])
    gradcheck(lambda v: ops.slogdet(v)[1], [turned])
    np.testing.assert_array_equal(ops.logdet(np.diag([1.0, -1.0])), np.nan)
    np.testing.assert_array_equal(ops.logdet(np.zeros((2, 2))), -np.inf)


@pytest.mark.parametrize("columns", [(), (3,)])
def test_linear_systems(rng: np.random.Generator, columns: tuple[int, ...]) -> None:
    a, b = rng.normal(size=(2, 4, 4)) + 3 * np.eye(4), rng.normal(size=(2, 4, *columns))
    found = ops.solve(a, b)
    np.testing.assert_allclose(np.einsum("bij,bj...->bi...", a, found), b, atol=1e-12)
    gradcheck(ops.solve, [a, b])
    for lower in (False, True):
        half = np.tril(a) if lower else np.triu(a)
        np.testing.assert_allclose(ops.solve_triangular(a, b, lower), ops.solve(half, b), rtol=1e-10)
        gradcheck(lambda x, y, lower=lower: ops.solve_triangular(x, y, lower), [a, b])


def test_one_matrix_for_several_right_sides(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(4, 4)) + 3 * np.eye(4), rng.normal(size=(5, 4, 3))
    np.testing.assert_allclose(a @ ops.solve(a, b), b, atol=1e-12)
    gradcheck(ops.solve, [a, b])


def test_cholesky(positive: Any) -> None:
    root = ops.cholesky(positive)
    np.testing.assert_allclose(root, np.linalg.cholesky(positive))
    np.testing.assert_allclose(ops.cholesky(positive, upper=True), np.swapaxes(root, -1, -2))
    np.testing.assert_allclose(ops.cholesky_inverse(root), np.linalg.inv(positive), rtol=1e-9)
    np.testing.assert_allclose(
        ops.cholesky_inverse(np.swapaxes(root, -1, -2), upper=True), np.linalg.inv(positive), rtol=1e-9
    )
    for upper in (False, True):
        gradcheck(symmetric(lambda x, upper=upper: ops.cholesky(x, upper)), [positive])
    gradcheck(ops.cholesky_inverse, [root])


def test_eigh(positive: Any) -> None:
    values, vectors = ops.eigh(positive)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(positive))
    np.testing.assert_allclose((vectors * values[:, None]) @ np.swapaxes(vectors, -1, -2), positive, atol=1e-12)
    gradcheck(symmetric(lambda x: ops.eigh(x)[0]), [positive])
    gradcheck(symmetric(lambda x: ops.square(ops.eigh(x)[1])), [positive])  # the sign of a vector is free


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (2, 5, 3)])
def test_pseudo_inverse_and_least_squares(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    x = rng.normal(size=shape)
    np.testing.assert_allclose(ops.pinv(x), np.linalg.pinv(x), atol=1e-10)
    gradcheck(ops.pinv, [x])
    if len(shape) == 2:
        for b in (rng.normal(size=shape[0]), rng.normal(size=(shape[0], 2))):
            np.testing.assert_allclose(ops.lstsq(x, b), np.linalg.lstsq(x, b, rcond=None)[0], atol=1e-9)
            gradcheck(ops.lstsq, [x, b])


def test_decompositions_without_a_gradient(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 5, 3))
    u, s, vh = ops.svd(x, full_matrices=False)
    np.testing.assert_allclose((u * s[:, None]) @ vh, x, atol=1e-12)
    assert [one.shape for one in ops.svd(x)] == [(2, 5, 5), (2, 3), (2, 3, 3)]
    np.testing.assert_allclose(ops.svd(x, compute_uv=False), s)
    q, r = ops.qr(x)
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    assert ops.qr(x, "complete")[0].shape == (2, 5, 5)
    square = rng.normal(size=(2, 4, 4))
    values, vectors = ops.eig(square.astype("f"))
    np.testing.assert_allclose(square @ vectors, vectors * values[:, None], atol=1e-4)
    assert values.dtype == np.complex64
    np.testing.assert_array_equal(ops.matrix_rank(np.stack([np.eye(3), np.ones((3, 3))])), [3, 1])
    lu, pivots = ops.lu_factor(square)
    for matrix, packed, exchanged in zip(square, lu, pivots, strict=True):
        rows = matrix.copy()
        for k, other in enumerate(exchanged):
            rows[[k, other]] = rows[[other, k]]
        np.testing.assert_allclose((np.tril(packed, -1) + np.eye(4)) @ np.triu(packed), rows, atol=1e-12)
    for name in ("svd", "qr", "eig", "lu_factor", "matrix_rank"):
        with GradientTape(), pytest.raises(NotImplementedError, match=rf"ops\.{name} has no gradient"):
            getattr(ops, name)(Variable(square))


def test_what_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"x must be square matrices \(\.\.\., N, N\), got shape \(3, 4\)"):
        ops.inv(np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"x must be matrices \(\.\.\., N, M\), got shape \(3,\)"):
        ops.svd(np.ones(3))
    with pytest.raises(ValueError, match="mode must be"):
        ops.qr(np.ones((2, 2)), "raw")  # type: ignore[arg-type]
    with pytest.raises(np.linalg.LinAlgError):
        ops.inv(np.zeros((2, 2)))


def test_in_a_functional_model(rng: np.random.Generator) -> None:
    x = Input((3, 3))
    inverse, determinant = ops.inv(x), ops.linalg.det(x)
    assert inverse.shape == (None, 3, 3) and determinant.shape == (None,)
    assert [one.shape for one in ops.linalg.svd(x)] == [(None, 3, 3), (None, 3), (None, 3, 3)]
    model = Model(x, Dense(2)(ops.solve(x, ops.square(x)[:, :, :2])))
    data = rng.normal(size=(2, 3, 3)).astype("f") + 3 * np.eye(3, dtype="f")
    hidden = np.linalg.solve(data, np.square(data)[:, :, :2])
    np.testing.assert_allclose(model(data), hidden @ model.get_weights()[0], rtol=1e-4, atol=1e-5)
