"""Masks made from the inputs themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.layers.base.layer import Layer
from recurra.layers.base.operation import Operation
from recurra.registry import deserialize_keras_object, serialize_keras_object
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike, Shape, TensorLike


class Masking(Layer):
    """Masks the steps at which every feature equals `mask_value`, and sets them to zero.

    mask_value : a number

    >>> import numpy as np
    >>> from recurra.layers import LSTM, Masking
    >>> y = Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]], "float32"))
    >>> y._keras_mask
    array([[ True, False]])
    """

    _float_inputs = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = deserialize_keras_object(mask_value)
        if isinstance(self.mask_value, (str, bytes)):
            raise TypeError(f"mask_value must be a number, got {mask_value!r}")

    def call(self, inputs: TensorLike) -> Any:
        return ops.where(self.compute_mask(inputs)[..., None], inputs, 0.0)

    def compute_mask(self, inputs: ArrayLike, mask: ArrayLike | None = None) -> Any:
        if isinstance(inputs, KerasTensor):
            return Operation("any", {"axis": -1})(Operation("not_equal")(inputs, self.mask_value))
        return np.any(np.asarray(value_of(inputs)) != self.mask_value, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": serialize_keras_object(self.mask_value)}
