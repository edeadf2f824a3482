"""Windows of a time series as a Dataset: :func:`timeseries_dataset_from_array`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.data import Dataset, sliding_windows
from recurra.typing import Array


def timeseries_dataset_from_array(
    data: Sequence[Any] | Array,
    targets: Sequence[Any] | Array | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> Dataset:
    """Batches of windows of a series, each with the target of the row at which it starts.

    data : (N, ...) points in time
    targets : (M, ...), or None for windows alone; ``targets[i]`` goes with the window that starts at ``data[i]``, so
        a forecast passes ``data[:-delay]`` and ``series[delay:]``
    sequence_length : points in a window
    sequence_stride : distance between the starts of two windows
    sampling_rate : every how many points one is taken
    batch_size : windows in a batch (the last may hold fewer); None for single windows
    shuffle : a new order at every pass; `seed` makes it repeatable
    start_index, end_index : the rows from the first up to, not with, the second are used, of data and targets alike

    Windows are views until a batch is put together.

    returns : a Dataset of (samples : (B, sequence_length, ...), targets : (B, ...)), or of samples
    raises : ValueError for arguments out of range, or if not one window fits

    >>> import numpy as np
    >>> windows = timeseries_dataset_from_array(np.arange(7), np.arange(7) * 10, sequence_length=3, batch_size=2)
    >>> next(iter(windows))
    (array([[0, 1, 2],
           [1, 2, 3]]), array([ 0, 10]))
    """
    series = np.asarray(data)
    for name, value in (
        ("sequence_length", sequence_length),
        ("sequence_stride", sequence_stride),
        ("sampling_rate", sampling_rate),
        ("batch_size", 1 if batch_size is None else batch_size),
    ):
        if not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    start, end = (0 if start_index is None else start_index), (len(series) if end_index is None else end_index)
    if not 0 <= start < len(series):
        raise ValueError(f"start_index must be in [0, {len(series)}) (rows of data), got {start}")
    if not start < end:
        raise ValueError(f"end_index must be above start_index = {start}, got {end}")
    rows = series[start:end]
    span = (sequence_length - 1) * sampling_rate + 1
    count = len(rows) - span + 1
    if targets is not None:
        wanted = np.asarray(targets)[start:end]
        count = min(count, len(wanted))
    if count < 1:
        raise ValueError(f"no window of {span} rows (sequence_length and sampling_rate) fits in rows {start} to {end}")
    windows = sliding_windows(rows, span)[:count:sequence_stride, ::sampling_rate]
    dataset = Dataset.from_tensor_slices(windows if targets is None else (windows, wanted[:count:sequence_stride]))
    if shuffle:
        dataset = dataset.shuffle(len(windows), seed=seed)
    return dataset if batch_size is None else dataset.batch(batch_size)
