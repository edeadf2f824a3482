"""Arrays that numpy holds as objects, texts or dates: made numbers where they are, else an error that says what to do.

Columns of a pandas DataFrame that differ in type (int and bool, say) become one array of objects, and so does a column
whose elements are lists.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from recurra.typing import Array

_NUMBERS = (bool, int, float, np.number, np.bool_)
_DATES = "turn dates into numbers first, such as days since the first one"


def numbers_of_objects(array: Array, argument: str) -> Array:
    """`array`, whose dtype is not one of numbers, as numbers.

    Objects that are numbers or bools, or arrays or lists of them with equal shapes, are numbers: nothing is parsed or
    guessed.
    raises : TypeError naming `argument` and what is there in place of numbers
    """
    if array.dtype.kind == "O":
        try:
            found = np.array([np.asarray(item) if hasattr(item, "__array__") else item for item in array.ravel()])
        except ValueError:  # rows of different lengths
            found = array
        if found.dtype.kind in "biuf" and len(found):
            return found.reshape(*array.shape, *found.shape[1:])
    raise TypeError(f"{argument} must be an array of numbers, got {_described(array, argument)}")


def _described(array: Array, argument: str) -> str:
    """What `array` holds in place of numbers, and what to do about it."""
    if array.dtype.kind in "Mm":
        return f"dtype {array.dtype}: {_DATES}"
    others = [item for item in array.ravel() if not isinstance(item, _NUMBERS)]
    pandas = sys.modules.get("pandas")  # whoever has its values has imported it
    absent = (None, getattr(pandas, "NA", None), getattr(pandas, "NaT", None))
    missing = [item for item in others if any(item is value for value in absent)]
    if missing:
        return f"an array of objects with missing values ({missing[0]}): fill them, or leave their rows out"
    first: Any = others[0] if others else None
    inner = first
    while isinstance(inner, (list, tuple, np.ndarray)) and len(inner):
        inner = inner[0]
    if isinstance(inner, (str, bytes)):
        advice = (
            "turn texts into ids with a Tokenizer, categories with numpy.unique(column, return_inverse=True)"
            if argument.startswith("x")
            else "number them first, classes, y = numpy.unique(labels, return_inverse=True)"
        )
        shown = inner.item() if isinstance(inner, np.generic) else inner
        return f"texts such as {shown!r}: {advice}"
    if isinstance(first, (list, tuple, np.ndarray)):
        return "an array of objects, rows of different lengths: make them equal with recurra.utils.pad_sequences"
    if hasattr(first, "isoformat"):
        return f"an array of objects with dates ({type(first).__name__}): {_DATES}"
    of = f" with elements of type {type(first).__name__}: convert it with astype('float32')" if others else ""
    return f"dtype {array.dtype}{of}"
