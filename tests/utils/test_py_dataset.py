"""PyDataset."""

from __future__ import annotations

import pytest

import recurra.utils
from recurra.utils import PyDataset


def test_batches_by_number() -> None:
    class Two(PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> int:
            return 10 * index

    data = Two()
    assert data.num_batches == 2 and list(data) == [0, 10]
    data.on_epoch_begin()
    data.on_epoch_end()
    with pytest.raises(TypeError, match="PyDataset must define __len__"):
        len(PyDataset())
    with pytest.raises(TypeError, match="PyDataset must define __getitem__"):
        PyDataset()[0]
    assert recurra.utils.Sequence is PyDataset
