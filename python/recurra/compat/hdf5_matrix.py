"""Keras 2's ``HDF5Matrix``: rows of an array in an HDF5 file, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["HDF5Matrix"]


class HDF5Matrix:
    """The rows `start` to `end` of an array in a file.

    datapath : the HDF5 file;  dataset : the name of the array in it
    start, end : the first row, and the one after the last
    normalizer : a function of the rows that were read

    Indexing reads the rows that it names; ``np.asarray`` and `fit` read all of them.
    """

    def __init__(
        self,
        datapath: Any,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[Any], Any] | None = None,
    ) -> None:
        import h5py

        self._file = h5py.File(datapath, "r")
        if dataset not in self._file:
            raise KeyError(f"{datapath} has no array {dataset!r}; it has {', '.join(sorted(self._file)) or 'none'}")
        self.data = self._file[dataset]
        rows = self.data.shape[0]
        self.start = int(start)
        self.end = rows if end is None else int(end)
        if not 0 <= self.start <= self.end <= rows:
            raise ValueError(f"start and end must be within the {rows} rows of {dataset!r}, got {start} and {end}")
        self.normalizer = normalizer

    def __len__(self) -> int:
        return self.end - self.start

    def _row(self, index: int) -> int:
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return self.start + row

    def __getitem__(self, key: Any) -> Any:
        """The rows of a number, a slice, or an array of numbers or of booleans."""
        if isinstance(key, (int, np.integer)):
            found = self.data[self._row(int(key))]
        elif isinstance(key, slice):
            first, last, step = key.indices(len(self))
            found = (
                self.data[self.start + first : self.start + last : step]
                if step > 0
                else self.data[self.start : self.end][key]
            )
        else:
            wanted = np.asarray(key)
            if wanted.dtype == bool:
                if wanted.shape != (len(self),):
                    raise IndexError(f"a mask must have shape ({len(self)},), got {wanted.shape}")
                wanted = np.flatnonzero(wanted)
            rows, places = np.unique([self._row(int(one)) for one in wanted.ravel()], return_inverse=True)
            found = self.data[rows.tolist()][places] if len(rows) else self.data[:0]  # h5py wants rising numbers
        return found if self.normalizer is None else self.normalizer(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        found = np.asarray(self[:])
        return found if dtype is None else found.astype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the rows, and of a row as it is after the normalizer."""
        if self.normalizer is None or not len(self):
            return (len(self), *self.data.shape[1:])
        return (len(self), *np.shape(self[0:1])[1:])

    @property
    def dtype(self) -> Any:
        """After the normalizer."""
        return self.data.dtype if self.normalizer is None or not len(self) else np.asarray(self[0:1]).dtype

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers."""
        return int(np.prod(self.shape))
