"""Batches by number: :class:`PyDataset`, which Keras 2 calls ``Sequence``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class PyDataset:
    """Base of data sets that make batch number i on request.

    A subclass defines ``__len__`` (the number of batches) and ``__getitem__(i)``, which returns inputs, (inputs,
    targets) or (inputs, targets, sample weights); it may define `on_epoch_begin` and `on_epoch_end`. ``fit`` and the
    other loops of a model take it in place of arrays.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.arange(4.0) + 4 * index
    ...         return x, x**2
    >>> x, y = Squares()[2]
    >>> y
    array([ 64.,  81., 100., 121.])
    """

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} must define __len__, the number of batches")

    def __getitem__(self, index: int) -> Any:
        raise TypeError(f"{type(self).__name__} must define __getitem__, which returns batch number `index`")

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch, to shuffle, say."""

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))
