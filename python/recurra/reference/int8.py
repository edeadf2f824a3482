"""Products with weights of 8-bit integers, a scale for each column; activations are quantized row by row.

With x a row, w the integers of a column and s_w its scale (weight = w / s_w)::

    s = 127 / (max|x| + 1e-7)      q = round(x s)      x·w = (Σ_k q_k w_k) / (s s_w)

A row with NaN or an infinity gives NaN.
"""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]

#: the most rows of a matrix: sums of so many products fit 32 bits
MOST_ROWS = 1 << 17


def quantize_rows(x: Array) -> tuple[Array, Array]:
    """The integers of each row of x (..., K), and 1 / s (..., 1)."""
    whole = np.isfinite(x).all(axis=-1, keepdims=True)
    x = np.where(whole, x, 0)
    scale = x.dtype.type(127) / (np.abs(x).max(axis=-1, keepdims=True, initial=0) + x.dtype.type(1e-7))
    return np.rint(x * scale).astype(np.int8), np.where(whole, 1 / scale, np.nan).astype(x.dtype)


class Int8Stack:
    """Matrices of 8-bit weights that stand in for float ones: ``x @ stack``, ``stack[g]``.

    values : (..., K, N) int8;  scales : (..., 1, N)
    """

    __array_ufunc__ = None  # x @ stack asks the stack

    def __init__(self, values: Array, scales: Array) -> None:
        self.values, self.scales = values, scales

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.scales.dtype

    def __getitem__(self, index: int) -> Int8Stack:
        return Int8Stack(self.values[index], self.scales[index])

    def __rmatmul__(self, x: Array) -> Array:
        integers, factor = quantize_rows(x)
        sums = np.matmul(integers.astype(np.float64), self.values.astype(np.float64))  # exact: integers below 2^31
        return sums.astype(x.dtype) * (factor * (1 / self.scales))


def is_pair(value: Any) -> bool:
    """Whether a matrix is given as 8-bit weights, (values, scales)."""
    return isinstance(value, (tuple, list))


def pair(name: str, value: Any, dtype: np.dtype[Any], letters: str, axis: int = 1) -> tuple[Array, Array]:
    """(values, scales), checked. letters : of the scales' shape; axis : of the values, that has one scale for each."""
    if len(value) != 2:
        raise ValueError(f"{name} must be an array, or (values, scales) of 8-bit weights, got {len(value)} items")
    values = checks.rank(f"{name}[0]", checks.typed(f"{name}[0]", value[0], np.int8), "(K, N)", 2)
    scales = checks.floats(f"{name}[1]", value[1], dtype)
    checks.shaped(f"{name}[1]", scales, letters, (values.shape[axis],))
    if axis == 1 and len(values) > MOST_ROWS:
        raise ValueError(f"{name}[0] must have at most {MOST_ROWS} rows, got {len(values)}")
    return values, scales


def matrix(name: str, value: Any, dtype: np.dtype[Any] | None) -> Array:
    """The array, or the values of a pair, checked but for the shape."""
    if not is_pair(value):
        return checks.floats(name, value, dtype)
    assert dtype is not None
    return pair(name, value, dtype, "(N,)")[0]


def int8_matmul(a: Array, weights: tuple[Array, Array], bias: Array | None, packed_weights: Any) -> Array:
    """a·w + bias: a (M, K), weights (K, N) int8 and their scales (N,), bias (N,) or None."""
    checks.rank("a", checks.floats("a", a), "(M, K)", 2)
    values, scales = pair("weights", weights, a.dtype, "(N,)")
    checks.shaped("weights[0]", values, "(K, N)", (a.shape[1], values.shape[1]))
    checks.optional("bias", bias, a.dtype, "(N,)", (values.shape[1],))
    product = a @ Int8Stack(values, scales[None])
    return product if bias is None else product + bias
