"""Arrays of different sizes in one batch: what ``Dataset.padded_batch`` does with the elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.data.elements import Array


def stack_padded(elements: list[Any], shapes: Any, values: Any) -> Any:
    """Arrays (or tuples or dicts of them) padded at the ends of their axes and stacked along a new first axis.

    shapes : of the result without its first axis, None or -1 for the longest; or None for that at each axis
    values : what to fill with; None for 0, or an empty text among strings or bytes
    """
    first = elements[0]
    if isinstance(first, tuple):
        columns = list(zip(*elements, strict=True))
        shapes = _of_each(shapes, len(columns), "padded_shapes")
        each = isinstance(values, tuple)
        values = _of_each(values, len(columns), "padding_values") if each else [values] * len(columns)
        return tuple(stack_padded(list(c), s, v) for c, s, v in zip(columns, shapes, values, strict=True))
    if isinstance(first, dict):
        shapes = {} if shapes is None else shapes
        return {
            key: stack_padded(
                [element[key] for element in elements],
                shapes.get(key),
                values.get(key) if isinstance(values, dict) else values,
            )
            for key in first
        }
    return _padded([np.asarray(element) for element in elements], shapes, values)


def _of_each(given: Any, count: int, name: str) -> list[Any]:
    if given is None:
        return [None] * count
    if not isinstance(given, (tuple, list)) or len(given) != count:
        raise ValueError(f"{name} must hold one entry for each of the {count} parts of an element, got {given!r}")
    return list(given)


def _padded(arrays: list[Array], shape: Sequence[int | None] | None, value: Any) -> Array:
    ndim = arrays[0].ndim
    if any(array.ndim != ndim for array in arrays):
        found = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"padded_batch: the elements must have the same number of axes, got {found}")
    longest = [max(array.shape[axis] for array in arrays) for axis in range(ndim)]
    wanted = [None] * ndim if shape is None else list(shape)
    if len(wanted) != ndim:
        raise ValueError(f"padded_shapes must have {ndim} sizes for elements of {ndim} axes, got {tuple(wanted)}")
    sizes = [own if size in (None, -1) else int(size or 0) for size, own in zip(wanted, longest, strict=True)]
    if any(own > size for size, own in zip(sizes, longest, strict=True)):
        raise ValueError(f"padded_shapes must be as large as the elements, {tuple(longest)}, got {tuple(sizes)}")
    text = arrays[0].dtype.kind in "OUS"
    dtype = np.dtype(object) if text else np.result_type(*arrays)
    batch = np.full((len(arrays), *sizes), (_empty_text(arrays) if text else 0) if value is None else value, dtype)
    for row, array in zip(batch if ndim else [], arrays, strict=bool(ndim)):
        row[tuple(slice(n) for n in array.shape)] = array
    return batch if ndim else np.array([array.item() for array in arrays], dtype)


def _empty_text(arrays: list[Array]) -> str | bytes:
    """Of the type of the first text."""
    first = next((item for array in arrays for item in array.reshape(-1)), "")
    return b"" if isinstance(first, bytes) else ""
