"""Where batches come from that are not cut from arrays, and the choice of the source for what a user passed.

Iterables are read again for each epoch, generators go on, sequences are asked for batches by number; class weights
stand between a source and the training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from recurra.config import floatx
from recurra.losses.labels import is_one_hot
from recurra.training.batches import ArraySource, Batch, Source, as_arrays, is_array, make_batch
from recurra.typing import Data


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
        self._passes: list[list[int]] = []  # of each, the batches taken, and whether it came to its end

    def peek(self) -> Batch | None:
        if self._first is None:
            for data in self.data:
                self._first = make_batch(data)
                break
        return self._first

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        taken = [0, 0]
        self._passes.append(taken)
        for data in self.data:
            taken[0] += 1
            if taken[0] > skip:
                yield make_batch(data)
        taken[1] = 1

    def state(self) -> Any:
        """The state of the data object, or else the passes made, which :meth:`restore` makes again."""
        kept = self.data.state_dict() if hasattr(self.data, "state_dict") else None
        return {"passes": [list(taken) for taken in self._passes], "data": kept}

    def restore(self, state: Any) -> None:
        if hasattr(self.data, "load_state_dict") and state["data"] is not None:
            self.data.load_state_dict(state["data"])
        elif not isinstance(self.data, (list, tuple)):
            for count, whole in state["passes"]:
                for _ in islice(iter(self.data), None if whole else count):
                    pass
        self._passes = [list(taken) for taken in state["passes"]]


class GeneratorSource(Source):
    """Batches from an iterator, which goes on from epoch to epoch."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator
        self._held: list[Batch] = []
        self._taken = 0

    def peek(self) -> Batch | None:
        if not self._held:
            for data in self.iterator:
                self._held.append(make_batch(data))
                break
        return self._held[0] if self._held else None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        for count, batch in enumerate(self._all()):
            self._taken += 1
            if count >= skip:
                yield batch

    def _all(self) -> Iterator[Batch]:
        if self._held:
            yield self._held.pop()
        for data in self.iterator:
            yield make_batch(data)

    def state(self) -> Any:
        return {"taken": self._taken}

    def restore(self, state: Any) -> None:
        for _ in islice(self.epoch(0), state["taken"] - self._taken):
            pass


class SequenceSource(Source):
    """Batches from an object with ``__len__`` and ``__getitem__(index)``, as ``keras.utils.Sequence``.

    shuffle : take the batches in a new order each epoch. ``on_epoch_end`` of the object is called after each epoch.
    """

    def __init__(self, data: Sequence[Any], shuffle: bool = False, seed: int | None = None) -> None:
        self.data, self.shuffle, self.seed = data, shuffle, seed
        self.steps = int(getattr(data, "num_batches", None) or len(data))
        self._ended = 0  # epochs

    def peek(self) -> Batch | None:
        return make_batch(self.data[0]) if self.steps else None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        order = np.arange(self.steps or 0)
        if self.shuffle:
            order = np.random.default_rng([self.seed or 0, number]).permutation(order)
        for index in order.tolist()[skip:]:
            yield make_batch(self.data[index])

    def reseed(self, seed: int | None) -> None:
        self.seed = seed

    def after_epoch(self) -> None:
        ended = getattr(self.data, "on_epoch_end", None)
        if ended is not None:
            ended()
        self._ended += 1
        self.steps = int(getattr(self.data, "num_batches", None) or len(self.data))

    def state(self) -> Any:
        """The state of the data object, or else the number of epochs, whose ends :meth:`restore` tells it of again."""
        kept = self.data.state_dict() if hasattr(self.data, "state_dict") else None
        return {"ended": self._ended, "data": kept}

    def restore(self, state: Any) -> None:
        if hasattr(self.data, "load_state_dict") and state["data"] is not None:
            self.data.load_state_dict(state["data"])
            self._ended = state["ended"]
            self.steps = int(getattr(self.data, "num_batches", None) or len(self.data))
        while self._ended < state["ended"]:
            self.after_epoch()

    def restore_under_way(self, state: Any) -> None:
        self.restore(state)  # epochs shorter than a pass have ended within it


class WeightedSource(Source):
    """Another source with class weights joined to its sample weights.

    ids : whether labels are class ids, one for each output vector; otherwise the last of several axes is of classes
    """

    ids = False

    def __init__(self, inner: Source, class_weight: Mapping[int, float]) -> None:
        self.inner = inner
        self.steps, self.samples, self.batch_size = inner.steps, inner.samples, inner.batch_size
        if not isinstance(class_weight, Mapping):
            raise TypeError(f"class_weight must be a dict of class ids and weights, got {class_weight!r}")
        bad = [key for key in class_weight if not isinstance(key, (int, np.integer)) or key < 0]
        if bad:
            raise ValueError(f"class_weight must map class ids (ints >= 0) to weights, got the keys {bad}")
        for key, factor in class_weight.items():
            if not np.isfinite(factor):
                raise ValueError(f"class_weight must map to finite numbers, got {factor} for class {key}")
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

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        for batch in self.inner.epoch(number, skip):
            yield self._join(batch)

    def state(self) -> Any:
        return self.inner.state()

    def restore(self, state: Any) -> None:
        self.inner.restore(state)

    def restore_under_way(self, state: Any) -> None:
        self.inner.restore_under_way(state)

    def after_epoch(self) -> None:
        self.inner.after_epoch()

    def reseed(self, seed: int | None) -> None:
        self.inner.reseed(seed)


def is_sequence_object(data: Any) -> bool:
    """Whether `data` gives batches by ``data[i]``: ``keras.utils.Sequence`` and ``PyDataset`` and their likes."""
    return (
        not isinstance(data, (list, tuple, dict, str, bytes))
        and not is_array(data)
        and not is_one_hot(data)
        and hasattr(data, "__getitem__")
        and hasattr(data, "__len__")
    )


def is_batches(data: Any) -> bool:
    """Whether `data` gives batches rather than being one array or a collection of arrays."""
    if is_array(data) or is_one_hot(data) or isinstance(data, (dict, str, bytes)) or data is None:
        return False
    if isinstance(data, (list, tuple)):
        return bool(data) and all(
            isinstance(item, tuple) and 2 <= len(item) <= 3 and is_array(item[0]) for item in data
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
            as_arrays(x, argument),
            as_arrays(y, "y"),
            as_arrays(weight, "sample_weight"),
            32 if batch_size is None else batch_size,
            seed,
            shuffle,
        )
    if class_weight:
        if weight is not None:
            raise ValueError("class_weight and sample_weight cannot both be given; multiply them into sample_weight")
        source = WeightedSource(source, class_weight)
    return source


def is_checked_whole(source: Source) -> bool:
    """Whether the arrays of `source` can be looked at before the first batch."""
    return isinstance(source, ArraySource) or (isinstance(source, WeightedSource) and is_checked_whole(source.inner))


def limited(batches: Iterator[Batch], steps: int | None, first: int = 0) -> Iterator[tuple[int, Batch]]:
    """Batches numbered from `first` on, up to `steps`, without asking for one too many."""
    if steps is not None and steps <= first:
        return
    for number, batch in enumerate(batches, first):
        yield number, batch
        if steps is not None and number + 1 >= steps:
            return
