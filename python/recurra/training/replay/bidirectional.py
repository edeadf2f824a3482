"""The recorded step of a Bidirectional layer: those of its two layers, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, Variable
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.embedding import Embedding
from recurra.training.replay.layers import RecurrentStep, Settings

_OWN = "call", "merge_mode", "forward_layer", "backward_layer", "return_sequences", "return_state"


class BidirectionalStep:
    """A Bidirectional layer that concatenates or adds, and the Embedding in front of it, if its ids go there too."""

    def __init__(self, layer: Bidirectional, embedding: Embedding | None, need_dx: bool) -> None:
        self.layer, self.embedding, self.need_dx = layer, embedding, need_dx
        self.forwards = RecurrentStep(layer.forward_layer, embedding, need_dx)
        self.backwards = RecurrentStep(layer.backward_layer, embedding, need_dx)
        own = len(self.forwards.variables) - sum(v is not None for v in self.forwards.weights)
        self._tables = own  # how many of the variables of either are the table
        self.variables: Sequence[Variable] = [*self.forwards.variables, *self.backwards.variables[own:]]
        self._settings = Settings(layer, *_OWN, "activity_regularizer")
        self._size = layer.forward_layer.output_size

    @staticmethod
    def takes(layer: Any) -> bool:
        """Whether the layer's call is two calls of kernels, whose outputs are merged."""
        return (
            isinstance(layer, Bidirectional)
            and layer.merge_mode in ("concat", "sum")
            and not layer.return_state
            and RecurrentStep.takes(layer.forward_layer)
            and RecurrentStep.takes(layer.backward_layer, go_backwards=True)
            and layer.forward_layer.dtype == layer.backward_layer.dtype == layer.dtype
        )

    def is_current(self) -> bool:
        return self._settings.hold() and self.forwards.is_current() and self.backwards.is_current()

    def forward(self, x: Array, mask: Any) -> tuple[Array, Any]:
        table, embedding = None, self.embedding
        if embedding is not None:
            x, table = embedding.ids_of(x), embedding.embeddings.value
            mask = x != 0 if embedding.mask_zero else None
        joined, sequences, size = self.layer.merge_mode == "concat", self.layer.return_sequences, self._size
        both = place = place_back = None
        if joined and sequences:
            width = size + self.layer.backward_layer.output_size
            both = np.empty((*x.shape[:2], width), self.layer.dtype)
            place, place_back = both[..., :size], both[..., size:]
        y = self.forwards.run(x, table, mask, place)
        y_back = self.backwards.run(x, table, mask, place_back)
        if both is None:
            both = np.concatenate([y, y_back], axis=-1) if joined else y + y_back
        return both, mask if sequences else None

    def backward(self, dy: Array) -> tuple[Array | None, Sequence[Any]]:
        joined, size, own = self.layer.merge_mode == "concat", self._size, self._tables
        dx_back, found_back = self.backwards.backward(dy[..., size:] if joined else dy)
        dx, found = self.forwards.backward(dy[..., :size] if joined else dy)
        if dx is not None and dx_back is not None:
            dx = dx_back + dx
        tables = [a if b is None else b if a is None else b + a for a, b in zip(found[:own], found_back, strict=False)]
        return dx, (*tables, *found[own:], *found_back[own:])
