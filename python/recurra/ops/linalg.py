"""``ops.linalg``: norms, decompositions, determinants, inverses and linear systems, of stacks of matrices (..., N, N).

By numpy, whose LAPACK may sum in another order on another machine. Decompositions that are not unique (``eig``, ``qr``,
``svd``, ``lu_factor``) have no gradient, and say so under a tape.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from recurra.autograd import Array, record
from recurra.ops.common import constant_of, floats_of, unbroadcast
from recurra.ops.dispatch import operation
from recurra.ops.elementary import norm
from recurra.typing import ArrayLike

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "lstsq", "lu_factor", "matrix_rank", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
]  # fmt: skip


def _matrices(x: ArrayLike, name: str, square: bool = True) -> Array:
    v = floats_of(x)
    if v.ndim < 2 or (square and v.shape[-1] != v.shape[-2]):
        raise ValueError(
            f"{name} must be {'square ' if square else ''}matrices (..., N, {'N' if square else 'M'}), "
            f"got shape {v.shape}"
        )
    return v


def _turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


@operation
def inv(x: ArrayLike) -> Any:
    """The inverse."""
    y = np.linalg.inv(_matrices(x, "x"))
    return record(y, (x,), lambda d: (-(_turned(y) @ d @ _turned(y)),))


@operation
def det(x: ArrayLike) -> Any:
    """The determinant. For its gradient the matrix must have an inverse."""
    v = _matrices(x, "x")
    y = np.asarray(np.linalg.det(v))
    return record(y, (x,), lambda d: ((d * y)[..., None, None] * _turned(np.linalg.inv(v)),))


@operation
def slogdet(x: ArrayLike) -> tuple[Any, Any]:
    """The sign of the determinant and the logarithm of its size; the sign has no gradient."""
    v = _matrices(x, "x")
    sign, size = (np.asarray(one) for one in np.linalg.slogdet(v))
    return sign, record(size, (x,), lambda d: (d[..., None, None] * _turned(np.linalg.inv(v)),))


@operation
def logdet(x: ArrayLike) -> Any:
    """The logarithm of the determinant of positive definite matrices; NaN where it is not positive."""
    v = _matrices(x, "x")
    sign, size = (np.asarray(one) for one in np.linalg.slogdet(v))
    y = np.where(sign > 0, size, np.where(sign == 0, -np.inf, np.nan)).astype(v.dtype)
    return record(y, (x,), lambda d: (d[..., None, None] * _turned(np.linalg.inv(v)),))


@operation
def solve(a: ArrayLike, b: ArrayLike) -> Any:
    """The x of ``a @ x = b``, for `b` (..., N, M), or (..., N) with one axis less than `a`."""
    matrix, right = _matrices(a, "a"), floats_of(b)
    vector = right.ndim == matrix.ndim - 1
    columns = right[..., None] if vector else right
    y = np.linalg.solve(matrix, columns)

    def backward(d: Array) -> tuple[Array, Array]:
        db = np.linalg.solve(_turned(matrix), d[..., None] if vector else d)
        da = unbroadcast(-(db @ _turned(y)), matrix.shape, matrix.dtype)
        return da, unbroadcast(db[..., 0] if vector else db, right.shape, right.dtype)

    return record(y[..., 0] if vector else y, (a, b), backward)


@operation
def solve_triangular(a: ArrayLike, b: ArrayLike, lower: bool = False) -> Any:
    """The x of ``a @ x = b``, of which only the upper (`lower`: the lower) triangle of `a` is looked at."""
    from recurra.ops.arrays import tril, triu

    return solve(tril(a) if lower else triu(a), b)


@operation
def cholesky(x: ArrayLike, upper: bool = False) -> Any:
    """The lower triangle L (`upper`: its transpose) of ``x = L @ L.T``, of symmetric positive definite matrices."""
    y = np.linalg.cholesky(_matrices(x, "x"))

    def backward(d: Array) -> tuple[Array]:
        inner = np.tril(_turned(y) @ (_turned(d) if upper else d))
        places = np.arange(y.shape[-1])
        inner[..., places, places] /= 2
        inverse = np.linalg.inv(y)
        full = _turned(inverse) @ inner @ inverse
        return ((full + _turned(full)) / 2,)

    return record(_turned(y) if upper else y, (x,), backward)


@operation
def cholesky_inverse(x: ArrayLike, upper: bool = False) -> Any:
    """The inverse of the matrix whose :func:`cholesky` is `x`."""
    from recurra.ops.arrays import tril, triu
    from recurra.ops.products import matmul
    from recurra.ops.shaping import swapaxes

    root = inv(triu(x) if upper else tril(x))
    return matmul(root, swapaxes(root, -1, -2)) if upper else matmul(swapaxes(root, -1, -2), root)


@operation
def eigh(x: ArrayLike) -> tuple[Any, Any]:
    """Eigenvalues in ascending order, and eigenvectors as columns, of symmetric matrices.

    The lower triangle is looked at. The vectors' gradient needs eigenvalues that differ.
    """
    v = _matrices(x, "x")
    values, vectors = np.linalg.eigh(v)

    def backward(d_values: Array | None, d_vectors: Array | None) -> tuple[Array]:
        inner = np.zeros_like(v)
        if d_vectors is not None:
            apart = values[..., None, :] - values[..., :, None]
            same = np.eye(v.shape[-1], dtype=bool)
            inner = np.where(same, 0, _turned(vectors) @ d_vectors / np.where(same, 1, apart))
        if d_values is not None:
            places = np.arange(v.shape[-1])
            inner[..., places, places] += d_values
        full = vectors @ inner @ _turned(vectors)
        return (((full + _turned(full)) / 2).astype(v.dtype),)

    found: tuple[Any, Any] = record((values, vectors), (x,), backward)
    return found


@operation
def pinv(x: ArrayLike, rcond: float | None = None) -> Any:
    """The pseudo-inverse; singular values below `rcond` times the greatest count as 0.

    rcond : the greater size of the matrix times the type's epsilon unless given
    """
    v = _matrices(x, "x", square=False)
    small = float(np.finfo(v.dtype).eps) * max(v.shape[-2:]) if rcond is None else rcond
    y = np.linalg.pinv(v, small)

    def backward(d: Array) -> tuple[Array]:
        yt, dt = _turned(y), _turned(d)
        rows, columns = np.eye(v.shape[-2], dtype=v.dtype) - v @ y, np.eye(v.shape[-1], dtype=v.dtype) - y @ v
        return (-(yt @ d @ yt) + rows @ dt @ y @ yt + yt @ y @ dt @ columns,)

    return record(y, (x,), backward)


@operation
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> Any:
    """The least-squares solution x of ``a @ x = b``, the shortest of several; by :func:`pinv` of `a`."""
    from recurra.ops.products import matmul
    from recurra.ops.shaping import expand_dims, squeeze

    right = floats_of(b)
    if right.ndim == 1:
        return squeeze(matmul(pinv(a, rcond), expand_dims(b, -1)), -1)
    return matmul(pinv(a, rcond), b)


@operation
def matrix_rank(x: ArrayLike, tol: float | None = None) -> Any:
    """How many singular values are above `tol`."""
    v = _matrices(constant_of(x, "matrix_rank"), "x", square=False)
    return np.asarray(np.linalg.matrix_rank(v, tol)).astype(np.int32)


@operation
def eig(x: ArrayLike) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors as columns, complex. No gradient: for symmetric matrices take :func:`eigh`."""
    v = _matrices(constant_of(x, "eig"), "x")
    kind = np.complex64 if v.dtype == np.float32 else np.complex128
    values, vectors = np.linalg.eig(v)
    return values.astype(kind), vectors.astype(kind)


@operation
def qr(x: ArrayLike, mode: Literal["reduced", "complete"] = "reduced") -> tuple[Any, Any]:
    """Orthonormal columns Q and an upper triangle R of ``x = Q @ R``; `mode` "reduced" or "complete". No gradient."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode must be 'reduced' or 'complete', got {mode!r}")
    q, r = np.linalg.qr(_matrices(constant_of(x, "qr"), "x", square=False), mode)
    return q, r


@operation
def svd(x: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, the singular values s in descending order, and Vh of ``x = U @ diag(s) @ Vh``; or s alone. No gradient."""
    v = _matrices(constant_of(x, "svd"), "x", square=False)
    if not compute_uv:
        return np.linalg.svd(v, compute_uv=False)
    u, s, vh = np.linalg.svd(v, full_matrices)
    return u, s, vh


@operation
def lu_factor(x: ArrayLike) -> tuple[Any, Any]:
    """The triangles of a row-permuted matrix in one, and with which row each row was exchanged. No gradient."""
    lu = np.array(_matrices(constant_of(x, "lu_factor"), "x"))
    stack = lu.reshape(-1, *lu.shape[-2:])
    pivots = np.zeros(stack.shape[:2], np.int32)
    for matrix, exchanged in zip(stack, pivots, strict=True):
        for k in range(len(matrix)):
            exchanged[k] = best = k + int(np.argmax(np.abs(matrix[k:, k])))
            matrix[[k, best]] = matrix[[best, k]]
            if matrix[k, k] != 0:
                matrix[k + 1 :, k] /= matrix[k, k]
                matrix[k + 1 :, k + 1 :] -= np.outer(matrix[k + 1 :, k], matrix[k, k + 1 :])
    return stack.reshape(lu.shape), pivots.reshape(lu.shape[:-1])
