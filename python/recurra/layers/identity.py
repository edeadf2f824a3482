"""Layers that hand their inputs on: as they are, with a penalty, or scaled by fixed numbers."""

from __future__ import annotations

from typing import Any

from recurra import ops, regularizers
from recurra.layers.base.layer import Layer
from recurra.typing import ArrayLike, Shape, TensorLike


class Identity(Layer):
    """The inputs as they are."""

    supports_masking = True
    _mask_passes = True

    def call(self, inputs: TensorLike) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def _output_dtype(self, *args: Any, **kwargs: Any) -> str:
        return str(args[0].dtype)


class ActivityRegularization(Identity):
    """The inputs as they are, with a penalty on them.

    l1, l2 : factors of the sums of absolute values and of squares
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = float(l1), float(l2)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}


class Rescaling(Layer):
    """``inputs * scale + offset``.

    scale, offset : numbers, or lists that broadcast to the last axis
    """

    _float_inputs = True
    supports_masking = True
    _mask_passes = True

    def __init__(self, scale: ArrayLike, offset: ArrayLike = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: TensorLike) -> Any:
        return ops.add(ops.multiply(inputs, ops.array(self.scale, self.dtype)), ops.array(self.offset, self.dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
