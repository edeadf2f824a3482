"""Arrays made, sorted, searched and written into: values against numpy, gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Variable, gradcheck, ops

X = np.random.RandomState(0).standard_normal((3, 4))


def test_made() -> None:
    assert ops.array([1.5, 2]).dtype == np.float32 and ops.array([1, 2], "float64").dtype == np.float64
    v = Variable(X)
    assert ops.array(v) is v and ops.ndim(v) == 2 and ops.copy(X) is not X
    np.testing.assert_array_equal(ops.eye(3, 4, 1), np.eye(3, 4, 1))
    np.testing.assert_array_equal(ops.identity(2), np.eye(2))
    assert ops.empty((2, 3)).shape == (2, 3) and ops.eye(2).dtype == np.float32
    np.testing.assert_array_equal(ops.full_like(X, 2), np.full((3, 4), 2.0))
    np.testing.assert_allclose(ops.linspace(0, 1, 5), np.linspace(0, 1, 5))
    np.testing.assert_allclose(ops.logspace(0, 2, 3), [1, 10, 100], rtol=1e-6)
    for a, b in zip(
        ops.meshgrid([1, 2], [3, 4, 5], indexing="ij"), np.meshgrid([1, 2], [3, 4, 5], indexing="ij"), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        (lambda x: ops.tril(x, 1), np.tril(X, 1)), (lambda x: ops.triu(x, -1), np.triu(X, -1)),
        (lambda x: ops.diag(x[0], 1), np.diag(X[0], 1)), (lambda x: ops.diag(x, -1), np.diag(X, -1)),
        (lambda x: ops.diagonal(x, 1), np.diagonal(X, 1)), (lambda x: ops.trace(x), np.trace(X)),
        (lambda x: ops.roll(x, 1), np.roll(X, 1)),
        (lambda x: ops.roll(x, (1, -2), (0, 1)), np.roll(X, (1, -2), (0, 1))),
        (lambda x: ops.sort(x), np.sort(X)), (lambda x: ops.sort(x, 0), np.sort(X, 0)), (ops.copy, X),
        (lambda x: ops.top_k(x, 2)[0], -np.sort(-X)[:, :2]), (lambda x: ops.append(x, x), np.append(X, X)),
        (lambda x: ops.append(x, x, 1), np.append(X, X, 1)), (lambda x: ops.vstack([x[0], x]), np.vstack([X[0], X])),
        (lambda x: ops.hstack([x, x]), np.hstack([X, X])), (lambda x: ops.slice(x, [1, 0], [2, 3]), X[1:3, :3]),
        (lambda x: ops.scatter([[0], [2], [0]], x, (4, 4)), np.stack([X[0] + X[2], 0 * X[0], X[1], 0 * X[0]])),
        (lambda x: ops.segment_sum(x, [2, 0, 2], 4), np.stack([X[1], 0 * X[0], X[0] + X[2], 0 * X[0]])),
        (lambda x: ops.map(lambda row: row * 2, x), X * 2),
        (lambda x: ops.scan(lambda c, row: (c + row, c * row), np.ones(4), x)[0], 1 + X.sum(0)),
    ],
)  # fmt: skip
def test_values_and_gradients(op: Any, wanted: Any) -> None:
    np.testing.assert_allclose(op(X), wanted, rtol=1e-12)
    gradcheck(op, [X])


def test_written_into() -> None:
    new = np.ones((2, 2))
    y = X.copy()
    y[1:3, 2:4] = 1
    np.testing.assert_array_equal(ops.slice_update(X, [1, 2], new), y)
    gradcheck(lambda x, u: ops.slice_update(x, [1, 2], u), [X, new])
    y = X.copy()
    y[[0, 2], [1, 3]] = [7, 8]
    np.testing.assert_array_equal(ops.scatter_update(X, [[0, 1], [2, 3]], [7.0, 8.0]), y)
    gradcheck(lambda x, u: ops.scatter_update(x, [[0, 1], [2, 3]], u), [X, np.array([7.0, 8.0])])


def test_searched() -> None:
    values, places = ops.top_k(np.array([[3, 9, 4], [5, 5, 1]]), 2)
    np.testing.assert_array_equal(values, [[9, 4], [5, 5]])
    np.testing.assert_array_equal(places, [[1, 2], [0, 1]])
    assert places.dtype == np.int32
    np.testing.assert_array_equal(ops.in_top_k([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.3, 0.2]], 2), [True, False])
    np.testing.assert_array_equal(ops.unique([3, 1, 3]), [1, 3])
    np.testing.assert_array_equal(ops.searchsorted([1, 3, 5], [3, 4], side="right"), [2, 2])
    np.testing.assert_array_equal(ops.bincount([0, 2, 2], minlength=4), [1, 0, 2, 0])
    np.testing.assert_array_equal(ops.bincount([0, 1], weights=[0.5, 2]), [0.5, 2])
    np.testing.assert_array_equal(ops.digitize([0.2, 5.0], [0.0, 1.0, 4.0]), [1, 3])
    np.testing.assert_array_equal(ops.nonzero([[0, 1], [2, 0]]), ([0, 1], [1, 0]))
    np.testing.assert_array_equal(ops.isin([1, 2], [2, 3]), [False, True])
    with pytest.raises(ValueError, match=r"k must be in \[1, 4\], got 5"):
        ops.top_k(X, 5)


def test_loops() -> None:
    assert ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0) == 6
    assert ops.while_loop(lambda i, j: True, lambda i, j: (i + 1, j * 2), (0, 1), maximum_iterations=3) == (3, 8)
    assert ops.fori_loop(1, 4, lambda i, v: v + i, 10) == 16
    assert ops.cond(np.array(True), lambda: 1, lambda: 2) == 1 and ops.cond(False, lambda: 1, lambda: 2) == 2
    carry, ys = ops.scan(lambda c, x: (c + 1, c), 0, length=3)
    assert carry == 3 and ys.tolist() == [0, 1, 2]
