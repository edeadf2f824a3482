"""``tf.nest``: nested structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recurra import tree

__all__ = ["assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"]

_NODES = (list, tuple, dict)


def is_nested(structure: Any) -> bool:
    """Whether it is a list, tuple or dict."""
    return isinstance(structure, _NODES)


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves in order; those of dicts in the order of their keys."""
    return tree.leaves(_ordered(structure), _NODES)


def _ordered(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _ordered(structure[key]) for key in sorted(structure)}
    if isinstance(structure, (list, tuple)):
        return [_ordered(item) for item in structure]
    return structure


def map_structure(func: Callable[..., Any], *structure: Any, expand_composites: bool = False) -> Any:
    """``func`` of the leaves of each structure, in the structure of the first."""
    return tree.zip_structures(lambda column: func(*column), list(structure), _NODES)


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """The structure with other leaves."""
    return tree.pack(structure, flat_sequence, _NODES)


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """ValueError where the structures differ."""
    try:
        tree.zip_structures(lambda column: None, [nest1, nest2], _NODES)
    except (KeyError, TypeError) as error:
        raise ValueError(f"The two structures differ: {error}") from None
