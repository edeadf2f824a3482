"""Batches, and where they come from: the base class of sources, and arrays cut by index.

A source is asked for one epoch at a time and yields ``Batch(x, y, weight, size)``. Arrays are never copied whole: an
epoch in order takes slices (views), a shuffled one takes rows by an index array. A lazy one-hot is cut by its ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from recurra.autograd import Tensor, value_of
from recurra.layers.base.call_spec import is_text
from recurra.losses.labels import is_one_hot
from recurra.ops.common import refuse_masked
from recurra.training.object_arrays import numbers_of_objects
from recurra.tree import leaves, map_structure
from recurra.typing import Data
from recurra.utils.packing import unpack_x_y_sample_weight


class Batch(NamedTuple):
    """One step's data; `y` and `weight` may be None."""

    x: Any
    y: Any
    weight: Any
    size: int


def is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, Tensor)) or (hasattr(value, "shape") and hasattr(value, "__array__"))


def _is_text(value: Any) -> bool:
    """Whether an array, or a list (of lists), holds texts."""
    if isinstance(value, np.ndarray):
        return is_text(value)
    if isinstance(value, (list, tuple)):
        return bool(value) and all(not isinstance(item, np.ndarray) and _is_text(item) for item in value[:2])
    return isinstance(value, (str, bytes))


def _is_several(value: Any) -> bool:
    """Whether a list or tuple is one of several arrays, dicts and lists of such, not of numbers."""
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(v is None or (is_array(v) and v.shape) or isinstance(v, Mapping) or _is_several(v) for v in value)
    )


#: dtypes that are taken as they are
_NUMBERS = frozenset(map(np.dtype, ("bool", "int8", "uint8", "int32", "int64", "float32", "float64")))


def as_arrays(value: Any, argument: str) -> Any:
    """`value` with every leaf as an array (or lazy one-hot) with a first axis of samples.

    A list or tuple of arrays, and a dict, stand for several inputs or outputs; a list of numbers (or of equal lists of
    numbers) is one array. Texts among the inputs become an array of objects, for a model that takes them.
    raises : ValueError or TypeError naming `argument` where a leaf is no array of numbers
    """
    if value is None or (type(value) is np.ndarray and value.ndim and value.dtype in _NUMBERS):
        return value
    value = value_of(value)
    if hasattr(value, "toarray") and not isinstance(value, np.ndarray):
        got = f"a sparse {type(value).__name__}: pass its toarray()"
        raise TypeError(f"{argument} must be an array of numbers, got {got}")
    if is_array(value) and not isinstance(value, np.ndarray) and not is_one_hot(value):
        with suppress(ValueError):  # rows of different lengths are refused below
            value = np.asarray(value)  # a column of a table, a tensor of another library
    if argument.startswith("x") and isinstance(value, (list, tuple, np.ndarray)) and _is_text(value):
        return value if isinstance(value, np.ndarray) else np.array(value, object)  # each as long as it is
    if isinstance(value, Mapping):
        return {key: as_arrays(item, f"{argument}[{key!r}]") for key, item in value.items()}
    if _is_several(value):
        return [as_arrays(item, f"{argument}[{i}]") for i, item in enumerate(value)]
    if is_one_hot(value):
        return value
    refuse_masked(value, argument)
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{argument} must be an array of numbers, got text: turn text into ids with a Tokenizer first")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{argument} must be an array, but its rows have different lengths: "
            "make them equal with recurra.utils.pad_sequences"
        ) from None
    if array.dtype.name in ("float16", "bfloat16"):
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        array = numbers_of_objects(array, argument)
    if array.ndim == 0:
        raise ValueError(
            f"{argument} must have a first axis of samples, got a single number (a Dataset of single samples is made "
            "one of batches by dataset.batch(32))"
        )
    return array


def count_samples(*parts: tuple[str, Any], advice: str = "") -> int:
    """How many samples all parts have; ValueError naming the sizes where they differ or are 0.

    advice : what the error ends with where no part is a list of arrays
    """
    sizes: dict[str, list[int]] = {name: [len(leaf) for leaf in leaves(value)] for name, value in parts}
    distinct = {size for found in sizes.values() for size in found}
    if len(distinct) > 1:
        said = ", ".join(f"{name}: {_shown(found)}" for name, found in sizes.items() if found)
        several = next((name for name, found in sizes.items() if len(set(found)) > 1), None)
        listed = next(
            (name for name, found in sizes.items() if len(found) > 1 and found.count(found[0]) == len(found)), None
        )
        if several is None and listed is not None:
            advice = f" ({listed} is a list of arrays, one for each input or output; numpy.stack makes rows one array)"
        elif several is not None:
            advice = (
                f" ({several} is a list of arrays, one for each input; sequences of unequal lengths become one array "
                "by recurra.utils.pad_sequences)"
            )
        raise ValueError(f"all arrays must have the same number of samples, got {said}{advice}")
    size = distinct.pop() if distinct else 0
    if size == 0:
        raise ValueError("x must hold at least one sample, got none")
    return size


def _shown(sizes: list[int]) -> str:
    """The first few sizes, and how many there are."""
    return ", ".join(map(str, sizes[:4])) + (f", ... ({len(sizes)} arrays)" if len(sizes) > 4 else "")


def split_last(value: Any, start: int) -> tuple[Any, Any]:
    """The first `start` samples and the rest, as views."""
    return map_structure(lambda a: a[:start], value), map_structure(lambda a: a[start:], value)


def rows_at(array: Any, key: Any) -> Any:
    """The samples of an array (or lazy one-hot) at a slice or at an array of indices."""
    if type(array) is np.ndarray and type(key) is np.ndarray and array.flags.c_contiguous:
        return array.take(key, axis=0)  # a third of the time of array[key]
    return array[key]


class Source:
    """Base class. `steps`: batches in an epoch, None if unknown; `samples`: rows in an epoch, None if unknown."""

    steps: int | None = None
    samples: int | None = None
    batch_size: int | None = None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` but the first `skip`."""
        raise NotImplementedError(f"{type(self).__name__} must define epoch(number, skip)")

    def peek(self) -> Batch | None:
        """The first batch, which will be given again; None if there is none."""
        raise NotImplementedError(f"{type(self).__name__} must define peek()")

    def after_epoch(self) -> None:
        """Called when an epoch has ended."""

    def reseed(self, seed: int | None) -> None:
        """Shuffle as another run with this seed did."""

    def state(self) -> Any:
        """What tells passes to come apart from the first, as plain values."""
        return None

    def restore(self, state: Any) -> None:
        """Be, in a new run over the same data, where :meth:`state` was asked for."""

    def restore_under_way(self, state: Any) -> None:
        """The same within a pass, which was begun from the state at its start."""


class ArraySource(Source):
    """Batches cut from arrays.

    seed : None for the order given; otherwise epoch `e` is shuffled by ``default_rng([seed, e])``
    """

    def __init__(
        self,
        x: Data | None,
        y: Data | None = None,
        weight: Data | None = None,
        batch_size: int = 32,
        seed: int | None = None,
        shuffle: Any = False,
    ) -> None:
        if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(f"batch_size must be an int >= 1, got {batch_size!r}")
        self.x, self.y, self.weight = x, y, weight
        self.samples = count_samples(("x", x), ("y", y), ("sample_weight", weight))
        self.batch_size = int(batch_size)
        self.steps = -(-self.samples // self.batch_size)
        self.seed, self.shuffle = seed, shuffle

    def reseed(self, seed: int | None) -> None:
        self.seed = seed

    def _take(self, key: Any, size: int) -> Batch:
        x = rows_at(self.x, key) if isinstance(self.x, np.ndarray) else map_structure(lambda a: rows_at(a, key), self.x)
        y = rows_at(self.y, key) if isinstance(self.y, np.ndarray) else map_structure(lambda a: rows_at(a, key), self.y)
        weight = None if self.weight is None else map_structure(lambda a: rows_at(a, key), self.weight)
        return Batch(x, y, weight, size)

    def peek(self) -> Batch:
        assert self.samples is not None and self.batch_size is not None
        size = min(self.samples, self.batch_size)
        return self._take(slice(0, size), size)

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        assert self.samples is not None and self.batch_size is not None
        starts = range(0, self.samples, self.batch_size)
        if not self.shuffle:
            for start in starts[skip:]:
                stop = min(start + self.batch_size, self.samples)
                yield self._take(slice(start, stop), stop - start)
            return
        rng = np.random.default_rng([self.seed or 0, number])
        if self.shuffle == "batch":
            for start in rng.permutation(np.asarray(starts)).tolist()[skip:]:
                stop = min(start + self.batch_size, self.samples)
                yield self._take(slice(start, stop), stop - start)
            return
        order = rng.permutation(self.samples)
        for start in starts[skip:]:
            key = order[start : start + self.batch_size]
            yield self._take(key, len(key))


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)`` as three."""
    if isinstance(data, list):  # [x, y], or [[x1, x2], y]: an input of several inputs is no list of lists of arrays
        several = all(is_array(v) for v in data) or isinstance(data[0], (list, tuple, dict))
        if len(data) not in (2, 3) or not several:
            return data, None, None
    return unpack_x_y_sample_weight(data)


def make_batch(data: Any) -> Batch:
    """A batch of an iterable, checked."""
    x, y, weight = unpack(data)
    x, y, weight = as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(weight, "sample_weight")
    advice = " (a Dataset of single samples is made one of batches by dataset.batch(32))"
    return Batch(x, y, weight, count_samples(("x", x), ("y", y), ("sample_weight", weight), advice=advice))
