"""Shapes as TensorFlow says them: a tuple that also has ``as_list()``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


class TensorShape(tuple[Any, ...]):
    """The sizes of the axes, None where one is open.

    dims : the sizes, or None for a shape of which nothing is known (``rank`` is None then)

    >>> TensorShape([None, 3]).as_list(), TensorShape([2, 3]).num_elements()
    ([None, 3], 6)
    """

    __slots__ = ()

    def __new__(cls, dims: Iterable[Any] | int | None = ()) -> TensorShape:
        if isinstance(dims, (int, np.integer)):
            dims = (int(dims),)
        if dims is None:
            return tuple.__new__(_UnknownShape)
        return tuple.__new__(cls, (None if d is None or d == -1 else int(d) for d in dims))

    @property
    def rank(self) -> int | None:
        return len(self)

    @property
    def ndims(self) -> int | None:
        return self.rank

    @property
    def dims(self) -> list[Any] | None:
        return list(self)

    def as_list(self) -> list[Any]:
        """The sizes as a list."""
        return list(self)

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return None not in self

    def num_elements(self) -> int | None:
        """The product of the sizes, None where one is open."""
        return int(np.prod(self, dtype=np.int64)) if self.is_fully_defined() else None

    def concatenate(self, other: Iterable[Any]) -> TensorShape:
        """The sizes, and those of `other` behind them."""
        return TensorShape((*self, *other))

    def is_compatible_with(self, other: Any) -> bool:
        """Whether no known size contradicts one of `other`."""
        other = TensorShape(other)
        if self.rank is None or other.rank is None:
            return True
        pairs = zip(self, other, strict=False)
        return len(self) == len(other) and all(a is None or b is None or a == b for a, b in pairs)

    def assert_is_compatible_with(self, other: Any) -> None:
        """ValueError unless :meth:`is_compatible_with`."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {TensorShape(other)} are incompatible")

    def merge_with(self, other: Any) -> TensorShape:
        """The sizes that either knows."""
        self.assert_is_compatible_with(other)
        other = TensorShape(other)
        if self.rank is None or other.rank is None:
            return other if self.rank is None else self
        return TensorShape(b if a is None else a for a, b in zip(self, other, strict=True))

    def with_rank(self, rank: int) -> TensorShape:
        """The shape itself, if it has `rank` axes."""
        if self.rank is None:
            return TensorShape([None] * rank)
        if self.rank != rank:
            raise ValueError(f"Shape {self} must have rank {rank}")
        return self

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return tuple.__new__(TensorShape, found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> TensorShape:
        return TensorShape((*self, *other))

    def __radd__(self, other: Any) -> TensorShape:
        return TensorShape((*other, *self))

    def __repr__(self) -> str:
        return f"TensorShape({list(self)})"

    def __str__(self) -> str:
        return f"({', '.join(map(str, self))}{',' if len(self) == 1 else ''})"

    def __reduce__(self) -> Any:
        return TensorShape, (tuple(self),)


class _UnknownShape(TensorShape):
    """A shape of which not even the number of axes is known."""

    __slots__ = ()

    @property
    def rank(self) -> int | None:
        return None

    @property
    def dims(self) -> list[Any] | None:
        return None

    def as_list(self) -> list[Any]:
        raise ValueError("as_list() is not defined on an unknown TensorShape.")

    def is_fully_defined(self) -> bool:
        return False

    def __str__(self) -> str:
        return "<unknown>"

    def __repr__(self) -> str:
        return "TensorShape(None)"


def shape_of(sizes: tuple[Any, ...]) -> TensorShape:
    """`sizes` as a TensorShape, unchecked."""
    return tuple.__new__(TensorShape, sizes)
