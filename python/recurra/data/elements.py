"""What the elements of a Dataset are made of: arrays, in tuples and dicts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra import tree

Array = NDArray[Any]
#: what holds others in an element; a list is an array
NODES = (tuple, dict)
map_arrays = partial(tree.map_structure, nodes=NODES)
arrays_in = partial(tree.leaves, nodes=NODES)


def same(value: Any) -> Any:
    """The value itself."""
    return value


def at_least(name: str, value: Any, least: int) -> None:
    """ValueError unless `value` is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def check_function(name: str, value: Any) -> None:
    """TypeError unless `value` can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r}")


def check_parallel_calls(num_parallel_calls: int | None) -> None:
    """ValueError unless the calls may be made one after the other."""
    if num_parallel_calls not in (None, 1, -1):
        raise ValueError(f"num_parallel_calls must be None, 1 or AUTOTUNE (-1), got {num_parallel_calls!r}")


def sliceable(value: Any) -> Any:
    """What rows can be taken of: arrays and their likes as they are, a list as an array."""
    if hasattr(value, "__array__") and hasattr(value, "__getitem__"):
        if not np.ndim(value) if not hasattr(value, "ndim") else not value.ndim:
            raise ValueError("tensors must have at least one axis, got a single number")
        return value
    try:
        items = list(value)
    except TypeError:
        raise TypeError(f"tensors must be arrays or lists, got {type(value).__name__}") from None
    if items and not isinstance(items[0], (int, float, np.generic)):
        try:
            array = None if isinstance(items[0], (str, bytes)) else np.asarray(items)
        except ValueError:
            array = None
        if array is None:  # strings, and rows of unequal length: one object for each row
            array = np.empty(len(items), object)
            array[:] = items
        return array
    return np.asarray(items)


def stack(elements: list[Any]) -> Any:
    """One array of several along a new first axis, or a tuple or dict of such.

    raises : ValueError where their shapes differ
    """
    return tree.zip_structures(_stack, elements, NODES)


def _stack(elements: list[Any]) -> Any:
    first = elements[0]
    if isinstance(first, str):
        return np.array(elements, object)
    if hasattr(first, "as_numpy_iterator"):
        raise TypeError("batch: the elements are datasets (windows); join them first, flat_map(lambda w: w.batch(n))")
    try:
        return np.stack([np.asarray(element) for element in elements])
    except ValueError:
        shapes = sorted({np.shape(element) for element in elements})
        raise ValueError(
            f"batch: the elements must have one shape, got {', '.join(map(str, shapes))}; use padded_batch"
        ) from None


def parts(value: Any, make: Callable[[Callable[[Any], Any]], Any]) -> Any:
    """The structure of `value`, with ``make(get)`` at each leaf: ``get(value)`` finds the leaf there."""

    def visit(value: Any, get: Callable[[Any], Any]) -> Any:
        def below(key: Any) -> Callable[[Any], Any]:
            return lambda whole: get(whole)[key]

        if isinstance(value, tuple):
            return tuple(visit(item, below(i)) for i, item in enumerate(value))
        if isinstance(value, dict):
            return {key: visit(item, below(key)) for key, item in value.items()}
        return make(get)

    return visit(value, same)
