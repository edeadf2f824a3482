"""Checks of arguments, with the same words as the compiled modules: argument, what was expected, what came."""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
import operator
from typing import Any, cast

import numpy as np

Array = np.ndarray[Any, Any]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def array(name: str, value: Any) -> Array:
    """`value`, if it is an array."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {_type(value)}")
    return value


def _type(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def typed(name: str, value: Any, dtype: Any) -> Array:
    """`value`, if it is an array of this dtype."""
    dtype = np.dtype(dtype)
    if array(name, value).dtype != dtype:
        text = f"{dtype} (the dtype of the call's other arrays)" if dtype in FLOATS else f"{dtype}"
        raise TypeError(f"{name} must be {text}, got {value.dtype}")
    return cast(Array, value)


def floats(name: str, value: Any, dtype: np.dtype[Any] | None = None) -> Array:
    """`value`, if it is an array of float32 or float64, or of `dtype` where that is given."""
    if dtype is not None:
        return typed(name, value, dtype)
    if array(name, value).dtype not in FLOATS:
        raise TypeError(f"{name} must be float32 or float64 in native byte order, got {value.dtype}")
    return cast(Array, value)


def inout(name: str, value: Any) -> Array:
    """`value`, if it is an array that may be changed where it stands."""
    if not array(name, value).flags.writeable:
        raise ValueError(f"{name} must be writable: it is updated in place")
    if not (value.flags.c_contiguous and value.flags.aligned):
        raise ValueError(f"{name} must be C-contiguous and aligned: it is updated in place")
    return cast(Array, value)


def placed(name: str, value: Any, result: Array, inputs: dict[str, Any]) -> Array:
    """`result` in the array given for it, if one is; its rows of the last axis may lie apart, evenly."""
    if value is None:
        return result
    out = like(name, value, result, "y")
    if not out.flags.writeable:
        raise ValueError(f"{name} must be writable: the result goes there")
    if not _rows_evenly_apart(out):
        raise ValueError(
            f"{name} must be aligned, the elements of a row side by side and its rows evenly apart, as in y[:, :, :H]: "
            "the result goes there"
        )
    for other, array in inputs.items():
        if array is not None and np.may_share_memory(out, array):
            raise ValueError(f"{name} must not share memory with {other}")
    out[...] = result
    return out


def _rows_evenly_apart(array: Array) -> bool:
    length = array.shape[-1]
    if not array.flags.aligned or (length > 1 and array.strides[-1] != array.itemsize):
        return False
    step, rows = 0, 1
    for size, stride in zip(array.shape[-2::-1], array.strides[-2::-1], strict=True):
        if size == 1:  # its stride means nothing
            continue
        if step and stride != step * rows:
            return False
        step = step or stride
        rows *= size
    return step == 0 or rows == 0 or (step % array.itemsize == 0 and step >= length * array.itemsize)


def ids(name: str, value: Any, upper: int | None = None, letter: str = "V") -> Array:
    """`value`, if it is an int32 array with every entry in [0, upper)."""
    value = typed(name, value, np.int32)
    if upper is not None and value.size and (value.min() < 0 or value.max() >= upper):
        at = int(np.flatnonzero((value < 0) | (value >= upper))[0])
        got = value.reshape(-1)[at]
        raise ValueError(f"{name} must be in [0, {letter}) = [0, {upper}), got {got} at flat position {at}")
    return value


def mask(name: str, value: Any, axes: str, shape: tuple[int, ...]) -> Array | None:
    """`value`, if it is None or a bool array of `shape`."""
    if value is None:
        return None
    return shaped(name, typed(name, value, np.bool_), axes, shape)


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


def like(name: str, value: Any, other: Array, other_name: str) -> Array:
    """`value`, if it is an array with the shape and dtype of `other`."""
    if typed(name, value, other.dtype).shape != other.shape:
        raise ValueError(f"{name} must have the shape of {other_name} = {other.shape}, got {value.shape}")
    return cast(Array, value)


def optional(name: str, value: Any, dtype: np.dtype[Any], axes: str, shape: tuple[int, ...]) -> Array | None:
    """None, or a float array of this dtype and shape."""
    return None if value is None else shaped(name, floats(name, value, dtype), axes, shape)


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """`value`, if it is one of `choices`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {_type(value)}")
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices[:-1])
        raise ValueError(f"{name} must be {listed} or {choices[-1]!r}, got {value!r}")
    return value


def float_name(name: str, value: Any) -> np.dtype[Any]:
    """The dtype that the string "float32" or "float64" names."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be 'float32' or 'float64', got {_type(value)}")
    if value not in ("float32", "float64"):
        raise TypeError(f"{name} must be 'float32' or 'float64', got {value!r}")
    return np.dtype(value)


def integer(name: str, value: Any, low: int, high: int = 2**63 - 1) -> int:
    """`value`, if it is an integer in [low, high]."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {_type(value)}")
    number = operator.index(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be an integer in [{low}, {high}], got {number}")
    return number


def unsigned64(name: str, value: Any) -> int:
    """`value`, if it is an integer that fits 64 bits without a sign."""
    return integer(name, value, 0, 2**64 - 1)


def any_number(name: str, value: Any) -> float:
    """`value`, if it is a number; it may be NaN or infinite."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {_type(value)}") from None


def number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """`value`, if it is a finite number in [low, high]."""
    result = any_number(name, value)
    if not (math.isfinite(result) and low <= result <= high):
        raise ValueError(f"{name} must be a finite number in [{low}, {high}], got {value}")
    return result
