"""What the tests of recorded steps share."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.training.replay.recording import Recording


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that were replayed."""
    sizes: list[int] = []
    train = Recording.train

    def counted(self: Recording, stepper: Any, x: Any, y: Any, weight: Any, size: int) -> float:
        sizes.append(size)
        return train(self, stepper, x, y, weight, size)

    monkeypatch.setattr(Recording, "train", counted)
    return sizes
