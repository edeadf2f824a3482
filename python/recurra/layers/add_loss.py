"""A layer that adds what comes in to the loss of the model."""

from __future__ import annotations

from typing import Any

from recurra.layers.base.layer import Layer


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
