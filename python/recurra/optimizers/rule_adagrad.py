"""Adagrad and Adadelta: steps scaled by what each weight's gradients add up to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import RowSparse
from recurra.optimizers.base import Optimizer
from recurra.optimizers.batch import Batch, prepared, rows_of


class Adagrad(Optimizer):
    """``acc += g**2; w -= lr g / sqrt(acc + epsilon)`` for the gradient g.

    learning_rate : lr, a number, a schedule or a function of the step
    initial_accumulator_value : what acc starts from
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def slots(self) -> list[tuple[str, ...]]:
        return [("accumulator",)]

    def slot_value(self, slot: str) -> float:
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def update(self, batch: Batch) -> None:
        for (_, w, g), acc in zip(prepared(batch), self.slot("accumulator", batch.indices), strict=True):
            acc += g * g
            w -= batch.lr * g / np.sqrt(acc + self.epsilon)

    def takes_rows(self, weight_decay: float) -> bool:
        return not weight_decay

    def update_rows(self, index: int, grad: RowSparse, lr: float, scale: float, clip: float) -> None:
        table, acc = self._trained[index].value, self._slots["accumulator"][index].value
        core.adagrad_update_rows(table, grad.ids, rows_of(grad, table), acc, lr, self.epsilon, scale, clip)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


class Adadelta(Optimizer):
    """``a = rho a + (1 - rho) g**2; d = -sqrt(b + epsilon) / sqrt(a + epsilon) g; b = rho b + (1 - rho) d**2``.

    Then ``w += lr d``, for the gradient g.

    learning_rate : lr, a number, a schedule or a function of the step
    """

    def __init__(
        self, learning_rate: float | Callable[..., Any] = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho, self.epsilon = rho, epsilon

    def slots(self) -> list[tuple[str, ...]]:
        return [("accumulated_grad", "accumulated_delta_var")]

    def update(self, batch: Batch) -> None:
        grads, deltas = (self.slot(name, batch.indices) for name in ("accumulated_grad", "accumulated_delta_var"))
        for (_, w, g), a, b in zip(prepared(batch), grads, deltas, strict=True):
            a *= self.rho
            a += (1 - self.rho) * g * g
            step = np.sqrt((b + self.epsilon) / (a + self.epsilon)) * g
            b *= self.rho
            b += (1 - self.rho) * step * step
            w -= batch.lr * step

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
