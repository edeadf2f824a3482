"""``tf.linalg``: products and what numpy knows of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.arrays import eye, global_norm
from recurra.compat.tf.math import l2_normalize
from recurra.compat.tf.operands import axes_of, constant_of, operand
from recurra.compat.tf.tensors import array_of, is_symbolic, present

__all__ = [
    "band_part", "cholesky", "det", "diag", "diag_part", "eigh", "einsum", "eye", "global_norm", "inv",
    "l2_normalize", "logdet", "matmul", "matrix_transpose", "matvec", "norm", "pinv", "qr", "set_diag", "slogdet",
    "solve", "svd", "tensordot", "trace",
]  # fmt: skip


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None) -> Any:
    """Products of matrices, each perhaps transposed first."""
    a = ops.swapaxes(operand(a), -1, -2) if transpose_a else operand(a)
    b = ops.swapaxes(operand(b), -1, -2) if transpose_b else operand(b)
    if not is_symbolic(a, b):
        for one in (a, b):
            if len(one.shape) < 2:
                raise ValueError(f"tf.matmul: both must have two axes at least, got shape {tuple(one.shape)}")
        kinds = (array_of(a).dtype, array_of(b).dtype)
        if kinds[0] != kinds[1]:
            raise TypeError(f"tf.matmul: both must be of one type, got {kinds[0]} and {kinds[1]}: tf.cast one")
    return present(ops.matmul(a, b))


def matvec(a: Any, b: Any, transpose_a: bool = False, name: str | None = None) -> Any:
    """Products of matrices and vectors."""
    product = matmul(a, ops.expand_dims(operand(b), -1), transpose_a=transpose_a)
    return present(ops.squeeze(product, -1))


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """Products summed over `axes` of each."""
    pairs = axes if isinstance(axes, int) else [axes_of(one) for one in axes]
    return present(ops.tensordot(operand(a), operand(b), pairs))


def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Any:
    """Sums of products, as the equation says."""
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"tf.einsum: unknown argument(s): {', '.join(kwargs)}")
    return present(ops.einsum(equation, *map(operand, inputs)))


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The length of vectors: "euclidean", 1, 2 or ``numpy.inf``."""
    x, along = operand(tensor), axes_of(axis)
    if ord in ("euclidean", 2):
        return present(ops.sqrt(ops.sum(ops.square(x), along, keepdims)))
    if ord == 1:
        return present(ops.sum(ops.abs(x), along, keepdims))
    if ord == np.inf:
        return present(ops.max(ops.abs(x), along, keepdims))
    raise ValueError(f"ord must be 'euclidean', 1, 2 or inf, got {ord!r}")


def band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Any:
    """Zeros outside of a band around the diagonal; -1 keeps a whole triangle."""
    rows, columns = np.indices(tuple(input.shape)[-2:])
    below, above = int(num_lower), int(num_upper)
    kept = ((below < 0) | (rows - columns <= below)) & ((above < 0) | (columns - rows <= above))
    return present(ops.where(kept, operand(input), np.zeros((), array_of(input).dtype)))


def matrix_transpose(a: Any, name: str | None = None) -> Any:
    """The last two axes exchanged."""
    return present(ops.swapaxes(operand(a), -1, -2))


def diag(diagonal: Any, name: str | None = None) -> Any:
    """Matrices with this diagonal."""
    x = operand(diagonal)
    return present(ops.multiply(ops.expand_dims(x, -1), np.eye(x.shape[-1], dtype=array_of(x).dtype)))


def diag_part(input: Any, name: str | None = None) -> Any:
    """The diagonals of matrices."""
    x = operand(input)
    places = np.arange(min(x.shape[-2:]))
    return present(ops.getitem(x, (..., places, places)))


def set_diag(input: Any, diagonal: Any, name: str | None = None) -> Any:
    """Matrices with another diagonal."""
    made = np.array(constant_of(input, "linalg.set_diag"))
    places = np.arange(min(made.shape[-2:]))
    made[..., places, places] = constant_of(diagonal, "linalg.set_diag")
    return present(made)


def trace(x: Any, name: str | None = None) -> Any:
    """The sums of the diagonals."""
    return present(ops.sum(diag_part(x), -1))


def inv(input: Any, name: str | None = None) -> Any:
    """The inverse."""
    return present(ops.inv(operand(input)))


def pinv(a: Any, name: str | None = None) -> Any:
    """The pseudo-inverse."""
    return present(ops.pinv(operand(a)))


def det(input: Any, name: str | None = None) -> Any:
    """The determinant."""
    return present(ops.det(operand(input)))


def logdet(matrix: Any, name: str | None = None) -> Any:
    """The logarithm of the determinant of positive definite matrices."""
    return present(ops.logdet(operand(matrix)))


def slogdet(input: Any, name: str | None = None) -> Any:
    """The determinant's sign, and the logarithm of its size."""
    sign, size = ops.slogdet(operand(input))
    return present(sign), present(size)


def eigh(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues in ascending order and eigenvectors of symmetric matrices."""
    values, vectors = ops.eigh(operand(tensor))
    return present(values), present(vectors)


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Any:
    """Orthonormal columns, and the triangle by which they give the matrix."""
    q, r = ops.qr(constant_of(input, "linalg.qr"), "complete" if full_matrices else "reduced")
    return present(q), present(r)


def cholesky(input: Any, name: str | None = None) -> Any:
    """The lower triangle whose square is the matrix."""
    return present(ops.cholesky(operand(input)))


def solve(matrix: Any, rhs: Any, name: str | None = None) -> Any:
    """X of ``matrix @ x = rhs``."""
    return present(ops.solve(operand(matrix), operand(rhs)))


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """The singular values; with `compute_uv` ``(s, u, v)``."""
    x = constant_of(tensor, "linalg.svd")
    if not compute_uv:
        return present(np.linalg.svd(x, compute_uv=False))
    u, s, vh = np.linalg.svd(x, full_matrices=full_matrices)
    return present(s), present(u), present(np.swapaxes(vh, -1, -2))
