"""Batches from arrays, made as they are needed: a small :class:`Dataset`, and windows over a series as views.

>>> import numpy as np
>>> from recurra.data import Dataset
>>> data = Dataset.from_tensor_slices((np.arange(5), np.arange(5) ** 2)).batch(2)
>>> for x, y in data:
...     print(x, y)
[0 1] [0 1]
[2 3] [4 9]
[4] [16]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, islice
from itertools import repeat as forever
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2

_DRAWS = 4096  # random numbers drawn together


class Dataset:
    """A sequence of elements that is walked anew by each ``for`` loop, in the terms of ``tf.data``.

    Made by :meth:`from_tensor_slices` or :meth:`from_generator`; every method returns a new Dataset. An element is an
    array, or a tuple or dict of arrays. Nothing is computed or copied before an element is asked for: shuffling moves
    row numbers, and a batch gathers its rows from the arrays at once.
    """

    def __init__(
        self,
        keys: Callable[[], Iterator[Any]],
        element: Callable[[Any], Any],
        gather: Callable[[list[Any]], Any],
        length: float | None,
    ) -> None:
        # a key stands for an element until it is needed: a row number, a list of row numbers, or the element itself
        self._keys, self._element, self._gather = keys, element, gather
        self._length = length  # None unknown, math.inf without end

    # --- sources -------------------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """The rows of arrays.

        tensors : an array or list, or a tuple or dict of them, all with the same number of rows. What can be sliced is
            not copied: numpy arrays, memory maps, one-hot labels, windows.
        raises : ValueError for unequal numbers of rows
        """
        arrays = _map_structure(_sliceable, tensors)
        lengths = {len(array) for array in _leaves(arrays)}
        if len(lengths) != 1:
            raise ValueError(f"tensors must have the same number of rows, got {', '.join(map(str, sorted(lengths)))}")

        def element(row: int) -> Any:
            return _map_structure(lambda array: array[row], arrays)

        def gather(rows: list[int]) -> Any:
            first = rows[0]
            if rows == list(range(first, first + len(rows))):
                return _map_structure(lambda array: array[first : first + len(rows)], arrays)
            index = np.array(rows)
            return _map_structure(lambda array: array[index], arrays)

        (length,) = lengths
        return Dataset(lambda: iter(range(length)), element, gather, length)

    @staticmethod
    def from_generator(generator: Callable[[], Iterable[Any]], length: int | None = None) -> Dataset:
        """What ``generator()`` yields; it is called for each walk.

        generator : a callable without arguments that returns an iterable of elements
        length : how many there are, if known
        """
        if not callable(generator):
            raise TypeError("generator must be a callable that returns an iterable, so that each epoch can start anew")
        return Dataset(lambda: iter(generator()), _same, _stack, length)

    @staticmethod
    def zip(datasets: Sequence[Dataset]) -> Dataset:
        """Tuples of one element of each; as long as the shortest."""
        parts = tuple(datasets)
        known = [part._length for part in parts]
        return Dataset(
            lambda: zip(*(part._keys() for part in parts), strict=False),
            lambda key: tuple(part._element(k) for part, k in zip(parts, key, strict=True)),
            lambda keys: tuple(part._gather(list(k)) for part, k in zip(parts, zip(*keys, strict=True), strict=True)),
            None if None in known else min(n for n in known if n is not None),
        )

    # --- steps ---------------------------------------------------------------------------------------------------

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Elements stacked by `batch_size` along a new first axis.

        drop_remainder : leave out a last batch that is not full
        """
        _at_least("batch_size", batch_size, 1)

        def keys() -> Iterator[list[Any]]:
            source = self._keys()
            while chunk := list(islice(source, batch_size)):
                if len(chunk) == batch_size or not drop_remainder:
                    yield chunk

        length = self._length
        if length is not None and length != math.inf:
            length = int(length) // batch_size if drop_remainder else -(-int(length) // batch_size)
        return Dataset(keys, self._gather, lambda chunks: _stack([self._gather(chunk) for chunk in chunks]), length)

    def map(self, map_func: Callable[..., Any], num_parallel_calls: int | None = None) -> Dataset:
        """`map_func` of each element; an element that is a tuple is given as several arguments.

        num_parallel_calls : None, 1 or AUTOTUNE: the calls are made one after the other
        """
        if num_parallel_calls not in (None, 1, AUTOTUNE):
            raise ValueError(f"num_parallel_calls must be None, 1 or AUTOTUNE (-1), got {num_parallel_calls!r}")

        def element(key: Any) -> Any:
            value = self._element(key)
            return map_func(*value) if isinstance(value, tuple) else map_func(value)

        return Dataset(self._keys, element, lambda keys: _stack([element(key) for key in keys]), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements for which `predicate` is true."""

        def keys() -> Iterator[Any]:
            for value in self:
                if predicate(*value) if isinstance(value, tuple) else predicate(value):
                    yield value

        return Dataset(keys, _same, _stack, None)

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True) -> Dataset:
        """The elements in random order: each is drawn from the next `buffer_size` that were not drawn yet.

        With a buffer as large as the dataset every order is equally likely. The buffer holds row numbers, not rows,
        where the elements come from arrays.

        seed : None follows ``recurra.utils.set_random_seed``
        reshuffle_each_iteration : another order in each walk
        """
        _at_least("buffer_size", buffer_size, 1)
        if seed is None:
            from recurra.random import derive_seed

            seed = derive_seed()
        else:
            _at_least("seed", seed, 0)
        walks = count()

        def keys() -> Iterator[Any]:
            walk = next(walks) if reshuffle_each_iteration else 0
            random = np.random.Generator(np.random.Philox(key=(seed & ((1 << 64) - 1)) | walk << 64))
            source = self._keys()
            buffer = list(islice(source, buffer_size))
            if len(buffer) == buffer_size:
                while arriving := list(islice(source, _DRAWS)):
                    for place, key in zip(
                        random.integers(buffer_size, size=len(arriving)).tolist(), arriving, strict=True
                    ):
                        yield buffer[place]
                        buffer[place] = key
            for place in random.permutation(len(buffer)).tolist():
                yield buffer[place]

        return Dataset(keys, self._element, self._gather, self._length)

    def take(self, count: int) -> Dataset:
        """The first `count` elements; -1 takes all."""
        _at_least("count", count, -1)
        if count == -1:
            return self
        length = None if self._length is None else min(self._length, count)
        return Dataset(lambda: islice(self._keys(), count), self._element, self._gather, length)

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements; -1 skips all."""
        _at_least("count", count, -1)
        length = self._length if self._length is None else 0 if count == -1 else max(self._length - count, 0)
        stop = 0 if count == -1 else None
        return Dataset(lambda: islice(self._keys(), max(count, 0), stop), self._element, self._gather, length)

    def repeat(self, count: int | None = None) -> Dataset:
        """The elements over and over, `count` times; None or -1 without end."""
        if count is None or count == -1:
            walks: Callable[[], Iterable[Any]] = lambda: forever(None)  # noqa: E731
            length: float | None = 0 if self._length == 0 else math.inf
        else:
            _at_least("count", count, 0)
            walks, length = (lambda: range(count)), None if self._length is None else self._length * count

        def keys() -> Iterator[Any]:
            for _ in walks():
                empty = True
                for key in self._keys():
                    empty = False
                    yield key
                if empty:
                    return

        return Dataset(keys, self._element, self._gather, length)

    def cache(self) -> Dataset:
        """The elements kept in memory from the first complete walk on."""
        kept: list[Any] = []

        def keys() -> Iterator[Any]:
            if kept:
                yield from kept
                return
            seen = []
            for value in self:
                seen.append(value)
                yield value
            kept[:] = seen

        return Dataset(keys, _same, _stack, self._length)

    def prefetch(self, buffer_size: int) -> Dataset:
        """The dataset itself: nothing is prepared ahead.

        Batches are gathered from arrays in memory, which costs next to nothing. The method is there so that pipelines
        written for ``tf.data`` run.

        buffer_size : how many elements ``tf.data`` would prepare, or AUTOTUNE
        """
        _at_least("buffer_size", buffer_size, AUTOTUNE)
        return self

    # --- walking -------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return map(self._element, self._keys())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements; they are numpy arrays already."""
        return iter(self)

    def cardinality(self) -> int:
        """The number of elements, -1 if there is no end, -2 if it is not known before walking."""
        if self._length is None:
            return UNKNOWN_CARDINALITY
        return INFINITE_CARDINALITY if self._length == math.inf else int(self._length)

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("the number of elements is not known before walking the dataset")
        if self._length == math.inf:
            raise TypeError("the dataset has no end: give steps_per_epoch, or take(n)")
        return int(self._length)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        size = {INFINITE_CARDINALITY: "endless", UNKNOWN_CARDINALITY: "of unknown length"}
        number = self.cardinality()
        return f"<Dataset {size.get(number, f'of {number} elements')}>"


def sliding_windows(tokens: Any, length: int, stride: int = 1) -> Array:
    """All runs of `length` tokens that follow each other, as a read-only view: nothing is copied.

    tokens : (N, ...) array or list
    length : tokens in a window
    stride : distance between the starts of two windows
    returns : (W, length, ...) view, ``W = (N - length) // stride + 1``; slices of it (inputs ``w[:, :-1]``, targets
        ``w[:, 1:]`` or ``w[:, -1]``) are views too, and training gathers the rows of a batch from them

    >>> sliding_windows([1, 2, 3, 4, 5], length=3, stride=2)
    array([[1, 2, 3],
           [3, 4, 5]], dtype=int32)
    """
    array = np.asarray(tokens)
    if array.ndim == 0:
        raise ValueError("tokens must have at least one axis, got a single number")
    if array.dtype == np.int64 and not isinstance(tokens, np.ndarray):
        limits = np.iinfo(np.int32)
        if not array.size or (array.min() >= limits.min and array.max() <= limits.max):
            array = array.astype(np.int32)
    _at_least("stride", stride, 1)
    _at_least("length", length, 1)
    if len(array) < length:
        raise ValueError(f"length must be at most the number of tokens, {len(array)}, got {length}")
    windows = np.lib.stride_tricks.sliding_window_view(array, length, axis=0)
    return np.moveaxis(windows, -1, 1)[::stride]


def _same(value: Any) -> Any:
    return value


def _at_least(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def _sliceable(value: Any) -> Any:
    if hasattr(value, "__array__") and hasattr(value, "__getitem__"):
        if not np.ndim(value) if not hasattr(value, "ndim") else not value.ndim:
            raise ValueError("tensors must have at least one axis, got a single number")
        return value
    items = list(value)
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


def _map_structure(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_map_structure(function, item) for item in value)
    if isinstance(value, dict):
        return {key: _map_structure(function, item) for key, item in value.items()}
    return function(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, dict)):
        items = value.values() if isinstance(value, dict) else value
        yield from chain.from_iterable(map(_leaves, items))
    else:
        yield value


def _stack(elements: list[Any]) -> Any:
    first = elements[0]
    if isinstance(first, tuple):
        return tuple(_stack(list(part)) for part in zip(*elements, strict=True))
    if isinstance(first, dict):
        return {key: _stack([element[key] for element in elements]) for key in first}
    if isinstance(first, str):
        return np.array(elements, object)
    try:
        return np.stack([np.asarray(element) for element in elements])
    except ValueError:
        shapes = sorted({np.shape(element) for element in elements})
        raise ValueError(
            f"batch: the elements must have one shape, got {', '.join(map(str, shapes))}; pad them first "
            f"(recurra.utils.pad_sequences)"
        ) from None
