"""Activations, softmax, products and embeddings, from their equations."""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"
# ruff: noqa: D403  (a docstring may begin with a formula)

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]
Rows = tuple[Array, Array]

ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")


def activate(name: str, x: Array) -> Array:
    """The activation `name` of x, elementwise.

    tanh(x);  sigmoid 1 / (1 + exp(-x));  relu max(x, 0);  hard_sigmoid clip(x/6 + 1/2, 0, 1);  linear x.
    """
    if name == "tanh":
        return np.tanh(x)
    if name == "sigmoid":
        e = np.exp(-np.abs(x))  # never overflows, and keeps small values' relative accuracy
        return np.where(x >= 0, 1, e) / (1 + e)
    if name == "relu":
        return np.maximum(x, 0)
    if name == "hard_sigmoid":
        return np.clip(x / 6 + 0.5, 0, 1)
    return x.copy()


def slope(name: str, y: Array) -> Array:
    """The derivative of the activation `name`, written as a function of its output y."""
    if name == "tanh":
        return 1 - y * y
    if name == "sigmoid":
        return y * (1 - y)
    if name == "relu":
        return (y > 0).astype(y.dtype)
    if name == "hard_sigmoid":
        return ((y > 0) & (y < 1)).astype(y.dtype) / 6
    return np.ones_like(y)


def activation_forward(name: str, x: Array) -> Array:
    """y = activation(x), any shape."""
    return np.asarray(activate(checks.one_of("name", name, ACTIVATIONS), checks.floats("x", x)))


def activation_backward(name: str, y: Array, dy: Array) -> Array:
    """dx = dy * activation'(x), from the output y."""
    checks.one_of("name", name, ACTIVATIONS)
    checks.like("dy", dy, checks.floats("y", y), "y")
    return np.asarray(dy * slope(name, y))


def matmul(a: Array, b: Array, bias: Array | None, trans_a: bool, trans_b: bool) -> Array:
    """a·b + bias for matrices, or matrix by matrix for two stacks of equal length.

    a : (M, K), or (S, M, K); with trans_a (K, M), or (S, K, M)
    b : (K, N), or (S, K, N); with trans_b (N, K), or (S, N, K)
    bias : (N,) or None
    """
    checks.floats("a", a)
    checks.floats("b", b, a.dtype)
    if a.ndim not in (2, 3):
        raise ValueError(f"a must have shape (M, K) or (S, M, K), got {a.shape}")
    stack = "S, " if a.ndim == 3 else ""
    a_t = np.swapaxes(a, -1, -2) if trans_a else a
    axes = f"({stack}N, K)" if trans_b else f"({stack}K, N)"
    checks.rank("b", b, axes, a.ndim)
    b_t = np.swapaxes(b, -1, -2) if trans_b else b
    if b_t.shape[-2] != a_t.shape[-1] or a.shape[:-2] != b.shape[:-2]:
        inner, outer = a_t.shape[-1], b_t.shape[-1]
        expected = (*a.shape[:-2], outer, inner) if trans_b else (*a.shape[:-2], inner, outer)
        raise ValueError(f"b must have shape {axes} = {expected}, got {b.shape}")
    checks.optional("bias", bias, a.dtype, "(N,)", (b_t.shape[-1],))
    product = np.matmul(_contiguous(a_t), _contiguous(b_t))
    return np.ascontiguousarray(product if bias is None else product + bias)


def _contiguous(a: Array) -> Array:
    """`a`, copied where neither its rows nor its columns are contiguous: products have one order of summation."""
    return a if a.flags.c_contiguous or np.swapaxes(a, -1, -2).flags.c_contiguous else np.ascontiguousarray(a)


def matmul_add(a: Array, b: Array, trans_a: bool, trans_b: bool, out: Array) -> None:
    """out += a·b, in place.

    a : (M, K); with trans_a (K, M);  b : (K, N); with trans_b (N, K);  out : (M, N), shares no memory with a and b
    """
    checks.rank("a", checks.floats("a", a), "(K, M)" if trans_a else "(M, K)", 2)
    product = matmul(a, b, None, trans_a, trans_b)
    checks.shaped("out", checks.inout("out", checks.floats("out", out, a.dtype)), "(M, N)", product.shape)
    for name, operand in (("a", a), ("b", b)):
        if np.may_share_memory(out, operand):
            raise ValueError(f"out must not share memory with {name}")
    out += product


def _last_axis(name: str, x: Array) -> None:
    if checks.floats(name, x).ndim == 0:
        raise ValueError(f"{name} must have shape (..., V), got ()")
    if x.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., V) with V >= 1, got {x.shape}")


def softmax_forward(x: Array) -> Array:
    """y_i = exp(x_i) / sum_j exp(x_j) over the last axis."""
    _last_axis("x", x)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(y: Array, dy: Array) -> Array:
    """dx_i = y_i (dy_i - sum_j y_j dy_j) over the last axis."""
    _last_axis("y", y)
    checks.like("dy", dy, y, "y")
    return y * (dy - (y * dy).sum(axis=-1, keepdims=True))


def _logits(logits: Array, labels: Array) -> None:
    checks.rank("logits", checks.floats("logits", logits), "(M, V)", 2)
    checks.shaped("labels", checks.ids("labels", labels, logits.shape[1]), "(M,)", logits.shape[:1])


def softmax_cross_entropy_forward(logits: Array, labels: Array) -> tuple[Array, Array]:
    """loss_m = lse_m - logits[m, labels[m]] with lse_m = log(sum_v exp(logits[m, v])).

    logits : (M, V);  labels : (M,) int32 in [0, V).  Returns loss (M,), lse (M,)
    """
    _logits(logits, labels)
    top = logits.max(axis=1)
    log_total = np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return (top - logits[np.arange(len(labels)), labels]) + log_total, top + log_total


def softmax_cross_entropy_backward(logits: Array, labels: Array, lse: Array, dloss: Array) -> Array:
    """dlogits[m, v] = dloss[m] * (exp(logits[m, v] - lse[m]) - [v == labels[m]]), whatever the rounding of lse."""
    _logits(logits, labels)
    checks.shaped("lse", checks.floats("lse", lse, logits.dtype), "(M,)", labels.shape)
    checks.shaped("dloss", checks.floats("dloss", dloss, logits.dtype), "(M,)", labels.shape)
    d = np.exp(logits - lse[:, None])
    d /= d.sum(axis=1, keepdims=True)
    d[np.arange(len(labels)), labels] -= 1
    return d * dloss[:, None]


def embedding_forward(table: Array, ids: Array) -> Array:
    """y[...] = table[ids[...]].  table : (V, I); ids : int32 of any shape. Returns ids.shape + (I,)."""
    checks.rank("table", checks.floats("table", table), "(V, I)", 2)
    return table[checks.ids("ids", ids, len(table))]


def embedding_backward(ids: Array, dy: Array) -> Rows:
    """The distinct ids, ascending, (U,) and the sum of dy over each one's places, (U, I)."""
    checks.ids("ids", ids)
    checks.floats("dy", dy)
    if dy.ndim != ids.ndim + 1 or dy.shape[:-1] != ids.shape:
        raise ValueError(f"dy must have shape ids.shape + (I,) = {(*ids.shape, 'I')}, got {dy.shape}")
    distinct, where = np.unique(ids, return_inverse=True)
    rows = np.zeros((len(distinct), dy.shape[-1]), dy.dtype)
    np.add.at(rows, where.reshape(-1), dy.reshape(ids.size, dy.shape[-1]))
    return distinct.astype(np.int32), rows
