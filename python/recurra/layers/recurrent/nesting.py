"""Nested lists of states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def map_nested(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` of each item in nested lists and tuples, as nested lists."""
    if isinstance(value, (list, tuple)):
        return [map_nested(function, item) for item in value]
    return function(value)


def flat_nested(value: Any) -> list[Any]:
    """The items of nested lists and tuples, in one list."""
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat_nested(item)]
    return [value]
