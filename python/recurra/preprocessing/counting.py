"""How often each token occurs, and in how many documents: what fitting a vocabulary costs, done in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Item = TypeVar("Item")

_BULK = 1 << 16  # characters from which the compiled tokenizer pays
_DOCUMENTS = 1 << 15  # documents looked at together


def chunks(items: Iterable[Item], size: int = _DOCUMENTS) -> Iterator[list[Item]]:
    """Lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def count_tokens(documents: Iterable[Iterable[str]]) -> tuple[list[str], Counts, Counts]:
    """The distinct tokens in order of first appearance, how often each occurs, and in how many documents.

    >>> words, counts, docs = count_tokens([["a", "b", "a"], ["b"]])
    >>> words, counts.tolist(), docs.tolist()
    (['a', 'b'], [2, 2], [1, 2])
    """
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    totals = np.zeros(0, np.int64)
    spread = np.zeros(0, np.int64)
    for chunk in chunks(documents):
        ids = [np.fromiter(map(numbers.__getitem__, tokens), np.int64) for tokens in chunk]
        flat = np.concatenate(ids)
        pairs = np.repeat(np.arange(len(ids)) << 40, [len(i) for i in ids]) | flat  # (document, token) in one integer
        pairs.sort()
        first = np.ones(len(pairs), bool)
        np.not_equal(pairs[1:], pairs[:-1], out=first[1:])
        distinct = pairs[first] & ((1 << 40) - 1)
        totals = _add(totals, np.bincount(flat, minlength=len(numbers)))
        spread = _add(spread, np.bincount(distinct, minlength=len(numbers)))
    return list(numbers), totals, spread


def _add(total: Counts, more: Counts) -> Counts:
    more[: len(total)] += total
    return more


def compiled(texts: list[str]) -> Any:
    """The kernels' module where it can tokenize and `texts` are enough for that to pay, else None."""
    if sum(map(len, texts)) < _BULK:
        return None
    from recurra._core.select import core

    return core if hasattr(core, "tokenize_count") else None
