"""The recorded step of a Bidirectional layer: those of its two layers, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array, Variable
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.embedding import Embedding
from recurra.training.replay.layers import RecurrentStep, Settings, Sums

_OWN = "call", "merge_mode", "forward_layer", "backward_layer", "return_sequences", "return_state"


class BidirectionalStep:
    """A Bidirectional layer that concatenates or adds, and the Embedding in front of it, if its ids go there too."""

    def __init__(self, layer: Bidirectional, embedding: Embedding | None, need_dx: bool) -> None:
        self.layer, self.embedding, self.need_dx = layer, embedding, need_dx
        self.forwards = RecurrentStep(layer.forward_layer, embedding, need_dx)
        self.backwards = RecurrentStep(layer.backward_layer, embedding, need_dx)
        self.variables: Sequence[Variable] = [*self.forwards.variables, *self.backwards.variables]
        self._settings = Settings(layer, *_OWN, "activity_regularizer")
        self._size = layer.forward_layer.output_size

    @staticmethod
    def takes(layer: Any) -> bool:
        """Whether the layer's call is two calls of kernels, whose outputs are merged."""
        return (
            isinstance(layer, Bidirectional)
            and layer.merge_mode in ("concat", "sum")
            and RecurrentStep.takes(layer.forward_layer)
            and RecurrentStep.takes(layer.backward_layer, go_backwards=True)
            and layer.forward_layer.dtype == layer.backward_layer.dtype == layer.dtype
        )

    def is_current(self) -> bool:
        return self._settings.hold() and self.forwards.is_current() and self.backwards.is_current()

    def forward(self, x: Array, mask: Any) -> tuple[Array, Any]:
        y, _, mask = self.run(x, mask)
        return y, mask

    def run(self, x: Array, mask: Any) -> tuple[Array, Sequence[Array], Any]:
        """The outputs, the last states of both layers, and the mask that is handed on."""
        x, table, mask = self.forwards.looked_up(x, mask)
        joined, sequences, size = self.layer.merge_mode == "concat", self.layer.return_sequences, self._size
        both = place = place_back = None
        if joined and sequences:
            width = size + self.layer.backward_layer.output_size
            both = np.empty((*x.shape[:2], width), self.layer.dtype)
            place, place_back = both[..., :size], both[..., size:]
        y, final = self.forwards.run(x, table, mask, place)
        y_back, final_back = self.backwards.run(x, table, mask, place_back)
        if both is None:
            both = np.concatenate([y, y_back], axis=-1) if joined else y + y_back
        return both, (*final, *final_back), mask if sequences else None

    def backward(self, dy: Array, sums: Sums, before: Array | None = None) -> Array | None:
        return self.pull(dy, None, sums, before)

    def pull(self, dy: Any, dstates: Any, sums: Sums, before: Array | None) -> Array | None:
        """As `backward`, with the gradients of the last states of both layers, or None."""
        joined, size = self.layer.merge_mode == "concat" and dy is not None, self._size
        d, d_back = (dy[..., :size], dy[..., size:]) if joined else (dy, dy)
        half = None if dstates is None else len(dstates) // 2
        of_back = None if dstates is None else _given(dstates[half:])
        of_forward = None if dstates is None else _given(dstates[:half])
        if d is not None or of_back is not None:
            before, _ = self.backwards.pull(d_back, of_back, sums, before)
        if d is not None or of_forward is not None:
            before, _ = self.forwards.pull(d, of_forward, sums, before)
        return before


def _given(gradients: Sequence[Any]) -> Any:
    """The gradients of one layer's states; None where no state has one."""
    return None if all(gradient is None for gradient in gradients) else tuple(gradients)
