"""The largest number or the mean of windows that slide over one, two or three axes."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra.layers.base.arguments import check_choice
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.convolution import Sizes, Spatial
from recurra.ops.windows import output_size
from recurra.typing import Shape, TensorLike


class _Pooling(Spatial):
    pool_size: tuple[int, ...]

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_windows("pool_size", pool_size, strides, padding, data_format)
        check_choice(self.padding, "padding", ("valid", "same"))
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = self._spatial(input_shape)
        spatial = [
            output_size(n, k, s, self.padding, what="pool")
            for n, k, s in zip(sizes, self.pool_size, self.strides, strict=True)
        ]
        return self._with_spatial(input_shape, spatial, self._channels(input_shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class _MaxPooling(_Pooling):
    def call(self, inputs: TensorLike) -> Any:
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class _AveragePooling(_Pooling):
    def call(self, inputs: TensorLike) -> Any:
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling1D(_MaxPooling):
    """The largest number of each feature in windows over time.

    pool_size : how many steps a window has
    strides : from window to window; None: pool_size
    padding : "valid": windows inside the input; "same": ceil(T / strides) of them, where steps outside do not count
    data_format : "channels_last" (None): inputs (B, T, C); "channels_first": (B, C, T)

    A mask that the inputs carry ends here, with a warning, as in Keras 3.

    >>> import numpy as np
    >>> from recurra.layers import MaxPooling1D
    >>> MaxPooling1D(2)(np.ones((2, 5, 3), "float32")).shape
    (2, 2, 3)
    """


class MaxPooling2D(_MaxPooling):
    """The same as :class:`MaxPooling1D` over two axes: inputs (B, H, W, C), or (B, C, H, W) with "channels_first"."""

    rank = 2


class MaxPooling3D(_MaxPooling):
    """The same as :class:`MaxPooling1D` over three axes: (B, D, H, W, C), or (B, C, D, H, W) with "channels_first"."""

    rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each feature in windows over time. The arguments are those of :class:`MaxPooling1D`."""


class AveragePooling2D(_AveragePooling):
    """The same as :class:`AveragePooling1D` over two axes: (B, H, W, C), or (B, C, H, W) with "channels_first"."""

    rank = 2


class AveragePooling3D(_AveragePooling):
    """The same as :class:`AveragePooling1D` over three axes; inputs as for :class:`MaxPooling3D`."""

    rank = 3
