"""Names that are made: snake case of classes' names, and numbered names of layers and models."""

from __future__ import annotations

import functools
import re

from recurra._core.locks import ForkSafeLock


@functools.cache
def to_snake_case(name: str) -> str:
    """``"TimeDistributed"`` → ``"time_distributed"``.

    >>> to_snake_case("LSTMCell"), to_snake_case("SpatialDropout1D")
    ('lstm_cell', 'spatial_dropout1d')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


_lock = ForkSafeLock()
_counts: dict[str, int] = {}


def auto_name(base: str) -> str:
    """`base` the first time, then ``base_1``, ``base_2``, …"""
    with _lock:
        count = _counts.get(base, 0)
        _counts[base] = count + 1
    return base if count == 0 else f"{base}_{count}"


def reset_names() -> None:
    """Start all counters over, as ``clear_session`` does."""
    with _lock:
        _counts.clear()
