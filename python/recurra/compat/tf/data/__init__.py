"""``tf.data``: pipelines whose elements are tensors."""

from __future__ import annotations

from recurra.compat.tf.data import experimental
from recurra.compat.tf.data.dataset import (
    AUTOTUNE,
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Dataset,
    Options,
    TextLineDataset,
    TFRecordDataset,
)

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "Options", "TFRecordDataset",
    "TextLineDataset", "experimental",
]  # fmt: skip
