"""Names: snake case of classes', numbered ones of layers and models, and what is said of a missing attribute."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


def missing_attribute(owner: Any, name: str, initialized: bool) -> Any:
    """For ``__getattr__`` of a base class: the error of the property `name`, or one that says what is missing.

    initialized : whether the constructor of the base class has run
    raises : AttributeError
    """
    found = next((vars(base)[name] for base in type(owner).__mro__ if name in vars(base)), None)
    if initialized and found is not None and hasattr(found, "__get__"):
        return found.__get__(owner, type(owner))  # fails again, with its own words
    kind = type(owner).__name__
    if not initialized and not name.startswith("__"):
        raise AttributeError(f"{kind}.__init__ must call super().__init__() before anything else")
    raise AttributeError(f"{kind!r} object has no attribute {name!r}")


_lock = ForkSafeLock()
_counts: dict[str, int] = {}


def auto_name(base: str) -> str:
    """`base` the first time, then ``base_1``, ``base_2``, …"""
    with _lock:
        count = _counts.get(base, 0)
        _counts[base] = count + 1
    return base if count == 0 else f"{base}_{count}"


@contextmanager
def names_kept() -> Iterator[None]:
    """The names that the block takes are given again after it."""
    with _lock:
        before = dict(_counts)
    try:
        yield
    finally:
        with _lock:
            _counts.clear()
            _counts.update(before)


def reset_names() -> None:
    """Start all counters over, as ``clear_session`` does."""
    with _lock:
        _counts.clear()
