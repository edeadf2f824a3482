"""Images as arrays, and back, with Pillow, in Keras's names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.config import standardize_dtype
from recurra.files import atomic_write
from recurra.typing import Array, ArrayLike, DType, PathLike

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def require_pillow() -> Any:
    try:
        import PIL.Image
    except ImportError:
        raise ImportError("images need Pillow: pip install 'recurra[image]'") from None
    return PIL.Image


def _channels_first(data_format: str | None) -> bool:
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"data_format must be None, 'channels_last' or 'channels_first', got {data_format!r}")
    return data_format == "channels_first"


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """The image in a file.

    path : of the file, or an open binary file
    color_mode : "rgb", "rgba" or "grayscale"
    target_size : (height, width) to resize it to; None keeps its own
    interpolation : "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos"
    keep_aspect_ratio : cut the image to the target's proportions, around its middle, instead of stretching it
    """
    pillow = require_pillow()
    if color_mode not in _MODES:
        raise ValueError(f"color_mode must be one of {', '.join(map(repr, _MODES))}, got {color_mode!r}")
    if interpolation not in _FILTERS:
        raise ValueError(f"interpolation must be one of {', '.join(map(repr, _FILTERS))}, got {interpolation!r}")
    with pillow.open(path) as opened:
        deep = color_mode == "grayscale" and opened.mode in ("I;16", "I")  # more than 8 bits stay
        image: Image = (
            opened.copy() if deep or opened.mode == _MODES[color_mode] else opened.convert(_MODES[color_mode])
        )
    if target_size is None:
        return image
    height, width = target_size
    if image.size == (width, height):
        return image
    box = None
    if keep_aspect_ratio:
        own_width, own_height = image.size
        cut = (min(own_width, own_height * width // height), min(own_height, own_width * height // width))
        left, top = (own_width - cut[0]) // 2, (own_height - cut[1]) // 2
        box = (left, top, left + cut[0], top + cut[1])
    return image.resize((width, height), pillow.Resampling[interpolation.upper()], box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: DType | None = None) -> Array:
    """An image as numbers (H, W, C), or (C, H, W) with data_format "channels_first".

    dtype : None for ``recurra.config.floatx()``
    """
    values = np.array(img, standardize_dtype(dtype))
    if values.ndim not in (2, 3):
        raise ValueError(f"img must be an image, or an array of 2 or 3 axes, got shape {values.shape}")
    first = _channels_first(data_format)
    if values.ndim == 2:
        return values[None] if first else values[..., None]
    return np.ascontiguousarray(values.transpose(2, 0, 1)) if first else values


def array_to_img(x: ArrayLike, data_format: str | None = None, scale: bool = True, dtype: DType | None = None) -> Image:
    """The image of an array (H, W, C), or (C, H, W) with data_format "channels_first"; C is 1, 3 or 4.

    scale : spread the values over 0 to 255, the least being 0 and the largest 255
    dtype : in which that is computed; None for ``recurra.config.floatx()``
    """
    values = np.array(x, standardize_dtype(dtype))
    if values.ndim != 3:
        raise ValueError(f"x must have three axes, (H, W, C), got shape {values.shape}")
    if _channels_first(data_format):
        values = values.transpose(1, 2, 0)
    if values.shape[-1] not in (1, 3, 4):
        raise ValueError(f"x must have 1, 3 or 4 channels, got {values.shape[-1]}")
    if scale and values.size:
        values = values - values.min()
        values = values / (values.max() or 1) * 255
    deep = values.shape[-1] == 1 and values.size and values.max() > 255
    pixels = values[..., 0] if values.shape[-1] == 1 else values
    image: Image = require_pillow().fromarray(pixels.astype(np.int32 if deep else np.uint8))
    return image


def save_img(
    path: PathLike,
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image, whole or not at all.

    x, data_format, scale : as for :func:`array_to_img`
    file_format : "png", "jpeg", ...; None for what the name ends in
    kwargs : Pillow's own arguments for that format
    """
    image = array_to_img(x, data_format, scale)
    ending = os.path.splitext(os.fspath(path))[1].lower()
    kind = file_format or require_pillow().registered_extensions().get(ending)
    if kind is None:
        raise ValueError(f"{path} must end in an image's ending, .png say, or file_format must be given")
    kind = "jpeg" if kind.lower() == "jpg" else kind
    if kind.lower() == "jpeg" and image.mode == "RGBA":
        raise ValueError("x must have 1 or 3 channels for a JPEG file, which holds no transparency, got 4")
    with atomic_write(path) as file:
        image.save(file, format=kind, **kwargs)
