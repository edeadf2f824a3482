"""Calls that older versions had, each in terms of the one that took its place."""

from __future__ import annotations

from recurra.data import Dataset


def cardinality(dataset: Dataset) -> int:
    """``dataset.cardinality()``."""
    return dataset.cardinality()
