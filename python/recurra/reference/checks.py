"""Checks of arguments, with the same words as the compiled modules: argument, what was expected, what came."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def array(name: str, value: Any) -> Array:
    """`value`, if it is a C-contiguous array."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {type(value).__name__}")
    if not value.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous (numpy.ascontiguousarray makes it so), got strides {value.strides}")
    return value


def floats(name: str, value: Any, dtype: np.dtype[Any] | None = None, like: str = "x") -> Array:
    """`value`, if it is an array of float32 or float64, or of `dtype` where that is given."""
    value = array(name, value)
    if value.dtype not in FLOATS:
        raise TypeError(f"{name} must be float32 or float64, got {value.dtype}")
    if dtype is not None and value.dtype != dtype:
        raise TypeError(f"{name} must be {dtype} like {like}, got {value.dtype}")
    return value


def ids(name: str, value: Any, upper: int | None = None, letter: str = "V") -> Array:
    """`value`, if it is an int32 array with every entry in [0, upper)."""
    value = array(name, value)
    if value.dtype != np.int32:
        raise TypeError(f"{name} must be int32, got {value.dtype}")
    if upper is not None and value.size:
        low, high = int(value.min()), int(value.max())
        if low < 0 or high >= upper:
            raise ValueError(f"{name} must be in [0, {letter}) = [0, {upper}), got {low if low < 0 else high}")
    return value


def mask(name: str, value: Any, axes: str, shape: tuple[int, ...]) -> Array | None:
    """`value`, if it is None or a bool array of `shape`."""
    if value is None:
        return None
    value = array(name, value)
    if value.dtype != np.bool_:
        raise TypeError(f"{name} must be bool, got {value.dtype}")
    return shaped(name, value, axes, shape)


def rank(name: str, value: Array, axes: str, ndim: int) -> Array:
    """`value`, if it has `ndim` axes, called `axes` in the message."""
    if value.ndim != ndim:
        raise ValueError(f"{name} must have shape {axes}, got {value.shape}")
    return value


def shaped(name: str, value: Array, axes: str, shape: tuple[int, ...]) -> Array:
    """`value`, if it has this shape; `axes` says it in letters."""
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {axes} = {shape}, got {value.shape}")
    return value


def optional(
    name: str, value: Any, dtype: np.dtype[Any], axes: str, shape: tuple[int, ...], like: str = "x"
) -> Array | None:
    """None, or a float array of this dtype and shape."""
    return None if value is None else shaped(name, floats(name, value, dtype, like), axes, shape)


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """`value`, if it is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(repr(c) for c in choices)}, got {value!r}")
    return str(value)


def float_name(name: str, value: Any) -> np.dtype[Any]:
    """The dtype that the string "float32" or "float64" names."""
    return np.dtype(one_of(name, value, ("float32", "float64")))


def unsigned64(name: str, value: int) -> int:
    """`value`, if it fits 64 bits without a sign."""
    if not 0 <= value < 2**64:
        raise ValueError(f"{name} must be in [0, 2**64), got {value}")
    return int(value)
