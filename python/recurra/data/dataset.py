"""Elements made as they are needed, from arrays or anything else: :class:`Dataset`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from itertools import repeat as forever
from typing import Any

import numpy as np

from recurra.data import elements
from recurra.data.elements import arrays_in, at_least, map_arrays, parts, same, sliceable, stack
from recurra.data.key_streams import remembered, repeated, runs_of, shuffled
from recurra.data.padded_batch import stack_padded
from recurra.typing import DType

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


class Dataset:
    """A sequence of elements that is walked anew by each ``for`` loop, in the terms of ``tf.data``.

    Made by :meth:`from_tensor_slices`, :meth:`from_tensors`, :meth:`from_generator` or :meth:`range`; every method
    returns a new Dataset. An element is an array, or a tuple or dict of arrays. Nothing is computed or copied before an
    element is asked for: shuffling moves row numbers, and a batch gathers its rows from the arrays at once.
    """

    _batch_size: int | None = None  # of the batches that the last step made

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
        arrays = map_arrays(sliceable, tensors)
        lengths = {len(array) for array in arrays_in(arrays)}
        if len(lengths) != 1:
            raise ValueError(f"tensors must have the same number of rows, got {', '.join(map(str, sorted(lengths)))}")

        def element(row: int) -> Any:
            return map_arrays(lambda array: array[row], arrays)

        def gather(rows: list[int]) -> Any:
            first = rows[0]
            if rows == list(range(first, first + len(rows))):
                return map_arrays(lambda array: array[first : first + len(rows)], arrays)
            index = np.array(rows)
            return map_arrays(lambda array: array[index], arrays)

        (length,) = lengths
        return Dataset(lambda: iter(range(length)), element, gather, length)

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """One element: `tensors`, an array or a tuple or dict of arrays, whole."""
        element = map_arrays(lambda value: value if isinstance(value, str) else np.asarray(value), tensors)
        return Dataset(lambda: iter((element,)), same, stack, 1)

    @staticmethod
    def range(*args: int, output_type: DType = np.int64) -> Dataset:
        """Whole numbers: ``range(stop)``, ``range(start, stop)`` or ``range(start, stop, step)``.

        output_type : their dtype
        """
        numbers, dtype = range(*args), np.dtype(output_type)
        return Dataset(lambda: iter(numbers), dtype.type, lambda keys: np.array(keys, dtype), len(numbers))

    @staticmethod
    def from_generator(generator: Callable[[], Iterable[Any]], length: int | None = None) -> Dataset:
        """What ``generator()`` yields; it is called for each walk.

        generator : a callable without arguments that returns an iterable of elements
        length : how many there are, if known
        """
        if not callable(generator):
            raise TypeError("generator must be a callable that returns an iterable, so that each epoch can start anew")
        return Dataset(lambda: iter(generator()), same, stack, length)

    @staticmethod
    def zip(*datasets: Any) -> Dataset:
        """Tuples of one element of each; as long as the shortest.

        datasets : several of them, or one tuple or list of them
        """
        several = datasets[0] if len(datasets) == 1 and isinstance(datasets[0], (tuple, list)) else datasets
        parts: tuple[Dataset, ...] = tuple(several)
        if not all(isinstance(part, Dataset) for part in parts):
            raise TypeError(f"datasets must be Datasets, got {', '.join(type(part).__name__ for part in parts)}")
        known = [part._length for part in parts]
        return Dataset(
            lambda: zip(*(part._keys() for part in parts), strict=False),
            lambda key: tuple(part._element(k) for part, k in zip(parts, key, strict=True)),
            lambda keys: tuple(part._gather(list(k)) for part, k in zip(parts, zip(*keys, strict=True), strict=True)),
            None if None in known else min(n for n in known if n is not None),
        )

    # --- steps ---------------------------------------------------------------------------------------------------

    def batch(self, batch_size: int, drop_remainder: bool = False, num_parallel_calls: int | None = None) -> Dataset:
        """Elements stacked by `batch_size` along a new first axis.

        drop_remainder : leave out a last batch that is not full
        num_parallel_calls : None, 1 or AUTOTUNE: batches are made one after the other
        """
        elements.check_parallel_calls(num_parallel_calls)
        keys, length = self._chunks(batch_size, drop_remainder)
        made = Dataset(keys, self._gather, lambda chunks: stack([self._gather(chunk) for chunk in chunks]), length)
        made._batch_size = batch_size
        return made

    def padded_batch(
        self, batch_size: int, padded_shapes: Any = None, padding_values: Any = None, drop_remainder: bool = False
    ) -> Dataset:
        """Elements padded at the ends of their axes to one shape, and stacked by `batch_size`.

        padded_shapes : the shape, None (or -1) for the longest in the batch, as everywhere if it is not given; for
            elements that are tuples or dicts a tuple or dict of shapes
        padding_values : 0 (or "") where None; one value, or a tuple or dict of them
        drop_remainder : leave out a last batch that is not full
        raises : ValueError, when the batch is made, for an element larger than its padded shape
        """
        keys, length = self._chunks(batch_size, drop_remainder)

        def element(chunk: list[Any]) -> Any:
            return stack_padded([self._element(key) for key in chunk], padded_shapes, padding_values)

        return Dataset(keys, element, lambda chunks: stack([element(chunk) for chunk in chunks]), length)

    def _chunks(self, size: int, drop_remainder: bool) -> tuple[Callable[[], Iterator[list[Any]]], float | None]:
        """Lists of `size` keys, and how many there are."""
        at_least("batch_size", size, 1)

        def keys() -> Iterator[list[Any]]:
            source = self._keys()
            while chunk := list(islice(source, size)):
                if len(chunk) == size or not drop_remainder:
                    yield chunk

        length = self._length
        if length is not None and length != math.inf:
            length = int(length) // size if drop_remainder else -(-int(length) // size)
        return keys, length

    def unbatch(self) -> Dataset:
        """The rows of each element as elements: the way back from :meth:`batch`."""

        def keys() -> Iterator[Any]:
            for value in self:
                arrays = map_arrays(sliceable, value)
                columns = arrays_in(arrays)
                for row in range(min(map(len, columns))):
                    yield map_arrays(operator.itemgetter(row), arrays)

        return Dataset(keys, same, stack, None)

    def window(self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False) -> Dataset:
        """Runs of elements, each as a Dataset; of elements that are tuples or dicts, a tuple or dict of Datasets.

        size : elements in a window
        shift : distance between the starts of two windows; `size` where None
        stride : every how many elements one is taken into the window
        drop_remainder : leave out the windows at the end that are not full

        :func:`recurra.data.sliding_windows` and ``recurra.utils.timeseries_dataset_from_array`` make windows of an
        array, much faster.

        >>> windows = Dataset.range(7).window(3, shift=2, drop_remainder=True)
        >>> [batch.tolist() for batch in windows.flat_map(lambda window: window.batch(3))]
        [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
        """
        step = size if shift is None else shift
        for name, value in (("size", size), ("shift", step), ("stride", stride)):
            at_least(name, value, 1)
        span = (size - 1) * stride + 1

        def keys() -> Iterator[list[Any]]:
            return runs_of(self._keys(), span, step, stride, drop_remainder)

        def element(chunk: list[Any]) -> Any:
            def part(get: Callable[[Any], Any]) -> Dataset:
                return Dataset(
                    lambda: iter(chunk),
                    lambda key: get(self._element(key)),
                    lambda keys: get(self._gather(keys)),
                    len(chunk),
                )

            return parts(self._element(chunk[0]), part)

        length = self._length
        if length is not None and length != math.inf:
            length = max((int(length) - span) // step + 1, 0) if drop_remainder else -(-int(length) // step)
        return Dataset(keys, element, lambda chunks: stack([element(chunk) for chunk in chunks]), length)

    def flat_map(self, map_func: Callable[..., Dataset]) -> Dataset:
        """The elements of ``map_func(element)``, a Dataset, one after the other; a tuple is given as several
        arguments.
        """
        elements.check_function("map_func", map_func)

        def keys() -> Iterator[Any]:
            for value in self:
                inner = map_func(*value) if isinstance(value, tuple) else map_func(value)
                if not isinstance(inner, Dataset):
                    raise TypeError(f"flat_map: map_func must return a Dataset, got {type(inner).__name__} (use map)")
                yield from inner

        return Dataset(keys, same, stack, None)

    def enumerate(self, start: int = 0) -> Dataset:
        """Pairs of a number, counting from `start`, and the element."""
        return Dataset(
            lambda: zip(count(start), self._keys(), strict=False),
            lambda key: (np.int64(key[0]), self._element(key[1])),
            lambda keys: (np.array([n for n, _ in keys], np.int64), self._gather([key for _, key in keys])),
            self._length,
        )

    def concatenate(self, dataset: Dataset) -> Dataset:
        """These elements, then those of `dataset`."""
        pair = (self, dataset)

        def keys() -> Iterator[Any]:
            for which, part in enumerate(pair):
                for key in part._keys():
                    yield which, key

        def gather(keys: list[Any]) -> Any:
            if len({which for which, _ in keys}) == 1:
                return pair[keys[0][0]]._gather([key for _, key in keys])
            return stack([pair[which]._element(key) for which, key in keys])

        lengths = (self._length, dataset._length)
        length = None if lengths[0] is None or lengths[1] is None else lengths[0] + lengths[1]
        return Dataset(keys, lambda key: pair[key[0]]._element(key[1]), gather, length)

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Every `num_shards`-th element, from the one at `index` on."""
        at_least("num_shards", num_shards, 1)
        at_least("index", index, 0)
        if index >= num_shards:
            raise ValueError(f"index must be below num_shards = {num_shards}, got {index}")
        length = self._length
        if length is not None and length != math.inf:
            length = max(-(-(int(length) - index) // num_shards), 0)
        return Dataset(lambda: islice(self._keys(), index, None, num_shards), self._element, self._gather, length)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any]) -> Any:
        """``state = reduce_func(state, element)`` for each element, from `initial_state` on: the last state."""
        state = initial_state
        for value in self:
            state = reduce_func(state, value)
        return state

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """``transformation_func(self)``."""
        return transformation_func(self)

    def map(self, map_func: Callable[..., Any], num_parallel_calls: int | None = None) -> Dataset:
        """`map_func` of each element; an element that is a tuple is given as several arguments.

        num_parallel_calls : None, 1 or AUTOTUNE: the calls are made one after the other
        """
        elements.check_parallel_calls(num_parallel_calls)
        elements.check_function("map_func", map_func)

        def element(key: Any) -> Any:
            value = self._element(key)
            return map_func(*value) if isinstance(value, tuple) else map_func(value)

        return Dataset(self._keys, element, lambda keys: stack([element(key) for key in keys]), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements for which `predicate` is true."""
        elements.check_function("predicate", predicate)

        def keys() -> Iterator[Any]:
            for value in self:
                if predicate(*value) if isinstance(value, tuple) else predicate(value):
                    yield value

        return Dataset(keys, same, stack, None)

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True) -> Dataset:
        """The elements in random order: each is drawn from the next `buffer_size` that were not drawn yet.

        With a buffer as large as the dataset every order is equally likely. The buffer holds row numbers, not rows,
        where the elements come from arrays.

        seed : None follows ``recurra.utils.set_random_seed``
        reshuffle_each_iteration : another order in each walk
        """
        at_least("buffer_size", buffer_size, 1)
        if seed is None:
            from recurra.random import derive_seed

            seed = derive_seed()
        else:
            at_least("seed", seed, 0)
        walks = count()

        def keys() -> Iterator[Any]:
            walk = next(walks) if reshuffle_each_iteration else 0
            return shuffled(self._keys(), buffer_size, seed, walk)

        return Dataset(keys, self._element, self._gather, self._length)

    def take(self, count: int) -> Dataset:
        """The first `count` elements; -1 takes all."""
        at_least("count", count, -1)
        if count == -1:
            return self
        length = None if self._length is None else min(self._length, count)
        return Dataset(lambda: islice(self._keys(), count), self._element, self._gather, length)

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements; -1 skips all."""
        at_least("count", count, -1)
        length = self._length if self._length is None else 0 if count == -1 else max(self._length - count, 0)
        stop = 0 if count == -1 else None
        return Dataset(lambda: islice(self._keys(), max(count, 0), stop), self._element, self._gather, length)

    def repeat(self, count: int | None = None) -> Dataset:
        """The elements over and over, `count` times; None or -1 without end."""
        if count is None or count == -1:
            walks: Callable[[], Iterable[Any]] = lambda: forever(None)  # noqa: E731
            length: float | None = 0 if self._length == 0 else math.inf
        else:
            at_least("count", count, 0)
            walks, length = (lambda: range(count)), None if self._length is None else self._length * count

        return Dataset(lambda: repeated(self._keys, walks()), self._element, self._gather, length)

    def cache(self) -> Dataset:
        """The elements kept in memory from the first complete walk on."""
        kept: list[Any] = []
        return Dataset(lambda: remembered(self, kept), same, stack, self._length)

    def prefetch(self, buffer_size: int) -> Dataset:
        """The dataset itself: nothing is prepared ahead.

        Batches are gathered from arrays in memory, which costs next to nothing. The method is there so that pipelines
        written for ``tf.data`` run.

        buffer_size : how many elements ``tf.data`` would prepare, or AUTOTUNE
        """
        at_least("buffer_size", buffer_size, AUTOTUNE)
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
