"""``tf.image``: pictures (height, width, channels), or batches of them, as networks are fed with: decoded by Pillow
(extra ``recurra[image]``), resized and cut by numpy; no gradients.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.operands import constant_of
from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import EagerTensor, array_of, present
from recurra.ops.image import METHODS, resizing_weights
from recurra.utils.image import require_pillow

__all__ = [
    "ResizeMethod", "convert_image_dtype", "crop_to_bounding_box", "decode_image", "decode_jpeg", "decode_png",
    "encode_jpeg", "encode_png", "flip_left_right", "flip_up_down", "grayscale_to_rgb", "pad_to_bounding_box",
    "per_image_standardization", "resize", "resize_with_pad", "rgb_to_grayscale",
]  # fmt: skip

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class ResizeMethod:
    """How values between those of a picture are found."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"


# --- files ---------------------------------------------------------------------------------------------------------


def decode_image(
    contents: Any,
    channels: int | None = None,
    dtype: Any = np.uint8,
    name: str | None = None,
    expand_animations: bool = True,
) -> Any:
    """The picture that the bytes of a PNG, JPEG, BMP or GIF file hold.

    channels : 1, 3 or 4; as the file has them where None or 0
    expand_animations : a GIF becomes (frames, height, width, channels)
    """
    picture = _opened(contents)
    if picture.format == "GIF" and expand_animations:
        frames = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            frames.append(_pixels(picture, channels or 3))
        found = np.stack(frames)
    else:
        found = _pixels(picture, channels)
    return convert_image_dtype(found, dtype)


def decode_png(contents: Any, channels: int = 0, dtype: Any = np.uint8, name: str | None = None) -> Any:
    """The picture that the bytes of a file hold."""
    return decode_image(contents, channels, dtype, expand_animations=False)


def decode_jpeg(
    contents: Any,
    channels: int = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: str = "",
    name: str | None = None,
) -> Any:
    """The picture that the bytes of a file hold, as Pillow reads it: values may differ by a few from TensorFlow's.

    ratio : 1; others, and files that are cut off, are not here
    """
    if ratio != 1 or try_recover_truncated:
        raise ValueError("decode_jpeg: ratio must be 1 and try_recover_truncated False here: use resize after it")
    return decode_image(contents, channels, expand_animations=False)


def _opened(contents: Any) -> Any:
    image = require_pillow()
    data = bytes(texts_of(contents)[()])
    try:
        return image.open(io.BytesIO(data))
    except OSError as error:
        raise ValueError(f"these {len(data)} bytes are no picture that Pillow knows: {error}") from None


def _pixels(picture: Any, channels: int | None) -> Any:
    count = channels or {"L": 1, "1": 1, "I;16": 1, "LA": 2, "RGBA": 4}.get(picture.mode, 3)
    if count not in _MODES:
        raise ValueError(f"channels must be 0, 1, 3 or 4, got {channels!r}")
    if picture.mode != _MODES[count]:
        picture = picture.convert(_MODES[count])
    found = np.asarray(picture)
    return found[..., None] if found.ndim == 2 else found


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> EagerTensor:
    """The bytes of a PNG file."""
    return _encoded(image, "PNG", {} if compression < 0 else {"compress_level": compression})


def encode_jpeg(image: Any, format: str = "", quality: int = 95, name: str | None = None) -> EagerTensor:
    """The bytes of a JPEG file."""
    if format not in ("", "rgb", "grayscale"):
        raise ValueError(f"encode_jpeg: format must be '', 'rgb' or 'grayscale', got {format!r}")
    return _encoded(image, "JPEG", {"quality": quality})


def _encoded(image: Any, kind: str, settings: dict[str, Any]) -> EagerTensor:
    array = array_of(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in _MODES:
        raise ValueError(f"{kind}: a picture must be uint8 (height, width, channels), got {array.dtype} {array.shape}")
    file = io.BytesIO()
    picture = require_pillow().fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    picture.save(file, kind, **settings)
    return EagerTensor(np.array(file.getvalue(), object))


# --- values --------------------------------------------------------------------------------------------------------


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """Another type, with values scaled: integers span their type, floats 0 to 1.

    saturate : values beyond the new type become its ends
    """
    array = constant_of(image, "image.convert_image_dtype")
    kind = np.dtype(as_dtype(dtype))
    if array.dtype == kind:
        return present(array)
    if kind.kind == "f":
        parts = np.array(np.iinfo(array.dtype).max, kind) if array.dtype.kind in "iu" else None
        return present((array if parts is None else array / parts).astype(kind))
    top = np.iinfo(kind).max
    if array.dtype.kind == "f":
        scaled = array * (top + 0.5)
        return present((np.clip(scaled, np.iinfo(kind).min, top) if saturate else scaled).astype(kind))
    own = np.iinfo(array.dtype).max
    if own > top:
        scaled = array // ((own + 1) // (top + 1))
        return present((np.clip(scaled, np.iinfo(kind).min, top) if saturate else scaled).astype(kind))
    return present(array.astype(kind) * kind.type((top + 1) // (own + 1)))


def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """One channel: 0.2989 of red, 0.587 of green, 0.114 of blue."""
    array = constant_of(images, "image.rgb_to_grayscale")
    if array.shape[-1] != 3:
        raise ValueError(f"rgb_to_grayscale: the last axis must have 3 channels, got shape {array.shape}")
    floats = array_of(convert_image_dtype(array, np.float32)) if array.dtype.kind in "iu" else array
    gray = (floats @ np.array([0.2989, 0.587, 0.114], floats.dtype))[..., None]
    return convert_image_dtype(gray, array.dtype)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """The one channel three times."""
    array = constant_of(images, "image.grayscale_to_rgb")
    if array.shape[-1] != 1:
        raise ValueError(f"grayscale_to_rgb: the last axis must have 1 channel, got shape {array.shape}")
    return present(np.repeat(array, 3, axis=-1))


def per_image_standardization(image: Any) -> Any:
    """Each picture with mean 0 and standard deviation 1; the deviation is at least that of one value among all."""
    array = constant_of(image, "image.per_image_standardization").astype(np.float32)
    axes = (-3, -2, -1)
    least = 1.0 / np.sqrt(np.prod(array.shape[-3:]))
    spread = np.maximum(array.std(axes, keepdims=True), least)
    return present(((array - array.mean(axes, keepdims=True)) / spread).astype(np.float32))


# --- shapes --------------------------------------------------------------------------------------------------------


def _number(value: Any) -> int:
    return int(array_of(value))


def flip_left_right(image: Any) -> Any:
    """Mirrored, left and right."""
    return present(constant_of(image, "image.flip_left_right")[..., ::-1, :].copy())


def flip_up_down(image: Any) -> Any:
    """Mirrored, top and bottom."""
    return present(constant_of(image, "image.flip_up_down")[..., ::-1, :, :].copy())


def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any, name: str | None = None
) -> Any:
    """A part of each picture."""
    array = constant_of(image, "image.crop_to_bounding_box")
    top, left, height, width = map(_number, (offset_height, offset_width, target_height, target_width))
    if min(top, left) < 0 or min(height, width) < 1 or top + height > array.shape[-3] or left + width > array.shape[-2]:
        raise ValueError(
            f"crop_to_bounding_box: {height} × {width} from ({top}, {left}) does not lie in a picture of "
            f"{array.shape[-3]} × {array.shape[-2]}"
        )
    return present(array[..., top : top + height, left : left + width, :])


def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any, name: str | None = None
) -> Any:
    """Zeros around each picture, up to the target's size."""
    array = constant_of(image, "image.pad_to_bounding_box")
    top, left, height, width = map(_number, (offset_height, offset_width, target_height, target_width))
    below, right = height - top - array.shape[-3], width - left - array.shape[-2]
    if min(top, left, below, right) < 0:
        raise ValueError(
            f"pad_to_bounding_box: a picture of {array.shape[-3]} × {array.shape[-2]} from ({top}, {left}) does not "
            f"fit into {height} × {width}"
        )
    return present(np.pad(array, [(0, 0)] * (array.ndim - 3) + [(top, below), (left, right), (0, 0)]))


def resize(
    images: Any,
    size: Any,
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Any:
    """Pictures of another height and width, float32; "nearest" keeps the type.

    size : (height, width)
    method : "bilinear", "nearest", "bicubic" or "area"
    preserve_aspect_ratio : the largest picture of the old proportions that fits into `size`
    antialias : "bilinear" and "bicubic" average over all old values where a picture shrinks
    """
    array = constant_of(images, "image.resize")
    if array.ndim not in (3, 4):
        raise ValueError(f"resize: pictures must be (height, width, channels) or a batch of them, got {array.shape}")
    if method not in METHODS:
        raise ValueError(f"resize: method must be 'bilinear', 'nearest', 'bicubic' or 'area', got {method!r}")
    height, width = (int(one) for one in np.ravel(array_of(size)))
    old_height, old_width = array.shape[-3:-1]
    if min(height, width, old_height, old_width) < 1:
        raise ValueError(f"resize: sizes must be at least 1, got {array.shape} to {(height, width)}")
    if preserve_aspect_ratio:
        scale = min(height / old_height, width / old_width)
        height, width = (max(round(scale * one), 1) for one in (old_height, old_width))
    rows = resizing_weights(old_height, height, method, antialias)
    columns = resizing_weights(old_width, width, method, antialias)
    if method == "nearest":
        return present(array[..., rows.argmax(1), :, :][..., columns.argmax(1), :])
    across = np.einsum("wv,...hvc->...hwc", columns, array.astype(np.float64))
    return present(np.einsum("gh,...hwc->...gwc", rows, across).astype(np.float32))


def resize_with_pad(
    image: Any, target_height: Any, target_width: Any, method: str = "bilinear", antialias: bool = False
) -> Any:
    """The old proportions, with zeros around: as much on both sides."""
    array = constant_of(image, "image.resize_with_pad")
    height, width = int(array_of(target_height)), int(array_of(target_width))
    scale = max(array.shape[-3] / height, array.shape[-2] / width)
    exact = [one / scale for one in array.shape[-3:-1]]
    small = resize(array, [max(int(one), 1) for one in exact], method, antialias=antialias)
    top, left = (max(int((target - one) / 2), 0) for target, one in zip((height, width), exact, strict=True))
    return pad_to_bounding_box(small, top, left, height, width)
