"""Rows in another order: which step of which sequence each row of x is, of time-major arrays and of listed rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]
Places = tuple[Array, Array]  # b and t of each row of x


def time_major(x: Array) -> tuple[int, int, Places]:
    """B, T and the places of x (T, B, I)."""
    checks.floats("x", x)
    if x.ndim != 3:
        raise ValueError(f"x must have shape (T, B, I), got {x.shape}")
    T, B = x.shape[:2]
    return B, T, (np.tile(np.arange(B), T), np.repeat(np.arange(T), B))


def listed(x: Array, lengths: Array, rows: Array) -> tuple[int, int, Places]:
    """B, T and the places of x (N, I)."""
    checks.floats("x", x)
    if x.ndim != 2:
        raise ValueError(f"x must have shape (N, I), got {x.shape}")
    N = len(x)
    checks.typed("lengths", lengths, np.int64)
    checks.typed("rows", rows, np.int64)
    if lengths.ndim != 1:
        raise ValueError(f"lengths must have shape (B,), got {lengths.shape}")
    checks.shaped("rows", rows, "(N,)", (N,))
    left = N
    for b, length in enumerate(lengths.tolist()):
        if not 0 <= length <= left:
            raise ValueError(f"lengths must not be negative and add up to N = {N}, got {length} at position {b}")
        left -= length
    if left:
        raise ValueError(f"lengths must add up to N = {N}, got {N - left}")
    seen = np.zeros(N, bool)
    for n, row in enumerate(rows.tolist()):
        if not 0 <= row < N or seen[row]:
            end = " again" if 0 <= row < N else f", N = {N}"
            raise ValueError(f"rows must list each row of x, 0 to N-1, once, got {row} at position {n}{end}")
        seen[row] = True
    at = np.empty((N, 2), np.int64)
    at[rows, 0] = np.repeat(np.arange(len(lengths)), lengths)
    at[rows, 1] = np.concatenate([np.arange(length) for length in lengths] or [np.zeros(0, np.int64)])
    return len(lengths), int(lengths.max(initial=0)), (at[:, 0], at[:, 1])


def padded(x: Array, B: int, T: int, places: Places) -> Array:
    """Rows with any leading axes as (B, T, ...), zeros elsewhere."""
    result = np.zeros((B, T, x.shape[-1]), x.dtype)
    result[places] = x.reshape(-1, x.shape[-1])
    return result


def taken(array: Array, leading: tuple[int, ...], places: Places) -> Array:
    """The way back from :func:`padded`."""
    return array[places].reshape(*leading, array.shape[-1])
