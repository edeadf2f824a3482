"""Sums of products. Every one of them ends in the kernels' product, never in numpy's BLAS.

Its sums do not depend on how many rows there are or how many threads work, and it brings no second thread pool.
"""
# ruff: noqa: D403  (a docstring may begin with a formula)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, current_tape, filled, record, tracked
from recurra.ops import math as M
from recurra.ops.common import array_of, floats_of, rows_of, sum_blocks, unbroadcast
from recurra.ops.shaping import reshape, transpose
from recurra.typing import ArrayLike


def _stored(x: Array) -> tuple[Array, bool]:
    """`x`, or the array that it is a transposed view of: what the kernel can read without a copy."""
    swapped = x.swapaxes(-1, -2)
    return (swapped, True) if swapped.flags.c_contiguous else (np.ascontiguousarray(x), False)


def product(a: Array, b: Array, bias: Array | None = None) -> Array:
    """(M, K)·(K, N) or a stack of such, plus bias (N,); transposed views are read in place."""
    trans_a = trans_b = False
    if not a.flags.c_contiguous:
        a, trans_a = _stored(a)
    if not b.flags.c_contiguous:
        b, trans_b = _stored(b)
    return core.matmul(a, b, bias, trans_a, trans_b)  # type: ignore[no-any-return]


def alike(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Both as float arrays of one dtype, not necessarily contiguous."""
    a, b = array_of(a), array_of(b)
    if a.dtype is not b.dtype or a.dtype.kind != "f":
        a, b = (floats_of(v) if v.dtype.kind != "f" else v for v in (a, b))
        dtype = np.result_type(a, b)
        a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    return a, b


def matmul(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The matrix product over the last two axes, leading axes broadcast; vectors as in numpy.

    x1 : (..., M, K) or (K,)
    x2 : (..., K, N) or (K,)
    """
    a, b = alike(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"x1 and x2 must have at least one axis, got {a.shape} and {b.shape}")
    if a.ndim == 1 or b.ndim == 1:
        left = reshape(x1, (1, -1)) if a.ndim == 1 else x1
        right = reshape(x2, (-1, 1)) if b.ndim == 1 else x2
        y = matmul(left, right)
        out = y.shape[: y.ndim - 2] + (() if a.ndim == 1 else (a.shape[-2],)) + (() if b.ndim == 1 else (b.shape[-1],))
        return reshape(y, out)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"x2 must have shape (..., K, N) with K = {a.shape[-1]} like x1's {a.shape}, got {b.shape}")
    if a.ndim == 2 and b.ndim == 2:
        y = product(a, b)
    elif b.ndim == 2:
        y = product(rows_of(a), b).reshape(*a.shape[:-1], b.shape[-1])
    else:
        y = _stacked(a, b)
    tape = current_tape()
    if tape is None:
        return y
    need_a, need_b = tracked(x1, tape), tracked(x2, tape)

    def backward(d: Array) -> tuple[Array | None, Array | None]:
        da = db = None
        if b.ndim == 2:
            rows, d_rows = rows_of(a), rows_of(d)
            if need_a:
                da = product(d_rows, b.T).reshape(a.shape)
            if need_b:
                db = product(rows.T, d_rows)
        else:
            if need_a:
                da = unbroadcast(_stacked(d, np.swapaxes(b, -1, -2)), a.shape, a.dtype)
            if need_b:
                db = unbroadcast(_stacked(np.swapaxes(a, -1, -2), d), b.shape, b.dtype)
        return in_dtype(da, x1), in_dtype(db, x2)

    return record(y, (x1, x2), backward)


def sum_rows(x: Array) -> Array:
    """(M, N) to (N,): numpy's sum is not spread over threads."""
    return sum_blocks(x, lambda blocks: product(filled((len(blocks), 1, blocks.shape[1]), x.dtype, 1), blocks)[:, 0])


def in_dtype(d: Array | None, like: Any) -> Array | None:
    """`d` in the dtype of what it is the gradient of."""
    return d if d is None or d.dtype == like.dtype else d.astype(like.dtype)


def _stacked(a: Array, b: Array) -> Array:
    """The product of stacks whose leading axes broadcast."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if a.shape[:-2] != lead:
        a = np.broadcast_to(a, (*lead, *a.shape[-2:]))
    if b.shape[:-2] != lead:
        b = np.broadcast_to(b, (*lead, *b.shape[-2:]))
    y = product(_flat_stack(a), _flat_stack(b))
    return y.reshape(*lead, *y.shape[-2:])


def _flat_stack(x: Array) -> Array:
    """(..., M, K) as (S, M, K), a transposed view kept as one."""
    stored, swapped = (x, False) if x.flags.c_contiguous else _stored(x)
    flat = stored.reshape(math.prod(stored.shape[:-2]), *stored.shape[-2:])
    return np.swapaxes(flat, -1, -2) if swapped else flat


def dot(x1: ArrayLike, x2: ArrayLike) -> Any:
    """numpy's dot: the sum over x1's last axis and x2's last but one (its only one, if it has one)."""
    a, b = array_of(x1), array_of(x2)
    if a.ndim == 0 or b.ndim == 0:
        return M.multiply(x1, x2)
    return tensordot(x1, x2, axes=([a.ndim - 1], [max(b.ndim - 2, 0)]))


def tensordot(x1: ArrayLike, x2: ArrayLike, axes: int | Sequence[Any] = 2) -> Any:
    """The sum of products over pairs of axes: the last `axes` of x1 with the first of x2, or ``[axes1, axes2]``."""
    a, b = array_of(x1), array_of(x2)
    if isinstance(axes, int):
        axes1, axes2 = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        axes1, axes2 = ([k] if isinstance(k, int) else list(k) for k in axes)
    axes1, axes2 = [k % a.ndim for k in axes1], [k % b.ndim for k in axes2]
    if [a.shape[k] for k in axes1] != [b.shape[k] for k in axes2]:
        raise ValueError(f"axes {axes1} of x1 {a.shape} and {axes2} of x2 {b.shape} must have equal sizes")
    free1 = [k for k in range(a.ndim) if k not in axes1]
    free2 = [k for k in range(b.ndim) if k not in axes2]
    inner = math.prod(a.shape[k] for k in axes1)
    left = reshape(transpose(x1, free1 + axes1), (math.prod(a.shape[k] for k in free1), inner))
    right = reshape(transpose(x2, axes2 + free2), (inner, math.prod(b.shape[k] for k in free2)))
    return reshape(matmul(left, right), [a.shape[k] for k in free1] + [b.shape[k] for k in free2])


def einsum(subscripts: str, *operands: Any) -> Any:
    """Einstein's sums for one or two operands, written as numpy's, without ``...`` and without repeated axes.

    >>> import numpy as np
    >>> einsum("btd,dh->bth", np.ones((2, 3, 4)), np.ones((4, 5))).shape
    (2, 3, 5)
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands) or len(terms) not in (1, 2):
        raise ValueError(f"subscripts must name one or two operands, got {subscripts!r} for {len(operands)} operands")
    if not arrow:
        joined = "".join(terms)
        output = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        shape = array_of(operand).shape
        if len(set(term)) != len(term) or (term and not term.isalpha()):
            raise ValueError(f"each operand's subscripts must be distinct letters, got {term!r}")
        if len(term) != len(shape):
            raise ValueError(f"operand {term!r} must have {len(term)} axes, got shape {shape}")
        for letter, n in zip(term, shape, strict=True):
            if sizes.setdefault(letter, n) != n:
                raise ValueError(f"axis {letter!r} must have one size, got {sizes[letter]} and {n}")
    if len(set(output)) != len(output) or not set(output) <= set(sizes):
        raise ValueError(f"the output's subscripts must be distinct letters of the operands, got {output!r}")
    parts = [_sum_unshared(term, x, output, terms, k) for k, (term, x) in enumerate(zip(terms, operands, strict=True))]
    if len(parts) == 1:
        term, x = parts[0]
        return transpose(x, [term.index(c) for c in output])
    (s, x), (t, y) = parts
    batch = [c for c in s if c in t and c in output]
    inner = [c for c in s if c in t and c not in output]
    left, right = [c for c in s if c not in t], [c for c in t if c not in s]

    def count(letters: list[str]) -> int:
        return math.prod(sizes[c] for c in letters)

    x = reshape(transpose(x, [s.index(c) for c in batch + left + inner]), (count(batch), count(left), count(inner)))
    y = reshape(transpose(y, [t.index(c) for c in batch + inner + right]), (count(batch), count(inner), count(right)))
    result = reshape(matmul(x, y), [sizes[c] for c in batch + left + right])
    made = batch + left + right
    return transpose(result, [made.index(c) for c in output])


def _sum_unshared(term: str, x: ArrayLike, output: str, terms: list[str], k: int) -> tuple[str, Any]:
    """Sum over the axes that neither the output nor another operand has."""
    others = output + "".join(t for n, t in enumerate(terms) if n != k)
    axes = [n for n, c in enumerate(term) if c not in others]
    return ("".join(c for c in term if c in others), M.sum(x, axes)) if axes else (term, x)


def dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None) -> Any:
    """x·kernel + bias over the last axis.

    x : (..., K);  kernel : (K, N);  bias : (N,) or None.  Returns (..., N)
    """
    a, w = alike(x, kernel)
    b = None if bias is None else array_of(bias)
    if a.ndim < 1 or w.ndim != 2 or a.shape[-1] != w.shape[0]:
        raise ValueError(f"kernel must have shape (K, N) with K = x's last axis, got x {a.shape} and kernel {w.shape}")
    y, rows = dense_forward(a, w, b)
    tape = current_tape()
    if tape is None:
        return y
    needs = tracked(x, tape), tracked(kernel, tape), tracked(bias, tape)

    def backward(d: Array) -> tuple[Array | None, Array | None, Array | None]:
        dx, dw, db = dense_backward(d, rows, w, a.shape, *needs)
        return in_dtype(dx, x), in_dtype(dw, kernel), in_dtype(db, bias)

    return record(y, (x, kernel, bias), backward)


def dense_forward(x: Array, w: Array, b: Array | None) -> tuple[Array, Array]:
    """x·w + b for arrays of one dtype, and the rows of x."""
    if x.ndim == 2:
        return product(x, w, b), x
    rows = rows_of(x)
    return product(rows, w, b).reshape(*x.shape[:-1], w.shape[1]), rows


def dense_backward(
    d: Array, rows: Array, w: Array, shape: tuple[int, ...], need_x: bool, need_w: bool, need_b: bool
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of x of `shape`, of w and of b, None for those not needed.

    d : the gradient of the result;  rows : what :func:`dense_forward` gave
    """
    d_rows = rows_of(d)
    return (
        product(d_rows, w.T).reshape(shape) if need_x else None,
        product(rows.T, d_rows) if need_w else None,
        sum_rows(d_rows) if need_b else None,
    )
