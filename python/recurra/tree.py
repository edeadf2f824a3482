"""Nested structures: lists, tuples and dicts of such, or of leaves. Dicts keep their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

Nodes = tuple[Any, ...]  # of types

SEQUENCES: Nodes = (list, tuple)
#: the types of what is no leaf. None holds no leaves and stays None
NODES: Nodes = (list, tuple, Mapping, NoneType)
#: the same for calls that must be quick: an array is told from a dict faster than from a Mapping
PLAIN: Nodes = (list, tuple, dict, NoneType)


def map_structure(
    function: Callable[[Any], Any],
    value: Any,
    nodes: Nodes = NODES,
    is_leaf: Callable[[Any], bool] | None = None,
    sequence: type | None = None,
) -> Any:
    """`value` with ``function(leaf)`` in place of each leaf.

    nodes : the types of what is no leaf
    is_leaf : whether one of these is a leaf all the same
    sequence : what lists and tuples become; None: what they are

    >>> map_structure(lambda x: 2 * x, {"a": [1, (2, None)]})
    {'a': [2, (4, None)]}
    """
    if not isinstance(value, nodes) or (is_leaf is not None and is_leaf(value)):
        return function(value)
    if isinstance(value, SEQUENCES):
        if is_leaf is None and sequence is None:  # without a call for each leaf: models with several inputs come here
            items = [map_structure(function, x, nodes) if isinstance(x, nodes) else function(x) for x in value]
        else:
            items = [map_structure(function, x, nodes, is_leaf, sequence) for x in value]
        kind: Any = sequence or type(value)
        if kind is list:
            return items
        return tuple(items) if kind is tuple else sequence_of(kind, items)
    if value is None:
        return None
    return {key: map_structure(function, item, nodes, is_leaf, sequence) for key, item in value.items()}


def sequence_of(kind: Any, items: Iterable[Any]) -> Any:
    """A list or tuple of this kind; a named tuple takes its items one by one."""
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def leaves(value: Any, nodes: Nodes = NODES, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves in order. Arguments as for :func:`map_structure`.

    >>> leaves({"a": [1, (2, None)], "b": 3})
    [1, 2, 3]
    """
    found: list[Any] = []
    _collect(value, found, nodes, is_leaf)
    return found


def _collect(value: Any, found: list[Any], nodes: Nodes, is_leaf: Callable[[Any], bool] | None) -> None:
    if not isinstance(value, nodes) or (is_leaf is not None and is_leaf(value)):
        found.append(value)
    elif value is not None:
        for item in value if isinstance(value, SEQUENCES) else value.values():
            _collect(item, found, nodes, is_leaf)


def pack(form: Any, values: Iterable[Any], nodes: Nodes = NODES) -> Any:
    """The structure of `form` with `values` in place of its leaves, in order.

    raises : ValueError where there are more or fewer of them

    >>> pack({"a": [0, (0, None)]}, [1, 2])
    {'a': [1, (2, None)]}
    """
    rest = iter(values)
    try:
        packed = map_structure(lambda _: next(rest), form, nodes)
    except StopIteration:
        raise ValueError(f"values must hold one for each of the {len(leaves(form, nodes))} leaves, got fewer") from None
    if next(rest, rest) is not rest:
        raise ValueError(f"values must hold one for each of the {len(leaves(form, nodes))} leaves, got more")
    return packed


def zip_structures(function: Callable[[list[Any]], Any], structures: list[Any], nodes: Nodes = NODES) -> Any:
    """The structure of the first of `structures` with ``function([leaf of each])`` at each leaf.

    raises : ValueError where lists or tuples differ in length; KeyError where a dict lacks a key

    >>> zip_structures(sum, [(1, {"a": 2}), (10, {"a": 20})])
    (11, {'a': 22})
    """
    first = structures[0]
    if not isinstance(first, nodes):
        return function(structures)
    if first is None:
        return None
    if isinstance(first, SEQUENCES):
        items = [zip_structures(function, list(column), nodes) for column in zip(*structures, strict=True)]
        return sequence_of(type(first), items)
    return {key: zip_structures(function, [one[key] for one in structures], nodes) for key in first}
