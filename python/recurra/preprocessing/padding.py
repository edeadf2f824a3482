"""Sequences of unequal length as one array: :func:`pad_sequences`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.typing import DType

Array = NDArray[Any]

_PLAIN = {int, float, bool, np.int32, np.int64, np.float32, np.float64, np.bool_}
_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Sequence[Any] | Array,
    maxlen: int | None = None,
    dtype: DType = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> Array:
    """The sequences as rows of one array, padded or cut to one length.

    sequences : list of B sequences (lists or arrays), each of steps of one shape ``F`` (``()`` for ids)
    maxlen : the length T of the rows; None takes the longest
    dtype : of the result. Floats are cut to whole numbers for an integer type, as Keras does. ``object`` for strings.
    padding : "pre" or "post": on which side `value` fills a shorter sequence
    truncating : "pre" or "post": on which side a longer sequence loses steps ("pre" keeps the last `maxlen`)
    value : the filling

    returns : (B, T) + F array; an empty sequence becomes a row of `value`
    raises : ValueError for sequences that cannot be measured, steps of unequal shape, an unknown side

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]])
    array([[0, 0, 1],
           [0, 2, 3],
           [4, 5, 6]], dtype=int32)
    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2, padding="post", truncating="post", value=9)
    array([[1, 9],
           [2, 3],
           [4, 5]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            raise ValueError(f"{name} must be 'pre' or 'post', got {side!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"sequences must be a list of sequences, got {type(sequences).__name__}")
    lengths, step_shape = _measure(sequences)
    if maxlen is None:
        if not lengths:
            raise ValueError("sequences is empty: give maxlen, since there is no longest sequence")
        maxlen = max(lengths)
    elif isinstance(maxlen, bool) or not isinstance(maxlen, (int, np.integer)) or maxlen < 0:
        raise ValueError(f"maxlen must be an integer of at least 0 or None, got {maxlen!r}")
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OUS":
        raise ValueError(f"dtype must be object for a value that is a string, got dtype={dtype!r} and value={value!r}")

    rows = np.full((len(lengths), maxlen, *step_shape), value, dtype=dtype)
    if maxlen == 0:
        return rows
    cut = slice(-maxlen, None) if truncating == "pre" else slice(maxlen)
    kept = [s[cut] if n > maxlen else s for s, n in zip(sequences, lengths, strict=True)]
    flat = _flatten(kept, kind) if step_shape == () else None
    position = 0
    for index, sequence in enumerate(kept):
        count = min(lengths[index], maxlen)
        if not count:
            continue
        if flat is not None:
            steps = flat[position : position + count]
            position += count
        else:
            steps = _steps(sequence, kind, index)
            if steps.shape[1:] != step_shape:
                raise ValueError(
                    f"sequences: every step must have the shape of the first, {step_shape}; "
                    f"sequence {index} has steps of shape {steps.shape[1:]}"
                )
        if padding == "post":
            rows[index, :count] = steps
        else:
            rows[index, maxlen - count :] = steps
    return rows


def _measure(sequences: Any) -> tuple[list[int], tuple[int, ...]]:
    """The lengths, and the shape of one step of the first sequence that has any."""
    try:
        lengths = [len(sequence) for sequence in sequences]
    except TypeError:
        odd = next((i, s) for i, s in enumerate(sequences) if not hasattr(s, "__len__"))
        raise ValueError(f"sequences must be a list of sequences, but element {odd[0]} is {odd[1]!r}") from None
    first = next((sequence for sequence, length in zip(sequences, lengths, strict=True) if length), None)
    return lengths, () if first is None else np.asarray(first).shape[1:]


def _steps(sequence: Any, dtype: np.dtype[Any], index: int) -> Array:
    """One sequence as an array; ValueError or TypeError that names what is no number."""
    try:
        return np.asarray(sequence, dtype=dtype)
    except (ValueError, TypeError) as error:
        odd = [
            step
            for step in ([sequence] if isinstance(sequence, str) else sequence)
            if isinstance(step, (str, type(None)))
        ]
        if not odd:
            raise
        advice = "leave it out" if odd[0] is None else "turn texts into ids with a Tokenizer, or pass dtype=object"
        got = f"{odd[0]!r} in sequence {index}: {advice}"
        raise type(error)(f"sequences must hold numbers, as dtype is {dtype}, got {got}") from None


def _flatten(sequences: list[Any], dtype: np.dtype[Any]) -> Array | None:
    """All the steps one after the other, or None where they are not plain numbers in lists."""
    if dtype.kind not in "iufb" or any(type(sequence) is not list for sequence in sequences):
        return None
    if not set(map(type, chain.from_iterable(sequences))) <= _PLAIN:
        return None
    try:
        return np.fromiter(chain.from_iterable(sequences), dtype)
    except (ValueError, TypeError, OverflowError):
        return None  # the row by row way gives the error for the row
