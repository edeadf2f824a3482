"""Checks of the numbers and flags that tasks are made and trained with; numpy's numbers count as Python's."""

from __future__ import annotations

import inspect
import os
from numbers import Integral, Real
from typing import Any

import numpy as np

from recurra import random
from recurra.layers.base.arguments import check_flag
from recurra.preprocessing.word_vectors import WordVectors, load_word_vectors
from recurra.typing import PathLike


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


class Described:
    """A task that prints as the arguments that it was made with, those that are defaults left out."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that the task was made with."""
        raise NotImplementedError

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [f"{name}={value!r}" for name, value in self.get_config().items() if value != defaults[name].default]
        return f"{type(self).__name__}({', '.join(changed)})"


def listed(values: Any, name: str, what: str) -> list[Any]:
    """`values` as a list. what : in an error, what a list of them holds"""
    if isinstance(values, (str, bytes)):
        kind = "string" if isinstance(values, str) else "bytes object"
        raise TypeError(f"{name} must be a list of {what}, got one {kind}: put it into a list")
    if values is None or not hasattr(type(values), "__iter__"):
        raise TypeError(f"{name} must be a list of {what}, got {values!r:.60}")
    return list(values)


def is_missing(value: Any) -> bool:
    """None, NaN, and pandas's NA, which is not equal to itself and not true or false either."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def check_text(text: Any, name: str = "text") -> None:
    """Refuse what is not one text."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str, got {type(text).__name__} {text!r:.40}")


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


def check_verbose(verbose: Any) -> None:
    """Refuse what does not say how much is printed."""
    if not isinstance(verbose, (bool, Integral)) and verbose != "auto":
        raise ValueError(f"verbose must be 0 for silence, 1 or 'auto' for progress, got {verbose!r}")


def check_finite_vectors(vectors: WordVectors) -> None:
    """Refuse word vectors that are not all finite, by their first word that has such a one."""
    bad = ~np.isfinite(vectors.vectors).all(axis=1)
    if bad.any():
        word = vectors.words[int(bad.argmax())]
        raise ValueError(f"vectors must be finite numbers, got {vectors[word]} for {word!r}")


def open_vectors(source: WordVectors | PathLike | None) -> WordVectors | None:
    """Word vectors that are given, or those in a file; all of them finite."""
    found = load_word_vectors(source) if isinstance(source, (str, os.PathLike)) else source
    if found is None:
        return None
    if not isinstance(found, WordVectors):
        raise TypeError(f"vectors must be a path, WordVectors or None, got {type(found).__name__}")
    check_finite_vectors(found)
    return found


def check_seed(seed: Any) -> None:
    """Refuse what no random numbers can start from."""
    if seed is None:
        return
    if not _is_whole(seed):
        raise ValueError(f"seed must be None or an int, got {seed!r}")
    random.check_seed(seed)
