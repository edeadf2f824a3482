"""Several tensors one behind the other along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.layers.elementwise import Merge, check_list, check_shapes
from recurra.typing import ArrayLike, Shape, TensorLike


class Concatenate(Merge):
    """The inputs one behind the other along `axis`.

    axis : the last unless given

    The masks are concatenated too, where the axis is time's; along another axis a step counts if any input's mask
    keeps it, and an input without a mask keeps all.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise TypeError(f"axis must be an integer, got {axis!r}")
        self.axis = int(axis)

    def call(self, inputs: Sequence[TensorLike]) -> Any:
        return ops.concatenate(check_list(inputs, self.name), axis=self.axis)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shapes = check_shapes(input_shape, self.name)
        rank = len(shapes[0])
        if any(len(shape) != rank for shape in shapes) or not -rank <= self.axis < rank:
            raise ValueError(f"{self.name}: cannot join shapes {shapes} along axis {self.axis}")
        axis = self.axis % rank
        merged = list(shapes[0])
        for shape in shapes[1:]:
            for place, (a, b) in enumerate(zip(merged, shape, strict=True)):
                if place == axis:
                    merged[place] = None if a is None or b is None else a + b
                elif a is not None and b is not None and a != b:
                    raise ValueError(f"{self.name}: shapes {shapes} must agree except along axis {self.axis}")
                elif a is None:
                    merged[place] = b
        return tuple(merged)

    def compute_mask(self, inputs: Any, mask: Sequence[ArrayLike | None] | None = None) -> Any:
        if mask is None or all(one is None for one in mask):
            return None
        full = []
        for tensor, one in zip(inputs, mask, strict=True):
            if one is None:
                full.append(np.ones(tuple(tensor.shape), bool))
                continue
            one = np.asarray(value_of(one)).astype(bool)
            if one.ndim < len(tensor.shape):
                one = np.broadcast_to(one[..., None], tuple(tensor.shape))
            full.append(one)
        return np.concatenate(full, axis=self.axis).any(axis=-1)

    _mask_passes = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def concatenate(inputs: Sequence[ArrayLike], axis: int = -1, **kwargs: Any) -> Any:
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)
