"""What runs: one thread of numpy."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

_threads = 1


def set_num_threads(n: int) -> None:
    """Remember `n`. The reference computes on one thread whatever it is."""
    global _threads
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    _threads = int(n)


def get_num_threads() -> int:
    """What was last set."""
    return _threads


def build_config() -> dict[str, Any]:
    """The same keys as the compiled modules'."""
    return {
        "isa": "reference",
        "compiler": f"Python {platform.python_version()}, numpy {np.__version__}",
        "flags": "",
        "eigen": "",
        "lanes": 1,
    }
