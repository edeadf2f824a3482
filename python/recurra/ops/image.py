"""``ops.image``: pictures of another height and width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.ops.products import einsum
from recurra.ops.shaping import getitem
from recurra.typing import ArrayLike

__all__ = ["resize"]

METHODS = ("area", "bicubic", "bilinear", "nearest")


def resizing_weights(size: int, target: int, method: str, antialias: bool = False) -> Array:
    """(target, size): the weights of the old values in each new one, as TensorFlow has them.

    method : one of METHODS
    antialias : whether "bilinear" and "bicubic" average over all old values of a shrinking axis
    """
    step = size / target
    if method == "area":
        first = np.arange(target)[:, None] * step
        last = first + step
        shared = np.minimum(last, np.arange(size) + 1.0) - np.maximum(first, np.arange(size))
        return np.asarray(np.maximum(shared, 0.0) / step)
    middles = (np.arange(target) + 0.5) * step
    if method == "nearest":
        return np.asarray(np.eye(size)[np.minimum(np.floor(middles).astype(int), size - 1)])
    if method == "bicubic" and not antialias:  # TensorFlow's kernel is a table with 1024 places between two values
        first = np.floor(middles - 0.5)
        middles = first + 0.5 + np.round((middles - 0.5 - first) * 1024) / 1024
    wide = max(step, 1.0) if antialias else 1.0
    away = (np.arange(size) + 0.5 - middles[:, None]) / wide
    if method == "bilinear" and not antialias:
        away = (np.arange(size) + 0.5 - np.clip(middles, 0.5, size - 0.5)[:, None]) / wide
    kernel = _cubic(away) if method == "bicubic" else np.maximum(1.0 - np.abs(away), 0.0)
    return np.asarray(kernel / kernel.sum(1, keepdims=True))


def resize(
    images: ArrayLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str = "channels_last",
) -> Any:
    """Pictures (B, H, W, C), or one (H, W, C), with another height and width; whole numbers become float32.

    size : (height, width)
    interpolation : "bilinear", "nearest", "bicubic" or "area"
    antialias : "bilinear" and "bicubic" average over all old values where a picture shrinks
    crop_to_aspect_ratio : whether to cut the pictures to the new proportions first, and keep their middles
    pad_to_aspect_ratio, fill_mode, fill_value : not supported
    data_format : "channels_last", or "channels_first": (B, C, H, W) or (C, H, W)
    """
    check_filling(pad_to_aspect_ratio, fill_mode, fill_value)
    if interpolation not in METHODS:
        raise ValueError(f"interpolation must be one of {', '.join(METHODS)}, got {interpolation!r}")
    x: Any = images if hasattr(images, "shape") else np.asarray(images)
    if np.dtype(x.dtype).kind != "f":
        x = np.asarray(x, np.float32)
    first = first_axis(len(x.shape), data_format)
    new_height, new_width = (int(one) for one in size)
    if crop_to_aspect_ratio:
        x = middle(x, *proportional(x.shape[first], x.shape[first + 1], new_height, new_width), data_format)
    letters = ("bhwc" if data_format == "channels_last" else "bchw")[4 - len(x.shape) :]
    rows = resizing_weights(x.shape[first], new_height, interpolation, antialias).astype(x.dtype)
    columns = resizing_weights(x.shape[first + 1], new_width, interpolation, antialias).astype(x.dtype)
    across = einsum(f"{letters},vw->{letters.replace('w', 'v')}", x, columns)
    return einsum(f"{letters},gh->{letters.replace('h', 'g')}", across, rows)


def check_filling(pad_to_aspect_ratio: bool, fill_mode: str, fill_value: float) -> None:
    """ValueError for arguments that ask for padding."""
    if pad_to_aspect_ratio or fill_mode != "constant" or fill_value != 0.0:
        raise ValueError(
            "pad_to_aspect_ratio, fill_mode and fill_value are not supported: put a ZeroPadding2D in front, got "
            f"{pad_to_aspect_ratio!r}, {fill_mode!r} and {fill_value!r}"
        )


def first_axis(rank: int, data_format: str) -> int:
    """The axis of the height; that of the width follows it."""
    if rank not in (3, 4):
        raise ValueError(f"pictures must be (B, H, W, C), or one (H, W, C), got {rank} axes")
    return rank - (3 if data_format == "channels_last" else 2)


def proportional(height: int, width: int, new_height: int, new_width: int) -> tuple[int, int]:
    """The largest part of a picture with the proportions of the new size."""
    return min(int(width * new_height / new_width), height), min(int(height * new_width / new_height), width)


def middle(x: Any, height: int, width: int, data_format: str) -> Any:
    """The middles of pictures."""
    first = first_axis(len(x.shape), data_format)
    top, left = (x.shape[first] - height) // 2, (x.shape[first + 1] - width) // 2
    return getitem(x, (*[slice(None)] * first, slice(top, top + height), slice(left, left + width)))


def _cubic(x: Array) -> Array:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1.0, ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
