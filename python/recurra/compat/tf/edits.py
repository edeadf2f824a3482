"""``tf.edit_distance``: how many labels must change, as recognition is judged by."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.compat.tf.specs import SparseTensor
from recurra.compat.tf.tensors import array_of, present

__all__ = ["edit_distance"]


def edit_distance(
    hypothesis: SparseTensor, truth: SparseTensor, normalize: bool = True, name: str | None = None
) -> Any:
    """The Levenshtein distance of each sequence of `hypothesis` from that of `truth`, float32.

    hypothesis, truth : (..., T) each; the values along the last axis are a sequence, in order
    normalize : whether it is divided by the length of the true sequence; infinite where that is empty and the other not
    returns : (...), the leading sizes of both, which must be equal
    """
    for given, what in ((hypothesis, "hypothesis"), (truth, "truth")):
        if not isinstance(given, SparseTensor):
            raise TypeError(f"{what} must be a SparseTensor (see tf.sparse.from_dense), got {type(given).__name__}")
    shapes = [tuple(given.shape)[:-1] for given in (hypothesis, truth)]
    if shapes[0] != shapes[1] or not len(tuple(truth.shape)):
        raise ValueError(
            "hypothesis and truth must have the same sizes but for the last, got "
            f"{tuple(hypothesis.shape)} and {tuple(truth.shape)}"
        )
    said, true = _sequences(hypothesis), _sequences(truth)
    found = np.zeros(shapes[0], np.float32)
    for place in said.keys() | true.keys():
        a, b = said.get(place, []), true.get(place, [])
        distance = _distance(a, b)
        found[place] = distance if not normalize else distance / len(b) if b else np.inf
    return present(found)


def _sequences(x: SparseTensor) -> dict[tuple[int, ...], list[Any]]:
    """The values of each sequence that has some, by its place."""
    places = array_of(x.indices)
    found: dict[tuple[int, ...], list[Any]] = {}
    for at in np.lexsort(places.T[::-1]):
        found.setdefault(tuple(places[at, :-1].tolist()), []).append(array_of(x.values)[at])
    return found


def _distance(a: list[Any], b: list[Any]) -> int:
    """How many insertions, removals and replacements make `b` of `a`."""
    above = list(range(len(b) + 1))
    for count, one in enumerate(a, 1):
        row = [count]
        for at, other in enumerate(b):
            row.append(min(above[at + 1] + 1, row[at] + 1, above[at] + (one != other)))
        above = row
    return above[-1]
