"""Integers as vectors over so many categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.layers.base.arguments import check_choice, check_positive
from recurra.layers.base.layer import Layer
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike, Shape

_MODES = ("multi_hot", "one_hot", "count")


def encode(ids: Array, mode: str, width: int, weights: Array | None = None) -> Array:
    """Ids as float32 vectors of `width`; ids outside of [0, width) leave zeros.

    mode : "one_hot": a vector for each id (a last axis of size 1 is dropped before), "multi_hot", "count": one for all
        ids along the last axis
    weights : for "count": how much each id counts
    """
    ids = ids.reshape(1) if ids.ndim == 0 else ids
    if mode == "one_hot" and ids.ndim > 1 and ids.shape[-1] == 1:
        ids = ids[..., 0]
    hot: Array = (ids[..., None] == np.arange(width)).astype(np.float32)
    if mode == "one_hot":
        return hot
    if mode == "multi_hot":
        return np.asarray(hot.max(-2, initial=0.0))
    return np.asarray((hot if weights is None else hot * weights[..., None]).sum(-2))


def encoded_shape(shape: Shape, mode: str, width: int) -> Shape:
    """The shape of :func:`encode`'s result."""
    if mode == "one_hot" and (len(shape) < 2 or shape[-1] != 1):
        return (*shape, width)
    return (*shape[:-1], width)


class CategoryEncoding(Layer):
    """Integers in [0, num_tokens) as vectors of `num_tokens` numbers.

    num_tokens : how many categories
    output_mode : "multi_hot": 1 for each category along the last axis; "count": how often it is there; "one_hot": a
        vector for each integer (a last axis of size 1 is dropped before)

    Called as ``layer(inputs, count_weights=None)``; with output_mode "count" the weights, of the inputs' shape, say how
    much each counts.

    >>> import numpy as np
    >>> from recurra.layers import CategoryEncoding
    >>> CategoryEncoding(4)(np.array([[0, 1], [2, 2]]))
    array([[1., 1., 0., 0.],
           [0., 0., 1., 0.]], dtype=float32)
    """

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ) -> None:
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if sparse:
            raise ValueError("sparse must be False: there is no sparse array type here")
        self.num_tokens = check_positive(num_tokens, "num_tokens")
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        self.output_mode = check_choice(output_mode, "output_mode", _MODES)

    def call(self, inputs: Any, count_weights: ArrayLike | None = None) -> Any:
        ids = np.asarray(value_of(inputs))
        if ids.dtype.kind == "f" and not np.array_equal(ids, np.trunc(ids)):
            raise ValueError(f"{self.name}: inputs must hold integers, got fractions")
        if ids.size and (ids.min() < 0 or ids.max() >= self.num_tokens):
            raise ValueError(f"{self.name}: inputs must lie in [0, {self.num_tokens}), got {ids.min()} to {ids.max()}")
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"{self.name}: count_weights need output_mode 'count', got {self.output_mode!r}")
        weights = None if count_weights is None else np.asarray(value_of(count_weights), self.dtype)
        return encode(ids, self.output_mode, self.num_tokens, weights).astype(self.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens) if input_shape else (self.num_tokens,)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.dtype)

    @property
    def _input_dtype(self) -> str:
        return "int32"

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}
