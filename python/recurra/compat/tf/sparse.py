"""``tf.sparse``: from sparse tensors to whole ones, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.specs import SparseTensor
from recurra.compat.tf.tensors import array_of, present

__all__ = ["SparseTensor", "from_dense", "reorder", "sparse_dense_matmul", "to_dense"]


def to_dense(sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None) -> Any:
    """All the values; `default_value` (0, or an empty text) where there is none. A tensor stays as it is."""
    if not isinstance(sp_input, SparseTensor):
        return present(array_of(sp_input))
    values = array_of(sp_input.values)
    filling = (b"" if values.dtype == object else 0) if default_value is None else default_value
    made = np.full(tuple(sp_input.shape), filling, values.dtype)
    made[tuple(array_of(sp_input.indices).T)] = values
    return present(made)


def from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """The values that are not 0, and where they stand."""
    array = array_of(tensor)
    places = np.argwhere(array != (b"" if array.dtype == object else 0))
    return SparseTensor(places, array[tuple(places.T)], np.array(array.shape))


def reorder(sp_input: SparseTensor, name: str | None = None) -> SparseTensor:
    """The values in the order of their places."""
    places = array_of(sp_input.indices)
    order = np.lexsort(places.T[::-1])
    return SparseTensor(places[order], array_of(sp_input.values)[order], sp_input.dense_shape)


def sparse_dense_matmul(
    sp_a: SparseTensor, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None
) -> Any:
    """A product with a matrix."""
    a = array_of(to_dense(sp_a))
    return present(ops.matmul(a.T if adjoint_a else a, ops.transpose(b) if adjoint_b else b))
