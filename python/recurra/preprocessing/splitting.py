"""Two Datasets of one: :func:`split_dataset`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from recurra.data.dataset import Dataset
from recurra.data.elements import map_arrays, stack


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Dataset, Dataset]:
    """The first elements and the last ones, as two Datasets.

    dataset : an array, a tuple, list or dict of arrays with as many rows, or a Dataset, which is walked once and kept
        in memory; one that ends in ``batch(n)`` is split by its rows, and both parts are batched by n again
    left_size, right_size : how many elements, an integer, or which share of them, a float between 0 and 1; one of them
        may be None for all the others
    shuffle : mix the elements before, in Keras's order for the `seed`

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), [int(number) for number in right]
    (8, [8, 9])
    """
    batch_size = None
    if isinstance(dataset, Dataset):
        batch_size = dataset._batch_size
        rows = list(dataset if batch_size is None else dataset.unbatch())
        if not rows:
            raise ValueError("dataset must hold at least two elements, got none")
        arrays = stack(rows)
    else:
        arrays = tuple(dataset) if isinstance(dataset, list) and hasattr(dataset[0], "__len__") else dataset
    whole = Dataset.from_tensor_slices(arrays)
    total = len(whole)
    left, right = _sizes(left_size, right_size, total)
    order = list(range(total))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)

    def part(chosen: list[int]) -> Dataset:
        places = np.array(chosen)
        made = Dataset.from_tensor_slices(map_arrays(lambda array: np.asarray(array)[places], arrays))
        if batch_size is not None:
            return made.batch(batch_size)
        made.of_rows = True  # type: ignore[attr-defined]  # for what shows its elements' shapes
        return made

    return part(order[:left]), part(order[total - right :])


def _sizes(left: float | None, right: float | None, total: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("one of left_size and right_size must be given, got None and None")
    first, last = _count("left_size", left, total), _count("right_size", right, total)
    first = total - (last or 0) if first is None else first
    last = total - first if last is None else last
    if first + last > total:
        raise ValueError(f"left_size and right_size must not be more than all {total}, got {left!r} and {right!r}")
    if 0 in (first, last):
        raise ValueError(f"both parts must hold an element, got {left!r} and {right!r} of {total}")
    return first, last


def _count(name: str, size: float | None, total: int) -> int | None:
    if size is None:
        return None
    if isinstance(size, float) and 0.0 < size < 1.0:
        return round(size * total)
    if isinstance(size, (int, np.integer)) and not isinstance(size, bool) and 0 < size < total:
        return int(size)
    raise ValueError(f"{name} must be an integer between 0 and {total}, or a float between 0 and 1, got {size!r}")
