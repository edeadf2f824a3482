"""Windows over a series as views: :func:`sliding_windows`."""

from __future__ import annotations

import numpy as np

from recurra.data.elements import Array, at_least
from recurra.typing import ArrayLike


def sliding_windows(tokens: ArrayLike, length: int, stride: int = 1) -> Array:
    """All runs of `length` tokens that follow each other, as a read-only view: nothing is copied.

    tokens : (N, ...) array or list
    length : tokens in a window
    stride : distance between the starts of two windows
    returns : (W, length, ...) view, ``W = (N - length) // stride + 1``; slices of it (inputs ``w[:, :-1]``, targets
        ``w[:, 1:]`` or ``w[:, -1]``) are views too, and training gathers the rows of a batch from them

    >>> sliding_windows([1, 2, 3, 4, 5], length=3, stride=2)
    array([[1, 2, 3],
           [3, 4, 5]], dtype=int32)
    """
    array = np.asarray(tokens)
    if array.ndim == 0:
        raise ValueError("tokens must have at least one axis, got a single number")
    if array.dtype == np.int64 and not isinstance(tokens, np.ndarray):
        limits = np.iinfo(np.int32)
        if not array.size or (array.min() >= limits.min and array.max() <= limits.max):
            array = array.astype(np.int32)
    at_least("stride", stride, 1)
    at_least("length", length, 1)
    if len(array) < length:
        raise ValueError(f"length must be at most the number of tokens, {len(array)}, got {length}")
    windows = np.lib.stride_tricks.sliding_window_view(array, length, axis=0)
    return np.moveaxis(windows, -1, 1)[::stride]
