"""Gradients of tables of which a batch uses few rows."""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.typing import Array, DType


class RowSparse:
    """The gradient of a table of which few rows were used.

    ids : (U,) int32, ascending and distinct row numbers
    rows : (U, I), the gradient of each of these rows; every other row's is zero
    shape : (V, I), of the table
    """

    __slots__ = ("ids", "rows", "shape")

    def __init__(self, ids: Array, rows: Array, shape: tuple[int, ...]) -> None:
        self.ids, self.rows, self.shape = ids, rows, tuple(shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.rows.dtype

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        dense = np.zeros(self.shape, self.rows.dtype if dtype is None else dtype)
        dense[self.ids] = self.rows
        return dense

    def __add__(self, other: Array | RowSparse) -> Array | RowSparse:
        if not isinstance(other, RowSparse):
            total = np.array(other)
            total[self.ids] += self.rows
            return total
        ids, where = np.unique(np.concatenate([self.ids, other.ids]), return_inverse=True)
        rows = np.zeros((len(ids), *self.rows.shape[1:]), self.rows.dtype)
        rows[where[: len(self.ids)]] += self.rows  # ids are distinct within each operand, so += misses nothing
        rows[where[len(self.ids) :]] += other.rows
        return RowSparse(ids.astype(np.int32), rows, self.shape)

    __radd__ = __add__

    def __repr__(self) -> str:
        return f"RowSparse({len(self.ids)} of {self.shape[0]} rows, shape={self.shape}, dtype={self.dtype})"
