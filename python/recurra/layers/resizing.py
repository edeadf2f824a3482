"""Pictures of another height and width: :class:`Resizing` and :class:`CenterCrop`."""

from __future__ import annotations

from typing import Any

from recurra.config import image_data_format
from recurra.layers.base.arguments import check_choice, check_flag, check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.convolution import FORMATS
from recurra.ops.image import METHODS, check_filling, first_axis, middle, resize
from recurra.typing import Shape, TensorLike


class _Pictures(Layer):
    """A layer of pictures (B, H, W, C), or one (H, W, C), that gives them a height and a width."""

    _float_inputs = True

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width = check_positive(height, "height"), check_positive(width, "width")
        self.data_format = check_choice(data_format or image_data_format(), "data_format", FORMATS)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        first = first_axis(len(input_shape), self.data_format)
        return (*input_shape[:first], self.height, self.width, *input_shape[first + 2 :])

    def get_config(self) -> dict[str, Any]:
        config = {"height": self.height, "width": self.width, "data_format": self.data_format}
        return {**super().get_config(), **config}


class Resizing(_Pictures):
    """Pictures (B, H, W, C), or one (H, W, C), with another height and width.

    height, width : the new sizes
    interpolation : "bilinear", "nearest", "bicubic" or "area"
    crop_to_aspect_ratio : whether to cut the pictures to the new proportions first, and keep their middles
    pad_to_aspect_ratio, fill_mode, fill_value : not supported
    antialias : "bilinear" and "bicubic" average over all old values where a picture shrinks
    data_format : "channels_last" or "channels_first"; None: what ``recurra.config`` says

    >>> import numpy as np
    >>> from recurra.layers import Resizing
    >>> Resizing(2, 2)(np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        check_filling(pad_to_aspect_ratio, fill_mode, fill_value)
        self.interpolation = check_choice(interpolation, "interpolation", METHODS)
        self.crop_to_aspect_ratio = check_flag(crop_to_aspect_ratio, "crop_to_aspect_ratio")
        self.antialias = check_flag(antialias, "antialias")

    def call(self, inputs: TensorLike) -> Any:
        size = (self.height, self.width)
        cut = self.crop_to_aspect_ratio
        return resize(inputs, size, self.interpolation, self.antialias, cut, data_format=self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "antialias": self.antialias,
        }


class CenterCrop(_Pictures):
    """The middles of pictures (B, H, W, C), or of one (H, W, C).

    Pictures that are smaller than that along an axis are cut to its proportions and resized, bilinearly.

    height, width : the size of the middle
    data_format : "channels_last" or "channels_first"; None: what ``recurra.config`` says
    """

    def call(self, inputs: TensorLike) -> Any:
        first = first_axis(len(inputs.shape), self.data_format)
        height, width = inputs.shape[first : first + 2]
        if height < self.height or width < self.width:
            size = (self.height, self.width)
            return resize(inputs, size, crop_to_aspect_ratio=True, data_format=self.data_format)
        return middle(inputs, self.height, self.width, self.data_format)
