"""``tf.data.experimental``: older places of the verbs of Dataset."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from recurra.compat.tf.data.csv_datasets import CsvDataset, make_csv_dataset
from recurra.compat.tf.data.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "AutoShardPolicy",
    "CsvDataset",
    "bucket_by_sequence_length",
    "cardinality",
    "dense_to_ragged_batch",
    "group_by_window",
    "make_csv_dataset",
    "prefetch_to_device",
    "unbatch",
]  # fmt: skip


class AutoShardPolicy(enum.IntEnum):
    """How a dataset is divided among machines: an option that changes nothing on one."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2
    HINT = 3


def cardinality(dataset: Dataset) -> Any:
    """``dataset.cardinality()``."""
    return dataset.cardinality()


def bucket_by_sequence_length(
    element_length_func: Callable[..., Any], bucket_boundaries: Any, bucket_batch_sizes: Any, **options: Any
) -> Callable[[Dataset], Dataset]:
    """For ``dataset.apply``: ``Dataset.bucket_by_sequence_length``."""
    return lambda dataset: dataset.bucket_by_sequence_length(
        element_length_func, bucket_boundaries, bucket_batch_sizes, **options
    )


def group_by_window(key_func: Callable[..., Any], reduce_func: Any, **options: Any) -> Callable[[Dataset], Dataset]:
    """For ``dataset.apply``: ``Dataset.group_by_window``."""
    return lambda dataset: dataset.group_by_window(key_func, reduce_func, **options)


def dense_to_ragged_batch(
    batch_size: Any, drop_remainder: bool = False, row_splits_dtype: Any = None
) -> Callable[[Dataset], Dataset]:
    """For ``dataset.apply``: ``Dataset.ragged_batch``."""
    return lambda dataset: dataset.ragged_batch(batch_size, drop_remainder)


def unbatch() -> Callable[[Dataset], Dataset]:
    """For ``dataset.apply``: ``Dataset.unbatch``."""
    return lambda dataset: dataset.unbatch()


def prefetch_to_device(device: str, buffer_size: Any = None) -> Callable[[Dataset], Dataset]:
    """For ``dataset.apply``: the dataset itself; there is one device."""
    return lambda dataset: dataset
