"""Keys of elements in other orders: what shuffling, windows and repetition do before any element is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

_DRAWS = 4096  # random numbers drawn together


def shuffled(keys: Iterator[Any], buffer_size: int, seed: int, walk: int) -> Iterator[Any]:
    """Each key drawn from the next `buffer_size` that were not drawn yet.

    walk : the number of the walk; each has an order of its own
    """
    random = np.random.Generator(np.random.Philox(key=(seed & ((1 << 64) - 1)) | walk << 64))
    buffer = list(islice(keys, buffer_size))
    if len(buffer) == buffer_size:
        while arriving := list(islice(keys, _DRAWS)):
            for place, key in zip(random.integers(buffer_size, size=len(arriving)).tolist(), arriving, strict=True):
                yield buffer[place]
                buffer[place] = key
    for place in random.permutation(len(buffer)).tolist():
        yield buffer[place]


def runs_of(keys: Iterator[Any], span: int, step: int, stride: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Every `stride`-th of `span` keys, the runs beginning `step` apart.

    drop_remainder : leave out the runs at the end that are not full
    """
    held = list(islice(keys, span))
    while held and (len(held) == span or not drop_remainder):
        yield held[::stride]
        for _ in islice(keys, max(step - len(held), 0)):
            pass  # keys between two runs
        held = held[step:]
        held += islice(keys, span - len(held))


def repeated(keys: Callable[[], Iterator[Any]], walks: Iterable[Any]) -> Iterator[Any]:
    """All keys once for each of `walks`; an end where there are none."""
    for _ in walks:
        empty = True
        for key in keys():
            empty = False
            yield key
        if empty:
            return


def remembered(elements: Iterable[Any], kept: list[Any]) -> Iterator[Any]:
    """The elements, from `kept` if it holds them; a walk to their end puts them there."""
    if kept:
        yield from kept
        return
    seen = []
    for value in elements:
        seen.append(value)
        yield value
    kept[:] = seen
