"""Windows of a time series as batches: :class:`TimeseriesGenerator`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.utils.py_dataset import PyDataset

Array = NDArray[Any]


class TimeseriesGenerator(PyDataset):
    """Batches of (past `length` points, target) from a series.

    data : (N, ...) list or array of points in time
    targets : N targets; the one at row i goes with ``data[i - length : i : sampling_rate]``
    length : points in time that a sample reaches back
    sampling_rate : every how many points one is taken
    stride : distance between two samples
    start_index, end_index : first and last row of `data` that may be used (both included)
    shuffle : draw the rows of each batch at random, with replacement (numpy's global generator), as Keras does
    reverse : latest point first
    batch_size : samples in a batch (the last may hold fewer)

    Element i is (samples : (B, length / sampling_rate, ...), targets : (B, ...)).

    >>> import numpy as np
    >>> series = np.arange(10)
    >>> batches = TimeseriesGenerator(series, series, length=3, batch_size=4)
    >>> len(batches)
    2
    >>> batches[0]
    (array([[0, 1, 2],
           [1, 2, 3],
           [2, 3, 4],
           [3, 4, 5]]), array([3, 4, 5, 6]))
    """

    def __init__(
        self,
        data: Sequence[Any] | Array,
        targets: Sequence[Any] | Array,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        if len(data) != len(targets):
            raise ValueError(f"targets must have as many rows as data, {len(data)}, got {len(targets)}")
        for name, number in (
            ("length", length),
            ("sampling_rate", sampling_rate),
            ("stride", stride),
            ("batch_size", batch_size),
        ):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        self.data, self.targets = data, targets
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"start_index + length must not be beyond end_index = {self.end_index}, "
                f"got {start_index} + {length}: no row is left to be a target"
            )

    def __len__(self) -> int:
        per_batch = self.batch_size * self.stride
        return (self.end_index - self.start_index + per_batch) // per_batch

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} batches, got number {index}")
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * (index % len(self))
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """The arguments, as in Keras: data and targets as JSON strings, `start_index` already moved by `length`."""
        config: dict[str, Any] = {}
        for name in ("data", "targets"):
            values = getattr(self, name)
            try:
                config[name] = json.dumps(values.tolist() if isinstance(values, np.ndarray) else values)
            except TypeError as error:
                raise TypeError(f"{name} cannot be written as JSON: {error}") from None
        return config | {
            "length": self.length,
            "sampling_rate": self.sampling_rate,
            "stride": self.stride,
            "start_index": self.start_index,
            "end_index": self.end_index,
            "shuffle": self.shuffle,
            "reverse": self.reverse,
            "batch_size": self.batch_size,
        }

    def to_json(self, **kwargs: Any) -> str:
        """`get_config` as a JSON string; keyword arguments go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)
