"""What a tensor is like, without its values: ``tf.TensorSpec`` and its kin; and sparse tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.compat.tf.dtypes import DType, as_dtype
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import array_of, present

__all__ = ["RaggedTensorSpec", "SparseTensor", "TensorSpec", "TypeSpec"]


class TypeSpec:
    """The base of the kinds."""


class TensorSpec(TypeSpec):
    """A shape, perhaps with open sizes, and a type."""

    def __init__(self, shape: Any, dtype: Any = np.float32, name: str | None = None) -> None:
        self.shape = TensorShape(shape)
        self.dtype: DType = as_dtype(dtype)
        self.name = name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        """The specification of a tensor."""
        return cls(tensor.shape, array_of(tensor).dtype, name)

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor, or another specification, fits."""
        shape = other.shape if hasattr(other, "shape") else array_of(other).shape
        return self.shape.is_compatible_with(shape) and self.dtype == as_dtype(
            getattr(other, "dtype", array_of(other).dtype)
        )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


class RaggedTensorSpec(TensorSpec):
    """The same of a ragged tensor."""

    def __init__(
        self, shape: Any = None, dtype: Any = np.float32, ragged_rank: int | None = None, row_splits_dtype: Any = None
    ) -> None:
        super().__init__(shape, dtype)
        self.ragged_rank = ragged_rank


class SparseTensor:
    """Values at places, zeros elsewhere.

    indices : (N, axes), values : (N,), dense_shape : the sizes of the axes
    """

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self.indices = present(array_of(indices).astype(np.int64).reshape(-1, len(array_of(dense_shape))))
        self.values = present(array_of(values))
        self.dense_shape = present(array_of(dense_shape).astype(np.int64))

    @property
    def shape(self) -> TensorShape:
        return TensorShape(array_of(self.dense_shape).tolist())

    @property
    def dtype(self) -> Any:
        return self.values.dtype

    def __repr__(self) -> str:
        return f"SparseTensor(indices={self.indices!s}, values={self.values!s}, dense_shape={self.dense_shape!s})"
