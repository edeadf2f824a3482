"""What runs: one thread of numpy."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from recurra.reference import checks

_threads = 1


def set_num_threads(n: int) -> None:
    """Remember `n`. The reference computes on one thread whatever it is."""
    global _threads
    _threads = checks.integer("n", n, 1)


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
        "int8": "numpy",
    }
