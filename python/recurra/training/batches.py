"""Where batches come from: arrays cut by index, generators, iterables of batches, sequences with ``__getitem__``.

A source is asked for one epoch at a time and yields ``Batch(x, y, weight, size)``. Arrays are never copied whole: an
epoch in order takes slices (views), a shuffled one takes rows by an index array. A lazy one-hot is cut by its ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra.autograd import Tensor, value_of
from recurra.config import floatx
from recurra.layers.base.call_spec import is_text
from recurra.losses.labels import is_one_hot
from recurra.tree import leaves, map_structure
from recurra.typing import Data


class Batch(NamedTuple):
    """One step's data; `y` and `weight` may be None."""

    x: Any
    y: Any
    weight: Any
    size: int


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, Tensor)) or (hasattr(value, "shape") and hasattr(value, "__array__"))


def _is_text(value: Any) -> bool:
    """Whether an array, or a list (of lists), holds texts."""
    if isinstance(value, np.ndarray):
        return is_text(value)
    if isinstance(value, (list, tuple)):
        return bool(value) and all(not isinstance(item, np.ndarray) and _is_text(item) for item in value[:2])
    return isinstance(value, (str, bytes))


def as_arrays(value: Any, argument: str) -> Any:
    """`value` with every leaf as an array (or lazy one-hot) with a first axis of samples.

    A list or tuple of arrays, and a dict, stand for several inputs or outputs; a list of numbers (or of equal lists of
    numbers) is one array. Texts among the inputs become an array of objects, for a model that takes them.
    raises : ValueError or TypeError naming `argument` where a leaf is no array of numbers
    """
    if value is None:
        return None
    if argument.startswith("x") and isinstance(value, (list, tuple, np.ndarray)) and _is_text(value):
        return value if isinstance(value, np.ndarray) else np.array(value, object)  # each as long as it is
    if isinstance(value, Mapping):
        return {key: as_arrays(item, f"{argument}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)) and value and all(v is None or (_is_array(v) and v.shape) for v in value):
        return [as_arrays(item, f"{argument}[{i}]") for i, item in enumerate(value)]
    if is_one_hot(value):
        return value
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{argument} must be an array of numbers, got text: turn text into ids with a Tokenizer first")
    try:
        array = np.asarray(value_of(value))
    except ValueError:
        raise ValueError(
            f"{argument} must be an array, but its rows have different lengths: "
            "make them equal with recurra.utils.pad_sequences"
        ) from None
    if array.dtype.name in ("float16", "bfloat16"):
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        if array.dtype.kind == "O":
            hint = "an array of objects (rows of different lengths? see recurra.utils.pad_sequences)"
        else:
            hint = f"dtype {array.dtype}"
        raise TypeError(f"{argument} must be an array of numbers, got {hint}")
    if array.ndim == 0:
        raise ValueError(f"{argument} must have a first axis of samples, got a single number")
    return array


def count_samples(*parts: tuple[str, Any]) -> int:
    """How many samples all parts have; ValueError naming the sizes where they differ or are 0."""
    sizes: dict[str, list[int]] = {name: [len(leaf) for leaf in leaves(value)] for name, value in parts}
    distinct = {size for found in sizes.values() for size in found}
    if len(distinct) > 1:
        said = ", ".join(f"{name}: {', '.join(map(str, found))}" for name, found in sizes.items() if found)
        raise ValueError(f"all arrays must have the same number of samples, got {said}")
    size = distinct.pop() if distinct else 0
    if size == 0:
        raise ValueError("x must hold at least one sample, got none")
    return size


def split_last(value: Any, start: int) -> tuple[Any, Any]:
    """The first `start` samples and the rest, as views."""
    return map_structure(lambda a: a[:start], value), map_structure(lambda a: a[start:], value)


class Source:
    """Base class. `steps`: batches in an epoch, None if unknown; `samples`: rows in an epoch, None if unknown."""

    steps: int | None = None
    samples: int | None = None
    batch_size: int | None = None

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number`."""
        raise NotImplementedError(f"{type(self).__name__} must define epoch(number)")

    def peek(self) -> Batch | None:
        """The first batch, which will be given again; None if there is none."""
        raise NotImplementedError(f"{type(self).__name__} must define peek()")

    def after_epoch(self) -> None:
        """Called when an epoch has ended."""

    def reseed(self, seed: int | None) -> None:
        """Shuffle as another run with this seed did."""


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
        x = self.x[key] if isinstance(self.x, np.ndarray) else map_structure(lambda a: a[key], self.x)
        y = self.y[key] if isinstance(self.y, np.ndarray) else map_structure(lambda a: a[key], self.y)
        return Batch(x, y, map_structure(lambda a: a[key], self.weight), size)

    def peek(self) -> Batch:
        assert self.samples is not None and self.batch_size is not None
        size = min(self.samples, self.batch_size)
        return self._take(slice(0, size), size)

    def epoch(self, number: int) -> Iterator[Batch]:
        assert self.samples is not None and self.batch_size is not None
        starts = range(0, self.samples, self.batch_size)
        if not self.shuffle:
            for start in starts:
                stop = min(start + self.batch_size, self.samples)
                yield self._take(slice(start, stop), stop - start)
            return
        rng = np.random.default_rng([self.seed or 0, number])
        if self.shuffle == "batch":
            for start in rng.permutation(np.asarray(starts)).tolist():
                stop = min(start + self.batch_size, self.samples)
                yield self._take(slice(start, stop), stop - start)
            return
        order = rng.permutation(self.samples)
        for start in starts:
            key = order[start : start + self.batch_size]
            yield self._take(key, len(key))


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)`` as three."""
    if isinstance(data, list) and len(data) in (2, 3) and all(_is_array(v) for v in data):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"a batch must be x, (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
    return (*data, *(None,) * (3 - len(data)))


def make_batch(data: Any) -> Batch:
    """A batch of an iterable, checked."""
    x, y, weight = unpack(data)
    x, y, weight = as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(weight, "sample_weight")
    return Batch(x, y, weight, count_samples(("x", x), ("y", y), ("sample_weight", weight)))


class IterableSource(Source):
    """Batches from a list, a Dataset, or anything else that can be iterated over again for each epoch."""

    def __init__(self, data: Iterable[Any]) -> None:
        self.data = data
        try:
            self.steps = len(data)  # type: ignore[arg-type]
        except TypeError:
            self.steps = None
        if self.steps is not None and self.steps < 1:
            self.steps = None  # a Dataset without an end
        self._first: Batch | None = None

    def peek(self) -> Batch | None:
        if self._first is None:
            for data in self.data:
                self._first = make_batch(data)
                break
        return self._first

    def epoch(self, number: int) -> Iterator[Batch]:
        for data in self.data:
            yield make_batch(data)


class GeneratorSource(Source):
    """Batches from an iterator, which goes on from epoch to epoch."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator
        self._held: list[Batch] = []

    def peek(self) -> Batch | None:
        if not self._held:
            for data in self.iterator:
                self._held.append(make_batch(data))
                break
        return self._held[0] if self._held else None

    def epoch(self, number: int) -> Iterator[Batch]:
        if self._held:
            yield self._held.pop()
        for data in self.iterator:
            yield make_batch(data)


class SequenceSource(Source):
    """Batches from an object with ``__len__`` and ``__getitem__(index)``, as ``keras.utils.Sequence``.

    shuffle : take the batches in a new order each epoch. ``on_epoch_end`` of the object is called after each epoch.
    """

    def __init__(self, data: Sequence[Any], shuffle: bool = False, seed: int | None = None) -> None:
        self.data, self.shuffle, self.seed = data, shuffle, seed
        self.steps = int(getattr(data, "num_batches", None) or len(data))

    def peek(self) -> Batch | None:
        return make_batch(self.data[0]) if self.steps else None

    def epoch(self, number: int) -> Iterator[Batch]:
        order = np.arange(self.steps or 0)
        if self.shuffle:
            order = np.random.default_rng([self.seed or 0, number]).permutation(order)
        for index in order.tolist():
            yield make_batch(self.data[index])

    def reseed(self, seed: int | None) -> None:
        self.seed = seed

    def after_epoch(self) -> None:
        ended = getattr(self.data, "on_epoch_end", None)
        if ended is not None:
            ended()
        self.steps = int(getattr(self.data, "num_batches", None) or len(self.data))


class WeightedSource(Source):
    """Another source with class weights joined to its sample weights.

    ids : whether labels are class ids, one for each output vector; otherwise the last of several axes is of classes
    """

    ids = False

    def __init__(self, inner: Source, class_weight: Mapping[int, float]) -> None:
        self.inner = inner
        self.steps, self.samples, self.batch_size = inner.steps, inner.samples, inner.batch_size
        bad = [key for key in class_weight if not isinstance(key, (int, np.integer)) or key < 0]
        if bad:
            raise ValueError(f"class_weight must map class ids (ints >= 0) to weights, got the keys {bad}")
        self._table = np.ones(max(class_weight, default=0) + 1, floatx())
        for key, weight in class_weight.items():
            self._table[key] = weight

    def _join(self, batch: Batch) -> Batch:
        y = batch.y
        if batch.weight is not None:
            raise ValueError("class_weight must not be given where the batches hold sample weights: multiply them in")
        if isinstance(y, (list, tuple, dict)):
            raise ValueError("class_weight is for models with one output, got several targets: use sample_weight")
        if is_one_hot(y):
            ids = y.ids
        else:
            ids = np.asarray(y)
            if ids.ndim > 1 and not self.ids:
                ids = ids[..., 0] if ids.shape[-1] == 1 else ids.argmax(axis=-1)
        ids = np.round(ids).astype(np.int64)
        weight = np.where(
            (ids >= 0) & (ids < len(self._table)), self._table[np.clip(ids, 0, len(self._table) - 1)], 1.0
        )
        return batch._replace(weight=weight.astype(floatx()))

    def peek(self) -> Batch | None:
        first = self.inner.peek()
        return None if first is None else self._join(first)

    def epoch(self, number: int) -> Iterator[Batch]:
        for batch in self.inner.epoch(number):
            yield self._join(batch)

    def after_epoch(self) -> None:
        self.inner.after_epoch()

    def reseed(self, seed: int | None) -> None:
        self.inner.reseed(seed)


def is_sequence_object(data: Any) -> bool:
    """Whether `data` gives batches by ``data[i]``: ``keras.utils.Sequence`` and ``PyDataset`` and their likes."""
    return (
        not isinstance(data, (list, tuple, dict, str, bytes))
        and not _is_array(data)
        and not is_one_hot(data)
        and hasattr(data, "__getitem__")
        and hasattr(data, "__len__")
    )


def is_batches(data: Any) -> bool:
    """Whether `data` gives batches rather than being one array or a collection of arrays."""
    if _is_array(data) or is_one_hot(data) or isinstance(data, (dict, str, bytes)) or data is None:
        return False
    if isinstance(data, (list, tuple)):
        return bool(data) and all(
            isinstance(item, tuple) and 2 <= len(item) <= 3 and _is_array(item[0]) for item in data
        )
    return hasattr(data, "__iter__") or is_sequence_object(data)


def make_source(
    x: Any,
    y: Data | None = None,
    weight: Data | None = None,
    *,
    batch_size: int | None = None,
    shuffle: Any = False,
    seed: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    argument: str = "x",
) -> Source:
    """The source for what a user passed as data.

    raises : ValueError where arguments do not go together (labels beside a generator, say)
    """
    source: Source
    if is_batches(x):
        for name, value in (("y", y), ("sample_weight", weight), ("batch_size", batch_size)):
            if value is not None:
                raise ValueError(
                    f"{name} must not be given when {argument} gives batches itself "
                    f"({type(x).__name__}); put it into the batches"
                )
        keyed = is_sequence_object(x) and (not hasattr(x, "__iter__") or hasattr(x, "on_epoch_end"))
        if isinstance(x, Iterator):
            source = GeneratorSource(x)
        elif keyed:
            source = SequenceSource(x, bool(shuffle), seed)
        else:
            source = IterableSource(x)
    else:
        if x is None:
            raise ValueError(f"{argument} must be data (arrays, a Dataset, a generator), got None")
        source = ArraySource(
            as_arrays(x, argument), as_arrays(y, "y"), as_arrays(weight, "sample_weight"),
            32 if batch_size is None else batch_size, seed, shuffle,
        )  # fmt: skip
    if class_weight:
        if weight is not None:
            raise ValueError("class_weight and sample_weight cannot both be given; multiply them into sample_weight")
        source = WeightedSource(source, class_weight)
    return source
