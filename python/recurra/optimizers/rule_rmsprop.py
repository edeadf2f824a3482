"""RMSprop: steps scaled by a fading mean of squared gradients. Letters as in ``rule_adam.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, RowSparse
from recurra.optimizers.base import Optimizer
from recurra.optimizers.batch import Batch, rows_of


class RMSprop(Optimizer):
    """``v = rho v + (1 - rho) g**2; w -= lr g / sqrt(v + epsilon)``.

    learning_rate : lr, a number, a schedule or a function of the step
    centered : the variance ``v - a**2`` stands in for v, ``a = rho a + (1 - rho) g``
    momentum : ``m = momentum m + lr g / sqrt(...); w -= m``

    Without momentum and centering, a sparse gradient touches only its rows of the table and of v; the decay that the
    others missed is made up when they are next used.
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        self._last: dict[int, Array] = {}

    def slots(self) -> list[tuple[str, ...]]:
        groups: list[tuple[str, ...]] = [("velocity",)]
        if self.momentum > 0:
            groups.append(("momentum",))
        if self.centered:
            groups.append(("average_gradient",))
        return groups

    def update(self, batch: Batch) -> None:
        for index in batch.indices:
            if index in self._last:
                self._catch_up(index)
        core.rmsprop_update(
            batch.params, batch.grads, self.slot("velocity", batch.indices),
            self.slot("momentum", batch.indices) if self.momentum > 0 else None,
            self.slot("average_gradient", batch.indices) if self.centered else None,
            batch.lr, self.rho, self.momentum, self.epsilon, batch.weight_decay, batch.scale, batch.clip,
        )  # fmt: skip

    def takes_rows(self, weight_decay: float) -> bool:
        return not self.momentum and not self.centered and not weight_decay

    def update_rows(self, index: int, grad: RowSparse, lr: float, scale: float, clip: float) -> None:
        table, velocity = self._trained[index].value, self._slots["velocity"][index].value
        last = self._last.get(index)
        if last is None:
            last = self._last[index] = np.full(len(table), self._step, np.int64)
        core.rmsprop_update_rows(
            table, grad.ids, rows_of(grad, table), velocity, last, self._step + 1,
            lr, self.rho, self.epsilon, scale, clip,
        )  # fmt: skip

    def _catch_up(self, index: int) -> None:
        missed = self._step - self._last.pop(index)
        velocity = self._slots["velocity"][index].value
        velocity *= (float(self.rho) ** missed).astype(velocity.dtype)[:, None]

    def settle(self) -> None:
        for index in list(self._last):
            self._catch_up(index)

    def state_dict(self) -> dict[str, Any]:
        """Also the step at which each row of a table was last used."""
        return {**super().state_dict(), "last": {index: last.copy() for index, last in self._last.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._last = {int(index): np.array(last, np.int64) for index, last in state["last"].items()}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
