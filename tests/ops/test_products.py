"""Products: values against numpy's einsum, gradients against differences, and never numpy's BLAS."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from tests.support.tolerances import assert_close

PAIRS = [
    ((3, 4), (4, 5)),
    ((2, 3, 4), (4, 5)),
    ((2, 6, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((6, 1, 3, 4), (2, 4, 5)),
    ((3, 4), (2, 4, 5)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)),
    ((4,), (4,)),
]


@pytest.mark.parametrize("shapes", PAIRS, ids=str)
def test_matmul(rng: np.random.Generator, dtype: np.dtype, shapes: tuple) -> None:
    a, b = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    assert_close(ops.matmul(a, b), np.asarray(np.matmul(a, b)), "product")
    assert_close(Variable(a) @ b, np.asarray(np.matmul(a, b)), "product")
    if dtype == np.float64:
        gradcheck(ops.matmul, [a, b])


def test_matmul_of_transposed_views(rng: np.random.Generator) -> None:
    a, b, c = rng.normal(size=(4, 3)), rng.normal(size=(5, 4)), rng.normal(size=(2, 5, 4))
    np.testing.assert_allclose(ops.matmul(a.T, b.T), np.einsum("km,nk->mn", a, b))
    np.testing.assert_allclose(ops.matmul(a.T, np.swapaxes(c, 1, 2)), np.einsum("km,snk->smn", a, c))
    gradcheck(lambda x, y: ops.matmul(ops.transpose(x), ops.swapaxes(y, 1, 2)), [a, c])
    np.testing.assert_allclose(ops.matmul(a[::2].T, b[:, ::2].T), np.einsum("km,nk->mn", a[::2], b[:, ::2]))


def test_matmul_promotes() -> None:
    half = ops.matmul(np.ones((2, 3), int), np.ones((3, 2), np.float32))
    assert half.dtype == np.float32
    x, w = Variable(np.ones((2, 3), np.float32)), Variable(np.ones((3, 2)))
    with GradientTape() as tape:
        y = ops.sum(ops.matmul(x, w))
    assert y.dtype == np.float64
    dx, dw = tape.gradient(y, [x, w])
    assert dx.dtype == np.float32
    assert dw.dtype == np.float64


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 4)], ids=str)
@pytest.mark.parametrize("with_bias", [False, True])
def test_dense(rng: np.random.Generator, shape: tuple, with_bias: bool) -> None:
    x, w, b = rng.normal(size=shape), rng.normal(size=(4, 5)), rng.normal(size=5) if with_bias else None
    expected = np.einsum("...k,kn->...n", x, w) + (0 if b is None else b)
    np.testing.assert_allclose(ops.dense(x, w, b), expected)
    gradcheck(ops.dense, [x, w, b])


def test_dense_and_matmul_do_only_what_is_asked(rng: np.random.Generator) -> None:
    w = Variable(rng.normal(size=(4, 5)))
    x = rng.normal(size=(3, 4))
    for op in (ops.dense, ops.matmul):
        with GradientTape() as tape:
            y = op(x, w)
        dx, dw, *_ = tape.nodes[-1].backward(np.ones(y.shape))
        assert dx is None
        assert dw.shape == w.shape


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((2, 3, 4), (3, 4, 5)), 2),
        (((2, 3, 4), (4, 5)), 1),
        (((2, 3), (4, 5)), 0),
        (((2, 3, 4), (5, 4, 2)), [[0, 2], [2, 1]]),
        (((2, 3, 4), (5, 3)), [1, 1]),
    ],
    ids=str,
)
def test_tensordot(rng: np.random.Generator, shapes: tuple, axes: object) -> None:
    a, b = (rng.normal(size=shape) for shape in shapes)
    np.testing.assert_allclose(ops.tensordot(a, b, axes), np.tensordot(a, b, axes))
    gradcheck(lambda x, y: ops.tensordot(x, y, axes), [a, b])


def test_dot(rng: np.random.Generator) -> None:
    for shapes in (((3,), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((2, 3), (5, 3, 4)), ((), (3,))):
        a, b = (rng.normal(size=shape) for shape in shapes)
        np.testing.assert_allclose(ops.dot(a, b), np.dot(a, b))
        gradcheck(ops.dot, [a, b])


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", ((2, 3), (3, 4))),
        ("ij,jk", ((2, 3), (3, 4))),
        ("btd,dh->bth", ((2, 3, 4), (4, 5))),
        ("bqd,bkd->bqk", ((2, 3, 4), (2, 5, 4))),
        ("bqk,bkd->bdq", ((2, 3, 5), (2, 5, 4))),
        ("ij,ij->i", ((2, 3), (2, 3))),
        ("ij,kl->likj", ((2, 3), (4, 5))),
        ("abc,cd->d", ((2, 3, 4), (4, 5))),
        ("ij,ij->", ((2, 3), (2, 3))),
        ("ijk->ki", ((2, 3, 4),)),
        ("ij->ji", ((2, 3),)),
        ("i,j->ij", ((2,), (3,))),
    ],
)
def test_einsum(rng: np.random.Generator, subscripts: str, shapes: tuple) -> None:
    operands = [rng.normal(size=shape) for shape in shapes]
    np.testing.assert_allclose(ops.einsum(subscripts, *operands), np.einsum(subscripts, *operands))
    gradcheck(lambda *x: ops.einsum(subscripts, *x), operands)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((4, 5))), r"x2 must have shape .*K = 3"),
        (lambda: ops.matmul(np.ones(()), np.ones((4, 5))), "at least one axis"),
        (lambda: ops.dense(np.ones((2, 3)), np.ones((4, 5))), r"kernel must have shape \(K, N\)"),
        (lambda: ops.dense(np.ones((2, 3)), np.ones((3, 5)), np.ones(4)), "bias must have shape"),
        (lambda: ops.tensordot(np.ones((2, 3)), np.ones((4, 5)), 1), "must have equal sizes"),
        (lambda: ops.einsum("ii->i", np.ones((2, 2))), "distinct letters"),
        (lambda: ops.einsum("ij,jk->ik", np.ones((2, 3))), "one or two operands"),
        (lambda: ops.einsum("ij->ik", np.ones((2, 3))), "distinct letters of the operands"),
        (lambda: ops.einsum("ij,jk->ik", np.ones((2, 3)), np.ones((4, 5))), "axis 'j' must have one size"),
        (lambda: ops.einsum("ijk->i", np.ones((2, 3))), "must have 3 axes"),
    ],
)
def test_errors(call, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


def test_rows_do_not_depend_on_the_batch(rng: np.random.Generator) -> None:
    if ops.products.core.build_config()["isa"] == "reference":
        pytest.skip("the reference multiplies with numpy")
    x, w, b = rng.normal(size=(70, 90)).astype("f"), rng.normal(size=(90, 130)).astype("f"), np.ones(130, "f")
    whole = ops.dense(x, w, b)
    for rows in (slice(0, 1), slice(5, 12), slice(3, 70, 7)):
        np.testing.assert_array_equal(ops.dense(np.ascontiguousarray(x[rows]), w, b), whole[rows])


def test_no_operation_uses_numpys_products() -> None:
    """Sums of products go through the kernels: no ``@``, np.dot, np.matmul, np.einsum, np.tensordot in ops."""
    folder = Path(ops.__file__).parent
    for path in folder.glob("*.py"):
        if path.name == "linalg.py":  # decompositions are numpy's LAPACK, and say so
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)), path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
                assert node.attr not in ("dot", "matmul", "einsum", "tensordot", "inner", "vdot", "linalg"), path


def test_sums_over_no_terms_are_zero() -> None:
    a, b, bias = Variable(np.zeros((2, 3, 0))), Variable(np.zeros((0, 5))), Variable(np.arange(5.0))
    assert np.array_equal(ops.matmul(a, b), np.zeros((2, 3, 5)))
    with GradientTape() as tape:
        y = ops.dense(a, b, bias)
    assert np.array_equal(y, np.broadcast_to(np.arange(5.0), (2, 3, 5)))
    da, db, dbias = tape.gradient(y, [a, b, bias])
    assert (da.shape, db.shape) == ((2, 3, 0), (0, 5))
    assert np.array_equal(dbias, np.full(5, 6.0))


@pytest.mark.parametrize("rows", (256, 257, 70_000))
@pytest.mark.parametrize("form", ("dense", "plus"))
def test_bias_gradients_over_many_rows(rng: np.random.Generator, form: str, rows: int) -> None:
    """A chain of 70,000 float32 numbers of one sign is off by 4e-4 of itself."""
    x, kernel = rng.normal(size=(rows, 3)).astype("f4"), rng.normal(size=(3, 5)).astype("f4")
    dy = rng.uniform(0.1, 1.0, (rows, 5)).astype("f4")
    bias = Variable(rng.normal(size=5).astype("f4"))
    with GradientTape() as tape:
        y = ops.dense(x, kernel, bias) if form == "dense" else ops.matmul(x, kernel) + bias
        loss = ops.sum(y * dy)
    expected = dy.astype("f8").sum(axis=0)
    np.testing.assert_allclose(tape.gradient(loss, bias), expected, rtol=5e-6)
