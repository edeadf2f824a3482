"""Automatic names: ``lstm``, ``lstm_1``, … one counter for each base name."""

from __future__ import annotations

import threading

_lock = threading.Lock()
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
