"""Lion: steps of one size, in the direction of a fading mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.optimizers.base import Optimizer
from recurra.optimizers.batch import Batch, prepared


class Lion(Optimizer):
    """``w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g`` for the gradient g (Chen and others, 2023).

    learning_rate : lr, a number, a schedule or a function of the step
    beta_1, beta_2 : b1 in (0, 1], b2
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"beta_1 must be in (0, 1], got {beta_1!r}")
        self.beta_1, self.beta_2 = beta_1, beta_2

    def slots(self) -> list[tuple[str, ...]]:
        return [("momentum",)]

    def update(self, batch: Batch) -> None:
        for (_, w, g), m in zip(prepared(batch), self.slot("momentum", batch.indices), strict=True):
            w -= w.dtype.type(batch.lr) * np.sign(m * self.beta_1 + g * (1 - self.beta_1))
            m *= self.beta_2
            m += g * (1 - self.beta_2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
