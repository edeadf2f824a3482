"""``train.latest_checkpoint``, under the name that it has in TensorFlow."""

from __future__ import annotations

from recurra.saving.checkpoints import latest_checkpoint

__all__ = ["latest_checkpoint"]
