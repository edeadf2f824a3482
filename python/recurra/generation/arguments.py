"""Checks of what the functions of generation are called with."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from recurra.typing import Array


def check_integer(value: Any, name: str, least: int, note: str = "") -> int:
    """`value` as an int of at least `least`; a float that is whole is one. note : what an error adds."""
    expected = f"{name} must be an int >= {least}{note}, got {value!r}"
    if isinstance(value, (float, np.floating)):
        if not float(value).is_integer():
            raise ValueError(expected)
        value = int(value)
    try:
        whole = operator.index(value)
    except TypeError:
        raise TypeError(expected) from None
    if whole < least:
        raise ValueError(expected)
    return whole


def check_number(value: Any, name: str, expected: str) -> float:
    """`value` as a float. expected : what an error says that it must be."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {expected}, got {value!r}") from None


def check_ids(values: Any, name: str) -> Array:
    """`values`, a collection of token ids, as the different ones in order, int64."""
    expected = f"{name} must be a list of ids, got {values!r:.60}"
    if isinstance(values, (str, bytes)) or not hasattr(type(values), "__iter__"):
        raise TypeError(expected)
    ids = np.asarray(list(values))
    if ids.size == 0:
        return np.zeros(0, np.int64)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise TypeError(expected)
    return np.unique(ids.astype(np.int64))


def check_length_penalty(value: Any) -> float:
    """`value` as the exponent of the number of tokens that a search divides by."""
    expected = ">= 0 and finite"
    number = check_number(value, "length_penalty", expected)
    if not 0 <= number < float("inf"):
        raise ValueError(f"length_penalty must be {expected}, got {number}")
    return number
