"""A layer that adds what comes in to the loss of the model, and a warning where a file cannot hold such losses."""

from __future__ import annotations

import warnings
from typing import Any

from recurra.layers.base.layer import Layer
from recurra.registry import is_builtin


class AddLoss(Layer):
    """Adds its input, one number or several whose sum counts, to the loss, and hands it on.

    What ``Model.add_loss`` puts into a functional model's graph, as in Keras 2.

    unconditional : Keras 2's mark of losses that no input decides; False alone is known here
    """

    def __init__(self, unconditional: bool = False, **kwargs: Any) -> None:
        if unconditional:
            raise ValueError(f"unconditional must be False, got {unconditional!r}")
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        self.add_loss(inputs)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def _warn_mask_lost(self) -> None:
        """Nothing: a loss has no steps."""


def warn_lost_losses(model: Layer, place: str) -> None:
    """Warn of losses given to ``Model.add_loss`` that a configuration cannot hold.

    place : what will lack them, "the file" for instance
    """
    for layer in model._flatten_layers():
        added = is_builtin(type(layer)) and layer._callable_losses  # others may add them again
        if added or getattr(layer, "_ends", None):
            what = "functions" if added else "tensors, in a Sequential model,"
            warnings.warn(
                f"{layer.name}: {what} given to add_loss are not part of the configuration: {place} lacks them. Call "
                "add_loss again, or write a layer that adds the loss in its call",
                stacklevel=4,
            )
