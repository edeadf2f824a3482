"""The steps of a pipeline, with tensors for the functions of the program."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.compat.tf.data.elements import stack_ragged, to_arrays, to_tensors
from recurra.compat.tf.tensors import array_of, present
from recurra.data import AUTOTUNE
from recurra.data import Dataset as Own
from recurra.data.elements import same, stack

if TYPE_CHECKING:
    from recurra.compat.tf.data.dataset import Dataset


def _number(value: Any) -> Any:
    """A count given as a number or a tensor, as a Python number."""
    if value is None or isinstance(value, (int, float)):
        return value
    return int(array_of(value))


def _called(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """A function of the program as one of an element: a tuple is given as several arguments."""

    def call(element: Any) -> Any:
        value = to_tensors(element)
        return function(*value) if isinstance(value, tuple) else function(value)

    return call


class Verbs:
    """What makes one Dataset of another. Arguments are TensorFlow's; `name`, `deterministic` and `num_parallel_calls`
    choose nothing, as steps run one after the other, in order.
    """

    if TYPE_CHECKING:
        _ragged: bool
        _batched: bool
        _mapped: Callable[[Callable[[Any], Any]], Dataset]

    def _made(self, own: Own, batched: bool | None = None) -> Dataset:
        from recurra.compat.tf.data.dataset import Dataset

        return Dataset._of(own, self, batched)  # type: ignore[arg-type]

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        synchronous: Any = None,
        use_unbounded_threadpool: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """`map_func` of each element; a list that it returns is a tuple, not one tensor."""
        call = _called(map_func)

        def mapped(element: Any) -> Any:
            found = call(element)
            return to_arrays(tuple(found) if isinstance(found, list) else found)

        return self._mapped(mapped)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which `predicate` holds."""
        call = _called(predicate)

        def keys() -> Iterator[Any]:
            return (element for element in Own.__iter__(self) if bool(array_of(call(element))))  # type: ignore[arg-type]

        return self._made(Own(keys, same, stack, None))

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements of ``map_func(element)``, a Dataset, one after the other."""
        return self.interleave(map_func, 1, 1)

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: Any = None,
        block_length: Any = None,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """The elements of several ``map_func(element)`` in turns: `block_length` of each of `cycle_length`."""
        call = _called(map_func)
        cycle = 1 if cycle_length in (None, AUTOTUNE) else _number(cycle_length)
        block = 1 if block_length is None else _number(block_length)

        def keys() -> Iterator[Any]:
            outer = Own.__iter__(self)  # type: ignore[arg-type]
            open_ones: list[Iterator[Any] | None] = [_inner(call(value)) for value in islice(outer, cycle)]
            turn = 0
            while any(one is not None for one in open_ones):
                place = turn % len(open_ones)
                turn += 1
                current = open_ones[place]
                if current is None:
                    continue
                yielded = list(islice(current, block))
                yield from yielded
                if len(yielded) < block:
                    following = [_inner(call(value)) for value in islice(outer, 1)]
                    open_ones[place] = following[0] if following else None
                    turn -= 1 if following and not yielded else 0

        return self._made(Own(keys, same, stack, None), batched=False)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None) -> Any:
        """``state = reduce_func(state, element)`` for each element: the last state."""
        state = to_tensors(to_arrays(initial_state))
        for value in self:  # type: ignore[attr-defined]
            state = reduce_func(state, value)
        return state

    def scan(self, initial_state: Any, scan_func: Callable[[Any, Any], Any], name: str | None = None) -> Dataset:
        """``state, output = scan_func(state, element)`` for each element: the outputs."""

        def keys() -> Iterator[Any]:
            state = to_tensors(to_arrays(initial_state))
            for value in self:  # type: ignore[attr-defined]
                state, output = scan_func(state, value)
                yield to_arrays(output)

        return self._made(Own(keys, same, stack, self._length))  # type: ignore[attr-defined]

    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[[Any, Dataset], Any],
        window_size: Any = None,
        window_size_func: Callable[[Any], Any] | None = None,
        name: str | None = None,
    ) -> Dataset:
        """The elements of ``reduce_func(key, window)``, a Dataset, for each window of elements with the same key.

        window_size, or window_size_func of the key : how many elements a window has; what is left comes last
        """
        if (window_size is None) == (window_size_func is None):
            raise ValueError("one of window_size and window_size_func must be given to group_by_window")
        key_of = _called(key_func)

        def reduced(key: int, window: list[Any]) -> Iterator[Any]:
            rows = self._made(Own(lambda: iter(window), same, stack, len(window)), batched=self._batched)
            return _inner(reduce_func(present(np.array(key, np.int64)), rows))

        def keys() -> Iterator[Any]:
            windows: dict[int, list[Any]] = {}
            for element in Own.__iter__(self):  # type: ignore[arg-type]
                key = int(array_of(key_of(element)))
                windows.setdefault(key, []).append(element)
                size = window_size if window_size_func is None else window_size_func(present(np.array(key, np.int64)))
                if len(windows[key]) == _number(size):
                    yield from reduced(key, windows.pop(key))
            for key, window in windows.items():
                yield from reduced(key, window)

        return self._made(Own(keys, same, stack, None), batched=False)

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements up to the first for which `predicate` does not hold."""
        call = _called(predicate)

        def keys() -> Iterator[Any]:
            for element in Own.__iter__(self):  # type: ignore[arg-type]
                if not bool(array_of(call(element))):
                    return
                yield element

        return self._made(Own(keys, same, stack, None))

    def batch(
        self,
        batch_size: Any,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """Elements stacked along a new first axis; rows of ragged tensors make ragged tensors."""
        if self._ragged:
            return self._ragged_batches(_number(batch_size), drop_remainder, False)
        return self._made(Own.batch(self, _number(batch_size), drop_remainder), batched=not drop_remainder)  # type: ignore[arg-type]

    def ragged_batch(
        self, batch_size: Any, drop_remainder: bool = False, row_splits_dtype: Any = None, name: str | None = None
    ) -> Dataset:
        """Elements of unequal lengths as ragged tensors."""
        return self._ragged_batches(_number(batch_size), drop_remainder, True)

    def _ragged_batches(self, batch_size: int, drop_remainder: bool, always: bool) -> Dataset:
        keys, length = Own._chunks(self, batch_size, drop_remainder)  # type: ignore[arg-type]

        def element(chunk: list[Any]) -> Any:
            return stack_ragged([self._element(key) for key in chunk], always)  # type: ignore[attr-defined]

        made = self._made(Own(keys, element, lambda chunks: stack([element(one) for one in chunks]), length), True)
        made._ragged = False
        return made

    def padded_batch(
        self,
        batch_size: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Elements padded at their ends to one shape, and stacked."""
        shapes, values = _shapes(padded_shapes), _values(padding_values)
        return self._made(Own.padded_batch(self, _number(batch_size), shapes, values, drop_remainder), True)  # type: ignore[arg-type]

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element."""
        return self._made(Own.unbatch(self), batched=False)  # type: ignore[arg-type]

    def rebatch(self, batch_size: Any, drop_remainder: bool = False, name: str | None = None) -> Dataset:
        """Batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(
        self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: bool = False, name: str | None = None
    ) -> Dataset:
        """Runs of elements, each as a Dataset."""
        made = Own.window(self, _number(size), _number(shift), _number(stride), drop_remainder)  # type: ignore[arg-type]
        return self._made(made)._mapped(self._windows)

    def _windows(self, element: Any) -> Any:
        if isinstance(element, tuple):
            return tuple(self._windows(one) for one in element)
        if isinstance(element, dict):
            return {key: self._windows(one) for key, one in element.items()}
        return self._made(element, batched=False)

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Any],
        bucket_boundaries: Any,
        bucket_batch_sizes: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Batches of elements of about one length, padded to the longest of the batch.

        bucket_boundaries : the lengths at which the next bucket begins
        bucket_batch_sizes : one more than there are boundaries
        """
        bounds, sizes = [int(b) for b in bucket_boundaries], [int(s) for s in bucket_batch_sizes]
        if len(sizes) != len(bounds) + 1:
            raise ValueError(f"bucket_batch_sizes must be one more than {len(bounds)} boundaries, got {len(sizes)}")
        if pad_to_bucket_boundary:
            raise NotImplementedError(
                "bucket_by_sequence_length: pad_to_bucket_boundary is not here; give padded_shapes"
            )
        length_of = _called(element_length_func)
        shapes, values = _shapes(padded_shapes), _values(padding_values)

        def joined(chunk: list[Any]) -> Any:
            whole = Own(lambda: iter(chunk), same, stack, len(chunk))
            return next(iter(whole.batch(len(chunk)) if no_padding else whole.padded_batch(len(chunk), shapes, values)))

        def keys() -> Iterator[Any]:
            buckets: list[list[Any]] = [[] for _ in sizes]
            for element in Own.__iter__(self):  # type: ignore[arg-type]
                length = int(array_of(length_of(element)))
                place = sum(length >= bound for bound in bounds)
                buckets[place].append(element)
                if len(buckets[place]) == sizes[place]:
                    yield joined(buckets[place])
                    buckets[place] = []
            for chunk in buckets if not drop_remainder else []:
                if chunk:
                    yield joined(chunk)

        return self._made(Own(keys, same, stack, None), True)

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: Any = None, name: str | None = None
    ) -> Dataset:
        """The elements in random order, each drawn from the next `buffer_size`."""
        again = reshuffle_each_iteration is not False
        return self._made(Own.shuffle(self, _number(buffer_size), _number(seed), again))  # type: ignore[arg-type]

    def take(self, count: Any, name: str | None = None) -> Dataset:
        """The first `count` elements."""
        return self._made(Own.take(self, _number(count)))  # type: ignore[arg-type]

    def skip(self, count: Any, name: str | None = None) -> Dataset:
        """All but the first `count` elements."""
        return self._made(Own.skip(self, _number(count)))  # type: ignore[arg-type]

    def repeat(self, count: Any = None, name: str | None = None) -> Dataset:
        """The elements over and over."""
        return self._made(Own.repeat(self, _number(count)))  # type: ignore[arg-type]

    def shard(self, num_shards: Any, index: Any, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element."""
        return self._made(Own.shard(self, _number(num_shards), _number(index)))  # type: ignore[arg-type]

    def cache(self, filename: Any = "", name: str | None = None) -> Dataset:
        """The elements kept in memory from the first complete walk on, whatever file is named."""
        return self._made(Own.cache(self))  # type: ignore[arg-type]

    def prefetch(self, buffer_size: Any = None, name: str | None = None) -> Dataset:
        """The dataset itself: nothing is prepared ahead."""
        return self  # type: ignore[return-value]

    def concatenate(self, dataset: Any, name: str | None = None) -> Dataset:
        """These elements, then those of `dataset`."""
        return self._made(Own.concatenate(self, dataset))  # type: ignore[arg-type]

    def enumerate(self, start: Any = 0, name: str | None = None) -> Dataset:
        """Pairs of a number and the element."""
        return self._made(Own.enumerate(self, _number(start)))  # type: ignore[arg-type]

    def apply(self, transformation_func: Callable[[Any], Any]) -> Any:
        """``transformation_func(self)``."""
        return transformation_func(self)

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """The dataset itself."""
        return self  # type: ignore[return-value]

    def assert_cardinality(self, expected_cardinality: Any, name: str | None = None) -> Dataset:
        """The dataset, whose number of elements is said."""
        expected = _number(expected_cardinality)
        made = self._made(self)  # type: ignore[arg-type]
        made._length = math.inf if expected == -1 else expected
        return made


def _inner(found: Any) -> Iterator[Any]:
    """The elements of what `map_func` returned, as recurra holds them."""
    if not isinstance(found, Own):
        raise TypeError(f"map_func must return a Dataset, got {type(found).__name__} (use map)")
    return Own.__iter__(found)


def _shapes(padded_shapes: Any) -> Any:
    """Shapes in lists, tuples, dicts and TensorShapes: what holds others is a tuple or dict, a shape a tuple."""
    if padded_shapes is None:
        return None
    if isinstance(padded_shapes, dict):
        return {key: _shapes(one) for key, one in padded_shapes.items()}
    if all(one is None or isinstance(one, int) or not hasattr(one, "__len__") for one in padded_shapes):
        return tuple(None if one is None else int(one) for one in padded_shapes)
    return tuple(_shapes(one) for one in padded_shapes)


def _values(padding_values: Any) -> Any:
    if isinstance(padding_values, dict):
        return {key: _values(one) for key, one in padding_values.items()}
    if isinstance(padding_values, tuple):
        return tuple(_values(one) for one in padding_values)
    return None if padding_values is None else array_of(padding_values)[()]
