"""Pictures of another height and width: :class:`Resizing` and :class:`CenterCrop`."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra.config import image_data_format
from recurra.layers.base.arguments import check_choice, check_flag, check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.convolution import FORMATS
from recurra.ops.resizing import METHODS, resizing_weights
from recurra.typing import Shape, TensorLike


class _Pictures(Layer):
    """A layer of pictures (B, H, W, C), or one (H, W, C), that gives them a height and a width."""

    _float_inputs = True

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width = check_positive(height, "height"), check_positive(width, "width")
        self.data_format = check_choice(data_format or image_data_format(), "data_format", FORMATS)

    def _axes(self, rank: int) -> tuple[int, int]:
        if rank not in (3, 4):
            raise ValueError(f"{self.name}: inputs must be pictures (B, H, W, C), or one (H, W, C), got {rank} axes")
        first = rank - (3 if self.data_format == "channels_last" else 2)
        return first, first + 1

    def _resized(self, x: Any, method: str, antialias: bool = False) -> Any:
        height, width = self._axes(len(x.shape))
        letters = "bhwc"[4 - len(x.shape) :] if self.data_format == "channels_last" else "bchw"[4 - len(x.shape) :]
        rows = resizing_weights(x.shape[height], self.height, method, antialias).astype(x.dtype)
        columns = resizing_weights(x.shape[width], self.width, method, antialias).astype(x.dtype)
        across = ops.einsum(f"{letters},vw->{letters.replace('w', 'v')}", x, columns)
        return ops.einsum(f"{letters},gh->{letters.replace('h', 'g')}", across, rows)

    def _in_proportion(self, x: Any) -> Any:
        """The largest middle part of the pictures with the proportions of the new size."""
        axes = self._axes(len(x.shape))
        height, width = (x.shape[axis] for axis in axes)
        tall = min(int(width * self.height / self.width), height)
        wide = min(int(height * self.width / self.height), width)
        return self._cut(x, (height - tall) // 2, (width - wide) // 2, tall, wide)

    def _cut(self, x: Any, top: int, left: int, height: int, width: int) -> Any:
        first = self._axes(len(x.shape))[0]
        return ops.getitem(x, (*[slice(None)] * first, slice(top, top + height), slice(left, left + width)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = list(input_shape)
        for axis, size in zip(self._axes(len(shape)), (self.height, self.width), strict=True):
            shape[axis] = size
        return tuple(shape)

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
        if pad_to_aspect_ratio or fill_mode != "constant" or fill_value != 0.0:
            raise ValueError(
                "pad_to_aspect_ratio, fill_mode and fill_value are not supported: put a ZeroPadding2D in front, got "
                f"{pad_to_aspect_ratio!r}, {fill_mode!r} and {fill_value!r}"
            )
        self.interpolation = check_choice(interpolation, "interpolation", METHODS)
        self.crop_to_aspect_ratio = check_flag(crop_to_aspect_ratio, "crop_to_aspect_ratio")
        self.antialias = check_flag(antialias, "antialias")

    def call(self, inputs: TensorLike) -> Any:
        x = self._in_proportion(inputs) if self.crop_to_aspect_ratio else inputs
        return self._resized(x, self.interpolation, self.antialias)

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
        height, width = (inputs.shape[axis] for axis in self._axes(len(inputs.shape)))
        if height < self.height or width < self.width:
            return self._resized(self._in_proportion(inputs), "bilinear")
        return self._cut(inputs, (height - self.height) // 2, (width - self.width) // 2, self.height, self.width)
