"""Checks of the numbers and flags that tasks are made and trained with; numpy's numbers count as Python's."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from recurra import random
from recurra.layers.base.arguments import check_flag


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether `value` is a number, and not a flag."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_sizes(**sizes: int) -> None:
    """Refuse what is not a whole number of at least 1, by name."""
    for name, size in sizes.items():
        if not _is_whole(size) or size < 1:
            raise ValueError(f"{name} must be an int >= 1, got {size!r}")


def check_vocabulary_size(size: int, holds: str) -> None:
    """Refuse a vocabulary that is too small for its marks and a token. holds : which three ids it has at least"""
    if not _is_whole(size) or size < 3:
        raise ValueError(f"vocabulary_size must be an int >= 3 ({holds}), got {size!r}")


def check_fractions(**rates: float) -> None:
    """Refuse numbers outside [0, 1), by name."""
    for name, rate in rates.items():
        if not is_number(rate) or not 0 <= rate < 1:
            raise ValueError(f"{name} must be in [0, 1), got {rate!r}")


def check_positive(**numbers: float) -> None:
    """Refuse what is not a finite number above 0, by name."""
    for name, number in numbers.items():
        if not is_number(number) or not 0 < number < float("inf"):
            raise ValueError(f"{name} must be a finite number > 0, got {number!r}")


def check_at_least_zero(**numbers: float) -> None:
    """Refuse what is not a finite number of at least 0, by name."""
    for name, number in numbers.items():
        if not is_number(number) or not 0 <= number < float("inf"):
            raise ValueError(f"{name} must be a finite number >= 0, got {number!r}")


def check_flags(**flags: bool) -> None:
    """Refuse what is not True or False, by name; 1 and 0 are taken too."""
    for name, flag in flags.items():
        check_flag(flag, name)


def check_seed(seed: Any) -> None:
    """Refuse what no random numbers can start from."""
    if seed is None:
        return
    if not _is_whole(seed):
        raise ValueError(f"seed must be None or an int, got {seed!r}")
    random.check_seed(seed)
