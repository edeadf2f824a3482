"""Arrays turned, stacked, split and multiplied out: values against numpy's, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Variable, gradcheck, ops


def test_made() -> None:
    for arguments in ((3,), (3, 5, -1), (2, 4, 1)):
        np.testing.assert_array_equal(ops.tri(*arguments), np.tri(*arguments))
    np.testing.assert_allclose(ops.geomspace(1, 200, 5), np.geomspace(1, 200, 5), rtol=1e-6)
    for name in ("bartlett", "blackman", "hamming", "hanning"):
        np.testing.assert_allclose(getattr(ops, name)(7), getattr(np, name)(7), atol=1e-7)
    np.testing.assert_allclose(ops.kaiser(7, 3.0), np.kaiser(7, 3.0), rtol=1e-6)
    assert ops.tri(3).dtype == ops.hanning(4).dtype == np.float32
    assert ops.empty_like(np.ones((2, 3)), "int32").dtype == np.int32


def test_split_and_stacked(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 7, 4, 6))
    for found, wanted in (
        (ops.array_split(x, 3), np.array_split(x, 3)), (ops.array_split(x, [2, 5]), np.array_split(x, [2, 5])),
        (ops.hsplit(x, 2), np.hsplit(x, 2)), (ops.dsplit(x, [1, 4]), np.dsplit(x, [1, 4])),
        (ops.vsplit(x, 7), np.vsplit(x, 7)), (ops.hsplit(x[0, 0], 3), np.hsplit(x[0, 0], 3)),
        (ops.array_split(x[:2], 4), np.array_split(x[:2], 4)),
    ):  # fmt: skip
        for one, two in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one, two)
    for parts in ([x, y], [x[0], y[0]], [x[0, 0], y[0, 0]]):
        np.testing.assert_array_equal(ops.dstack(parts), np.dstack(parts))
    gradcheck(lambda a, b: ops.dstack([a, b]), [x[0], y[0]])
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        ops.array_split(x, 0)


@pytest.mark.parametrize("times", [-1, 0, 1, 2, 3, 6])
@pytest.mark.parametrize("axes", [(0, 1), (2, 0), (-1, 1)])
def test_turned(rng: np.random.Generator, times: int, axes: tuple[int, int]) -> None:
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_array_equal(ops.rot90(x, times, axes), np.rot90(x, times, axes))
    gradcheck(lambda v: ops.rot90(v, times, axes), x)


def test_flipped_and_diagonals(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_array_equal(ops.fliplr(x), np.fliplr(x))
    np.testing.assert_array_equal(ops.flipud(x), np.flipud(x))
    np.testing.assert_array_equal(ops.diagflat(x[0], -2), np.diagflat(x[0], -2))
    with pytest.raises(ValueError, match="two different ones"):
        ops.rot90(x, 1, (1, -2))


@pytest.mark.parametrize("shapes", [((2, 3), (4, 5)), ((3,), (4, 5)), ((2, 3, 1), (4,)), ((), (2, 3))])
def test_kron(rng: np.random.Generator, shapes: Any) -> None:
    a, b = (rng.normal(size=shape) for shape in shapes)
    np.testing.assert_allclose(ops.kron(a, b), np.kron(a, b))
    gradcheck(ops.kron, [np.asarray(a), np.asarray(b)])


def test_products(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    np.testing.assert_allclose(ops.inner(a, b), np.inner(a, b))
    np.testing.assert_allclose(ops.inner(a, 2.0), a * 2)
    np.testing.assert_allclose(ops.vdot(a, b[:2]), np.vdot(a, b[:2]))
    np.testing.assert_allclose(ops.cross(a, b[0]), np.cross(a, b[0]))
    np.testing.assert_allclose(ops.cross(a.T, b[:2].T, axis=0), np.cross(a, b[:2]).T)
    np.testing.assert_allclose(ops.cross(a[:, :2], b[:2, :2]), np.linalg.det(np.stack([a[:, :2], b[:2, :2]], 1)))
    np.testing.assert_allclose(ops.cross(a[:, :2], b[0]), np.cross(np.pad(a[:, :2], [(0, 0), (0, 1)]), b[0]))
    for options in ({}, {"N": 3}, {"increasing": True}, {"N": 0}):
        np.testing.assert_allclose(ops.vander(b[:, 0], **options), np.vander(b[:, 0], **options))
    distances = np.linalg.norm(a[:, None] - b, axis=-1)
    np.testing.assert_allclose(ops.cdist(a, b), distances)
    gradcheck(ops.inner, [a, b])
    gradcheck(ops.cross, [a, b[:2]])
    gradcheck(ops.cdist, [a, b])
    gradcheck(lambda v: ops.vander(v, 3), b[:, 0])
    with pytest.raises(ValueError, match=r"2 or 3 numbers, got \(4, 3\)"):
        ops.cross(np.ones(4), a)
    w = Variable(a)
    with GradientTape() as tape:
        y = ops.sum(ops.cdist(w, a))
    assert np.isfinite(tape.gradient(y, [w])[0]).all()  # a point has no distance from itself


def test_choices(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    conditions, choices = [x > 1, x > 0], [x * 2, x * 3]
    np.testing.assert_array_equal(ops.select(conditions, choices, 7.0), np.select(conditions, choices, 7.0))
    gradcheck(lambda v: ops.select(conditions, [v * 2, v * 3], 7.0), x)
    order = ops.argpartition(x, 2)
    np.testing.assert_array_equal(np.take_along_axis(x, order, -1)[:, 2], np.sort(x)[:, 2])
    assert [one.tolist() for one in ops.unravel_index(np.array([5, 7]), (3, 4))] == [[1, 1], [1, 3]]
    np.testing.assert_array_equal(ops.get_item(x, (1, slice(None, 2))), x[1, :2])
    assert ops.switch(1, [lambda a: a, lambda a: -a], 3.0) == -3 and ops.switch(9, [lambda: 1, lambda: 2]) == 2
    assert ops.vectorize(lambda a, b: a if a > b else b)(np.array([1, 5]), 3).tolist() == [3, 5]
    with pytest.raises(ValueError, match="must be as long: got 2 and 1"):
        ops.select(conditions, choices[:1])


def test_types() -> None:
    np.testing.assert_array_equal(ops.saturate_cast(np.array([-500.0, 3.7, np.inf]), "int8"), [-128, 3, 127])
    np.testing.assert_array_equal(ops.saturate_cast(np.array([-500, 3, 300]), "uint8"), [0, 3, 255])
    np.testing.assert_array_equal(ops.saturate_cast(np.array([3, 200], "uint8"), "int64"), [3, 200])
    np.testing.assert_array_equal(ops.saturate_cast(np.array([2.0**63]), "int64"), [np.iinfo("int64").max])
    assert ops.saturate_cast(np.array([3]), "float64").dtype == np.float64
    assert ops.dtype(np.ones(2, "f")) == "float32" and ops.dtype(Input((2,))) == "float32"
    assert ops.is_tensor(np.ones(2)) and ops.is_tensor(Variable(1.0)) and not ops.is_tensor([1.0])


def test_multi_hot() -> None:
    ids = np.array([[1, 2], [0, 0]])
    np.testing.assert_array_equal(ops.multi_hot(ids, 4), [[0, 1, 1, 0], [1, 0, 0, 0]])
    np.testing.assert_array_equal(ops.multi_hot(ids[0], 4), [0, 1, 1, 0])
    with pytest.raises(ValueError, match="sparse"):
        ops.multi_hot(ids, 4, sparse=True)
