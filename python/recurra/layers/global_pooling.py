"""One vector from a sequence or an image: its mean or its largest numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.layers.base.arguments import check_choice, check_flag
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.typing import ArrayLike, Shape, TensorLike


class _GlobalPooling1D(Layer):
    """Base of both poolings.

    data_format : "channels_last" (None): inputs (B, T, I); "channels_first": (B, I, T)
    keepdims : the time axis stays, with size 1
    """

    _float_inputs = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        choices = ("channels_last", "channels_first")
        self.data_format = check_choice(data_format or choices[0], "data_format", choices)
        self.keepdims = check_flag(keepdims, "keepdims")
        self.input_spec = InputSpec(ndim=3)

    @property
    def _axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2

    def _keep(self, mask: ArrayLike | None) -> Any:
        """The mask (B, T) as an array that broadcasts to the inputs."""
        return np.expand_dims(np.asarray(value_of(mask)).astype(bool), 3 - self._axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = list(input_shape)
        if self.keepdims:
            shape[self._axis] = 1
        else:
            del shape[self._axis]
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class GlobalAveragePooling1D(_GlobalPooling1D):
    """The mean over time: over the steps that the mask keeps, where there is one.

    data_format : "channels_last" (None): inputs (B, T, I); "channels_first": (B, I, T)
    keepdims : the time axis stays, with size 1

    A row without any kept step gives NaN, as in Keras.
    """

    def call(self, inputs: TensorLike, mask: ArrayLike | None = None) -> Any:
        if mask is None:
            return ops.mean(inputs, axis=self._axis, keepdims=self.keepdims)
        keep = self._keep(mask)
        count = keep.sum(axis=self._axis, keepdims=self.keepdims).astype(inputs.dtype)
        return ops.sum(ops.where(keep, inputs, 0.0), axis=self._axis, keepdims=self.keepdims) / count

    def compute_mask(self, inputs: ArrayLike, mask: ArrayLike | None = None) -> Any:
        return None


class GlobalMaxPooling1D(_GlobalPooling1D):
    """The largest number of each feature over time.

    data_format : "channels_last" (None): inputs (B, T, I); "channels_first": (B, I, T)
    keepdims : the time axis stays, with size 1

    Called as ``layer(inputs, valid=None)``. As in Keras a mask that the inputs carry is not looked at (a warning
    says so): the numbers at padded steps count. With ``valid=mask``, bool (B, T), only the kept steps do.
    """

    def call(self, inputs: TensorLike, valid: ArrayLike | None = None) -> Any:
        if valid is not None:
            lowest = np.finfo(np.dtype(str(inputs.dtype))).min
            inputs = ops.where(self._keep(valid), inputs, lowest)
        return ops.max(inputs, axis=self._axis, keepdims=self.keepdims)


class _GlobalPooling2D(_GlobalPooling1D):
    """Base of both poolings over two axes."""

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.input_spec = InputSpec(ndim=4)

    @property
    def _axes(self) -> tuple[int, int]:
        return (1, 2) if self.data_format == "channels_last" else (2, 3)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        kept = [1 if axis in self._axes else size for axis, size in enumerate(input_shape)]
        return tuple(kept if self.keepdims else (size for axis, size in enumerate(kept) if axis not in self._axes))


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel over two axes.

    data_format : "channels_last" (None): inputs (B, H, W, C); "channels_first": (B, C, H, W)
    keepdims : these axes stay, with size 1
    """

    def call(self, inputs: TensorLike) -> Any:
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest number of each channel over two axes; arguments as for :class:`GlobalAveragePooling2D`."""

    def call(self, inputs: TensorLike) -> Any:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)
