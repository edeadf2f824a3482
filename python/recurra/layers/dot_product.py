"""Two batches of tensors multiplied and summed over one axis of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import ops
from recurra.layers.base.arguments import check_flag
from recurra.layers.base.layer import Layer
from recurra.layers.elementwise import check_list, check_shapes
from recurra.typing import ArrayLike, Shape, TensorLike


class Dot(Layer):
    """The products of two batches of tensors summed over one axis of each: ``sum_k x[b, i, k] * y[b, j, k]``.

    axes : one axis of both inputs, or a pair; not the batch axis
    normalize : the vectors along these axes are scaled to norm 1 first (cosines)

    The output has the axes of the first input, then those of the second, without the ones summed over.

    >>> import numpy as np
    >>> from recurra.layers import Dot
    >>> Dot(axes=2)([np.ones((1, 3, 4), "float32"), np.ones((1, 5, 4), "float32")]).shape
    (1, 3, 5)
    """

    _float_inputs = True
    _mask_passes = True

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, (int, np.integer)) else axes
        if not isinstance(pair, (list, tuple)):
            raise TypeError(f"axes must be an integer or a pair of integers, got {axes!r}")
        if len(pair) != 2 or not all(isinstance(axis, (int, np.integer)) for axis in pair):
            raise ValueError(f"axes must be an integer or a pair of integers, got {axes!r}")
        self.axes: int | tuple[int, ...] = axes if isinstance(axes, (int, np.integer)) else tuple(axes)
        self._pair = (int(pair[0]), int(pair[1]))
        self.normalize = check_flag(normalize, "normalize")

    def build(self, input_shape: Sequence[Shape]) -> None:
        self.compute_output_shape(input_shape)

    def _places(self, shapes: Any) -> tuple[int, int]:
        """The axes summed over, counted from 0, checked against the shapes."""
        first, second = shapes
        for axis, shape in zip(self._pair, shapes, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(f"{self.name}: axes {self.axes} must be axes after the batch's of shapes {shapes}")
        a, b = self._pair[0] % len(first), self._pair[1] % len(second)
        if first[a] is not None and second[b] is not None and first[a] != second[b]:
            raise ValueError(
                f"{self.name}: axis {a} of {first} and axis {b} of {second} must have the same size, "
                f"got {first[a]} and {second[b]}"
            )
        return a, b

    def call(self, inputs: Sequence[TensorLike]) -> Any:
        tensors = check_list(inputs, self.name)
        if len(tensors) != 2:
            raise ValueError(f"{self.name} takes exactly 2 inputs, got {len(tensors)}")
        x, y = tensors
        a, b = self._places((tuple(x.shape), tuple(y.shape)))
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        x, y = ops.moveaxis(x, a, -1), ops.moveaxis(y, b, 1)
        left, right = tuple(x.shape[1:-1]), tuple(y.shape[2:])
        batch, size = x.shape[0], x.shape[-1]
        rows = int(np.prod(left, dtype=np.int64))
        columns = int(np.prod(right, dtype=np.int64))
        product = ops.matmul(ops.reshape(x, (batch, rows, size)), ops.reshape(y, (batch, size, columns)))
        return ops.reshape(product, (batch, *left, *right) if left or right else (batch, 1))

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shapes = check_shapes(input_shape, self.name)
        if len(shapes) != 2:
            raise ValueError(f"{self.name} takes exactly 2 inputs, got {len(shapes)}")
        a, b = self._places(shapes)
        first, second = list(shapes[0]), list(shapes[1])
        del first[a], second[b]
        shape = (*first, *second[1:])
        return shape if len(shape) > 1 else (*shape, 1)

    def compute_mask(self, inputs: Any, mask: Sequence[ArrayLike | None] | None = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def dot(inputs: Sequence[ArrayLike], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """``Dot(axes, **kwargs)(inputs)``."""
    return Dot(axes, **kwargs)(inputs)
