"""One layer for the time steps of a batch that differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.layers.base.arguments import check_flag
from recurra.layers.base.layer import Layer
from recurra.layers.base.operation import Operation
from recurra.layers.wrapper import Wrapper
from recurra.symbolic import KerasTensor
from recurra.typing import Array, ArrayLike, Shape


class DistinctSteps(Wrapper):
    """Applies a layer to each different step of a batch once, and gives equal steps the same output.

    layer : (N, ...) ids in, (N, F) features out
    mask_zero : whether steps that hold nothing but 0 are masked, as in Embedding

    As ``TimeDistributed(layer)`` on ids (B, T, ...), with less work where steps repeat: for words by their characters
    (B, T, L), of which running text holds about half as many different ones. Dropout inside of the layer draws once
    for equal steps.

    >>> import numpy as np
    >>> from recurra import Sequential
    >>> from recurra.layers import LSTM, DistinctSteps, Embedding
    >>> layer = DistinctSteps(Sequential([Embedding(30, 4, mask_zero=True), LSTM(5)]))
    >>> layer(np.array([[[3, 4, 0], [7, 8, 9]], [[7, 8, 9], [0, 0, 0]]])).shape
    (2, 2, 5)
    """

    def __init__(self, layer: Layer, mask_zero: bool = False, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.mask_zero = check_flag(mask_zero, "mask_zero")

    def build(self, input_shape: Shape | None = None) -> None:
        super().build(None if input_shape is None else self._step_shape(input_shape))

    def _step_shape(self, shape: Shape) -> Shape:
        if len(shape) < 3:
            raise ValueError(f"{self.name}: inputs must have at least 3 axes (B, T, ...), got shape {tuple(shape)}")
        return (None, *shape[2:])

    def call(self, inputs: ArrayLike, training: bool = False) -> Any:
        ids = np.asarray(value_of(inputs))
        if ids.dtype.kind not in "iub":
            raise TypeError(
                f"{self.name}: inputs must be integers, got dtype {ids.dtype}; TimeDistributed takes floats"
            )
        self._step_shape(ids.shape)
        steps, place = distinct(ids.reshape(ids.shape[0] * ids.shape[1], *ids.shape[2:]))
        features = self.layer(steps, training=training)
        return ops.reshape(ops.take(features, place, axis=0), (*ids.shape[:2], *features.shape[1:]))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not self.mask_zero:
            return mask
        axes = tuple(range(2, len(inputs.shape)))
        if isinstance(inputs, KerasTensor):
            return Operation("any", {"axis": axes})(Operation("not_equal")(inputs, 0))
        return (np.asarray(value_of(inputs)) != 0).any(axis=axes)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (*input_shape[:2], *self.layer.compute_output_shape(self._step_shape(input_shape))[1:])

    def _output_dtype(self, *args: Any, **kwargs: Any) -> str:
        return str(self.layer.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_zero": self.mask_zero}


def distinct(rows: Array) -> tuple[Array, Array]:
    """The different ones of (N, ...) integers, (M, ...), and which of them each row is, (N,)."""
    width = math.prod(rows.shape[1:]) * rows.dtype.itemsize
    if not len(rows) or not width:
        return rows[:1], np.zeros(len(rows), np.int64)
    keys = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.dtype((np.void, width))).ravel()
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first], place.reshape(-1)
