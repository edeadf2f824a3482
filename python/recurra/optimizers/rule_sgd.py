"""Gradient descent, with or without momentum. Letters as in ``rule_adam.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recurra._core.select import core
from recurra.autograd import RowSparse
from recurra.optimizers.base import Optimizer
from recurra.optimizers.batch import Batch, rows_of


class SGD(Optimizer):
    """``w -= lr g``; with momentum ``m = momentum m - lr g; w += m``; nesterov ``w += momentum m - lr g``.

    learning_rate : lr, a number, a schedule or a function of the step
    momentum : in [0, 1]
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if isinstance(momentum, str) or not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be in [0, 1], got {momentum!r}")
        self.momentum, self.nesterov = float(momentum), nesterov

    def slots(self) -> list[tuple[str, ...]]:
        return [("momentum",)] if self.momentum else []

    def update(self, batch: Batch) -> None:
        core.sgd_update(
            batch.params, batch.grads, self.slot("momentum", batch.indices) if self.momentum else None,
            batch.lr, self.momentum, self.nesterov, batch.weight_decay, batch.scale, batch.clip,
        )  # fmt: skip

    def takes_rows(self, weight_decay: float) -> bool:
        return not self.momentum and not weight_decay

    def update_rows(self, index: int, grad: RowSparse, lr: float, scale: float, clip: float) -> None:
        table = self._trained[index].value
        core.sgd_update_rows(table, grad.ids, rows_of(grad, table), lr, scale, clip)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
