"""``tf.data.Dataset``: recurra's Dataset, with tensors for elements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from recurra import tree
from recurra.compat.tf.data import elements
from recurra.compat.tf.data.elements import NODES, to_arrays, to_tensors
from recurra.compat.tf.data.verbs import Verbs
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.io import gfile, path_of
from recurra.compat.tf.io.records import kind_of, records
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import EagerTensor, array_of
from recurra.data import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from recurra.data import Dataset as Own
from recurra.data.elements import same, stack

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "Options",
    "TFRecordDataset",
    "TextLineDataset",
]


class Options(SimpleNamespace):
    """Settings for ``with_options``; none of them changes what comes out."""

    def __init__(self) -> None:
        super().__init__(threading=SimpleNamespace(), experimental_optimization=SimpleNamespace())
        self.experimental_distribute = SimpleNamespace()


class Dataset(Verbs, Own):
    """A sequence of elements that is walked anew by each ``for`` loop.

    >>> numbers = Dataset.range(5).map(lambda n: n * 2, num_parallel_calls=AUTOTUNE).batch(2)
    >>> [batch.numpy().tolist() for batch in numbers]
    [[0, 2], [4, 6], [8]]
    """

    #: whether a ragged tensor is among what the rows are of
    _ragged = False
    #: whether the elements are batches
    _batched = False

    @classmethod
    def _of(cls, own: Own, like: Dataset | None = None, batched: bool | None = None) -> Dataset:
        """A Dataset of recurra with tensors for elements."""
        made = cls(own._keys, own._element, own._gather, own._length)
        if like is not None:
            made._ragged, made._batched = like._ragged, like._batched
        made._batch_size = own._batch_size
        if batched is not None:
            made._batched = batched
        return made

    # --- sources -------------------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """The rows of tensors, arrays or lists, or of a tuple or dict of them."""
        made = Dataset._of(Own.from_tensor_slices(elements.rows_of(tensors)))
        made._ragged = elements.holds_ragged(tensors)
        return made

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        element = to_arrays(tensors)
        return Dataset(lambda: iter((element,)), same, stack, 1)

    @staticmethod
    def range(*args: Any, output_type: Any = np.int64, name: str | None = None) -> Dataset:
        """Whole numbers."""
        ends = (int(array_of(end)) for end in args)
        return Dataset._of(Own.range(*ends, output_type=np.dtype(as_dtype(output_type))))

    @staticmethod
    def counter(start: Any = 0, step: Any = 1, dtype: Any = np.int64, name: str | None = None) -> Dataset:
        """Whole numbers without end."""
        first, apart, kind = int(array_of(start)), int(array_of(step)), np.dtype(as_dtype(dtype))
        return Dataset(lambda: (np.array(one, kind) for one in itertools.count(first, apart)), same, stack, math.inf)

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """What ``generator(*args)`` yields.

        output_types, output_shapes : types and shapes of an element, in its structure
        output_signature : a TensorSpec for each part, in its place
        raises : TypeError when an element of another shape comes
        """
        if not callable(generator):
            raise TypeError("generator must be a callable that returns an iterable, so that each epoch can start anew")
        types, shapes = output_types, output_shapes
        if output_signature is not None:
            types = tree.map_structure(lambda spec: spec.dtype, output_signature, (tuple, list, dict))
            shapes = tree.map_structure(lambda spec: spec.shape, output_signature, (tuple, list, dict))
        given = () if args is None else tuple(to_tensors(array_of(one)) for one in args)
        return Dataset(lambda: (_typed(item, types, shapes) for item in generator(*given)), same, stack, None)

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> Dataset:
        """Elements side by side, in the structure of tuples and dicts of datasets that is given."""
        if datasets is not None:
            form = datasets
        else:
            form = args[0] if len(args) == 1 and isinstance(args[0], (tuple, dict)) else tuple(args)
        parts = tree.leaves(form, NODES)
        made = Dataset._of(Own.zip(tuple(parts)))
        made._ragged = any(getattr(part, "_ragged", False) for part in parts)
        made._batched = all(getattr(part, "_batched", False) for part in parts)
        if isinstance(form, tuple) and all(isinstance(part, Own) for part in form):
            return made
        return made._mapped(lambda element: tree.pack(form, element, NODES))

    @staticmethod
    def choose_from_datasets(
        datasets: Any, choice_dataset: Any, stop_on_empty_dataset: bool = True, name: str | None = None
    ) -> Dataset:
        """One element each time of the data set whose number `choice_dataset` gives.

        stop_on_empty_dataset : whether the end of a chosen one is the end; else it is passed over
        """
        parts = list(datasets)

        def elements() -> Iterator[Any]:
            sources = [iter(part) for part in parts]
            for choice in choice_dataset:
                try:
                    yield next(sources[int(array_of(choice))])
                except StopIteration:
                    if stop_on_empty_dataset:
                        return

        return Dataset(elements, same, stack, None)

    @staticmethod
    def sample_from_datasets(
        datasets: Any,
        weights: Any = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """One element each time of a data set that is drawn, with probabilities in the ratio of `weights`.

        stop_on_empty_dataset : whether the end of one is the end; else it is drawn no more
        """
        parts = list(datasets)
        shares = np.ones(len(parts)) if weights is None else np.asarray(array_of(weights), np.float64)
        if shares.shape != (len(parts),) or (shares < 0).any() or not shares.any():
            raise ValueError(f"weights must be {len(parts)} numbers of at least 0, one above it, got {weights!r}")
        state = {"epoch": 0}

        def elements() -> Iterator[Any]:
            rng = np.random.default_rng(None if seed is None else [seed, state["epoch"]])
            state["epoch"] += rerandomize_each_iteration is not False
            sources, left = [iter(part) for part in parts], shares.copy()
            while left.any():
                drawn = int(rng.choice(len(parts), p=left / left.sum()))
                try:
                    yield next(sources[drawn])
                except StopIteration:
                    if stop_on_empty_dataset:
                        return
                    left[drawn] = 0

        return Dataset(elements, same, stack, None)

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool | None = None, seed: int | None = None, name: str | None = None
    ) -> Dataset:
        """The paths that match, in random order unless `shuffle` is False."""
        patterns = file_pattern if isinstance(file_pattern, (list, tuple)) else [file_pattern]
        found = [path.encode() for one in patterns for path in gfile.glob(path_of(one))]
        if not found:
            raise FileNotFoundError(f"no file matches {file_pattern!r}")
        paths = Dataset.from_tensor_slices(np.array(found, object))
        return paths.shuffle(len(found), seed) if shuffle or shuffle is None else paths

    # --- walking -------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return map(to_tensors, Own.__iter__(self))

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as arrays."""
        return (tree.map_structure(lambda leaf: leaf.numpy(), element, NODES) for element in self)

    def cardinality(self) -> Any:
        """The number of elements: a tensor; -1 if there is no end, -2 if it is not known before walking."""
        return EagerTensor(np.array(Own.cardinality(self), np.int64))

    @property
    def element_spec(self) -> Any:
        """What the elements are like, told by the first one; the first size of batches is open."""
        for element in Own.__iter__(self):
            return elements.spec_of(element, self._batched)
        raise ValueError("element_spec: the dataset is empty")

    def get_single_element(self, name: str | None = None) -> Any:
        """The one element."""
        found = list(self.take(2))
        if len(found) != 1:
            raise ValueError(f"the dataset must have one element, got {'none' if not found else 'several'}")
        return found[0]

    def _mapped(self, function: Callable[[Any], Any]) -> Dataset:
        """``function`` of each element as recurra holds it."""

        def element(key: Any) -> Any:
            return function(self._element(key))

        def gather(keys: list[Any]) -> Any:
            return stack([element(key) for key in keys])

        made = Dataset(self._keys, element, gather, self._length)
        made._ragged, made._batched = self._ragged, self._batched
        return made


def _typed(item: Any, types: Any, shapes: Any) -> Any:
    """What a generator yielded, in the structure and types that were said."""
    if isinstance(types, (tuple, list)):
        several = tuple(item)
        if len(several) != len(types):
            raise TypeError(f"from_generator: expected elements of {len(types)} parts, got {len(several)}")
        inner = shapes if isinstance(shapes, (tuple, list)) and len(shapes) == len(types) else [None] * len(types)
        return tuple(_typed(one, kind, shape) for one, kind, shape in zip(several, types, inner, strict=True))
    if isinstance(types, dict):
        return {key: _typed(item[key], types[key], None if shapes is None else shapes.get(key)) for key in types}
    if types is None:
        return to_arrays(item)
    array = np.asarray(array_of(item)).astype(np.dtype(as_dtype(types)))
    if shapes is not None and not TensorShape(array.shape).is_compatible_with(shapes):
        raise TypeError(f"from_generator: expected an element of shape {TensorShape(shapes)}, got {array.shape}")
    return array


class TextLineDataset(Dataset):
    """The lines of files."""

    def __init__(self, filenames: Any, *args: Any, **kwargs: Any) -> None:
        if callable(filenames):  # the steps of the base class make datasets of its own kind
            super().__init__(filenames, *args, **kwargs)
            return
        several = filenames if isinstance(filenames, (list, tuple)) else np.ravel(array_of(filenames)).tolist()
        paths = [path_of(one) for one in several]

        def keys() -> Iterator[Any]:
            for path in paths:
                with open(path, "rb") as file:
                    for line in file:
                        yield np.array(line.rstrip(b"\r\n"), object)

        super().__init__(keys, same, stack, None)


class TFRecordDataset(Dataset):
    """The records of TFRecord files, as bytes.

    compression_type : "", "GZIP" or "ZLIB"
    buffer_size, num_parallel_reads : choose nothing: one file is read after the other
    """

    def __init__(
        self,
        filenames: Any,
        compression_type: Any = None,
        buffer_size: Any = None,
        num_parallel_reads: Any = None,
        name: str | None = None,
    ) -> None:
        if callable(filenames):  # the steps of the base class make datasets of its own kind
            super().__init__(filenames, compression_type, buffer_size, num_parallel_reads)
            return
        kind = kind_of(compression_type)
        if isinstance(filenames, Own):
            paths: Any = filenames
        else:
            several = filenames if isinstance(filenames, (list, tuple)) else np.ravel(array_of(filenames)).tolist()
            paths = [path_of(one) for one in several]

        def keys() -> Iterator[Any]:
            for path in paths:
                for record in records(path_of(path), kind):
                    yield np.array(record, object)

        super().__init__(keys, same, stack, None)
