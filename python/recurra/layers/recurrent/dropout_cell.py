"""Dropout masks of cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.random import SeedGenerator, dropout_multiplier


class DropoutRNNCell:
    """Dropout masks that stay the same over the steps of a sequence, for cells of one's own.

    A cell that inherits it sets `dropout`, `recurrent_dropout` and `seed_generator` (and `dropout_mask_count` where
    each gate has a mask of its own), multiplies with what the ``get_`` methods return, and is used in an ``RNN``
    layer, which resets the masks after each sequence. Called step by step, the cell keeps its masks until
    :meth:`reset_dropout_mask` and :meth:`reset_recurrent_dropout_mask` are called.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: SeedGenerator
    dropout_mask_count: int | None = None
    _dropout_mask: Array | None = None
    _recurrent_dropout_mask: Array | None = None

    def get_dropout_mask(self, step_input: Any) -> Array | None:
        """What to multiply the input with: (B, I), or (count, B, I); None where `dropout` is 0."""
        if self.dropout > 0:
            self._dropout_mask = self._kept(self._dropout_mask, step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Array | None:
        """What to multiply the state with: (B, H), or (count, B, H); None where `recurrent_dropout` is 0."""
        if self.recurrent_dropout > 0:
            self._recurrent_dropout_mask = self._kept(self._recurrent_dropout_mask, step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def _kept(self, mask: Array | None, like: Any, rate: float) -> Array:
        shape = tuple(like.shape)
        if mask is not None and mask.shape[-len(shape) :] == shape:
            return mask
        if self.dropout_mask_count is None:
            return dropout_multiplier(shape, rate, like.dtype, self.seed_generator)
        return np.stack(
            [dropout_multiplier(shape, rate, like.dtype, self.seed_generator) for _ in range(self.dropout_mask_count)]
        )

    def reset_dropout_mask(self) -> None:
        """Draw a new input mask at the next step."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Draw a new state mask at the next step."""
        self._recurrent_dropout_mask = None
