"""Adam and its relatives. Letters: w weights, g gradient, t the number of the update, from 1. All follow Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import RowSparse, Variable
from recurra.optimizers.base import Optimizer
from recurra.optimizers.batch import Batch, prepared, rows_of


def _check_decay(**rates: float) -> None:
    """ValueError unless each decay rate of a moving average lies in [0, 1)."""
    for name, rate in rates.items():
        if isinstance(rate, str) or not 0 <= rate < 1:
            raise ValueError(f"{name} must be in [0, 1), got {rate!r}")


class Adam(Optimizer):
    """``m += (1 - b1) (g - m); v += (1 - b2) (g**2 - v); w -= a m / (sqrt(v) + epsilon)``.

    ``a = lr sqrt(1 - b2**t) / (1 - b1**t)`` for the gradient g of update t, counted from 1 (Kingma and Ba, 2015).

    learning_rate : lr, a number, a schedule or a function of the step
    beta_1, beta_2 : b1, b2, in [0, 1)
    amsgrad : the greatest v so far stands under the root
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        _check_decay(beta_1=beta_1, beta_2=beta_2)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity")] + ([("velocity_hat",)] if self.amsgrad else [])

    def update(self, batch: Batch) -> None:
        core.adam_update(
            batch.params, batch.grads, self.slot("momentum", batch.indices), self.slot("velocity", batch.indices),
            self.slot("velocity_hat", batch.indices) if self.amsgrad else None,
            batch.lr, self.beta_1, self.beta_2, self.epsilon, self._step + 1,
            batch.weight_decay, batch.scale, batch.clip,
        )  # fmt: skip

    def takes_rows(self, weight_decay: float) -> bool:
        return True

    def update_rows(self, index: int, grad: RowSparse, lr: float, scale: float, clip: float) -> None:
        variable = self._trained[index]
        core.adam_update_rows(
            variable.value, grad.ids, rows_of(grad, variable.value),
            self._slots["momentum"][index].value, self._slots["velocity"][index].value,
            self._slots["velocity_hat"][index].value if self.amsgrad else None,
            lr, self.beta_1, self.beta_2, self.epsilon, self._step + 1, self._decay_of(variable), scale, clip,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


class AdamW(Adam):
    """:class:`Adam` with decoupled weight decay: first ``w -= lr weight_decay w``. Other arguments as for Adam."""

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        if weight_decay is None:
            raise ValueError("weight_decay must be a float for AdamW, got None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs)


class LazyAdam(Adam):
    """:class:`Adam` that, for an embedding's sparse gradient, updates only the rows in the batch.

    Not the same as Adam: the moments of the other rows stay as they are instead of fading, and their weights do not
    move. For large vocabularies it is many times faster and usually trains as well. Dense gradients get plain Adam.
    """

    def takes_rows(self, weight_decay: float) -> bool:
        return not self.amsgrad and not weight_decay

    def update_rows(self, index: int, grad: RowSparse, lr: float, scale: float, clip: float) -> None:
        table = self._trained[index].value
        m, v = self._slots["momentum"][index].value, self._slots["velocity"][index].value
        rows = [np.ascontiguousarray(x[grad.ids]) for x in (table, m, v)]
        core.adam_update(
            rows[:1], [rows_of(grad, table)], rows[1:2], rows[2:], None,
            lr, self.beta_1, self.beta_2, self.epsilon, self._step + 1, 0.0, [scale], clip,
        )  # fmt: skip
        for x, new in zip((table, m, v), rows, strict=True):
            x[grad.ids] = new


class _Moments(Optimizer):
    """The arguments that Nadam and Adamax share."""

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        _check_decay(beta_1=beta_1, beta_2=beta_2)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Nadam(_Moments):
    """Adam with Nesterov momentum: with ``u_t = b1 (1 - 0.96**(s t) / 2)`` and ``U`` the product of all u so far,

    ``w -= lr (u_{t+1} m / (1 - U u_{t+1}) + (1 - u_t) g / (1 - U)) / (sqrt(v / (1 - b2**t)) + epsilon)``.

    learning_rate, beta_1, beta_2, epsilon : as for :class:`Adam`
    schedule_decay : s, 1 as in Keras 3; Keras 2 before 2.11 had 0.004, which its files say
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *,
        schedule_decay: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.schedule_decay = float(schedule_decay)

    def slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity")]

    def build(self, variables: Any) -> None:
        variables = list(variables)
        if not self._extra:
            dtype = variables[0].dtype if variables else None
            self._extra.append(Variable(1.0, dtype=dtype, name="u_product", trainable=False))
        super().build(variables)

    def _u(self, step: int) -> float:
        return self.beta_1 * (1.0 - 0.5 * float(0.96 ** (self.schedule_decay * step)))

    def product_after(self, steps: int) -> float:
        """U after so many steps: what files of Keras 2.11 to 2.15 leave out."""
        product = 1.0
        for step in range(1, steps + 1):
            product *= self._u(step)
            if product < 1e-45:  # nothing in float32, and next to nothing beside the 1 that it is taken from
                return 0.0
        return product

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.schedule_decay != 1.0:  # Keras 3 knows no other
            config["schedule_decay"] = self.schedule_decay
        return config

    def begin_step(self, lr: float) -> None:
        self._extra[0].value *= self._u(self._step + 1)

    def update(self, batch: Batch) -> None:
        step = self._step + 1
        now, then, product = self._u(step), self._u(step + 1), float(self._extra[0].value)
        moments, velocities = self.slot("momentum", batch.indices), self.slot("velocity", batch.indices)
        kind = batch.params[0].dtype.type  # 1 - beta is taken in the weights' own precision, as in Keras
        rest_1, rest_2 = kind(1) - kind(self.beta_1), kind(1) - kind(self.beta_2)
        for (_, w, g), m, v in zip(prepared(batch), moments, velocities, strict=True):
            m += (g - m) * rest_1
            v += (g * g - v) * rest_2
            ahead = m * (then / (1 - product * then)) + g * ((1 - now) / (1 - product))
            w -= batch.lr * ahead / (np.sqrt(v / (1 - self.beta_2**step)) + self.epsilon)


class Adamax(_Moments):
    """``m += (1 - b1) (g - m); u = max(b2 u, |g|); w -= lr m / ((1 - b1**t) (u + epsilon))``.

    The arguments are those of :class:`Adam`.
    """

    def slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "norm")]

    def update(self, batch: Batch) -> None:
        rate = batch.lr / (1 - self.beta_1 ** (self._step + 1))
        moments, norms = self.slot("momentum", batch.indices), self.slot("norm", batch.indices)
        for (_, w, g), m, u in zip(prepared(batch), moments, norms, strict=True):
            m += (g - m) * (1 - self.beta_1)
            np.maximum(self.beta_2 * u, np.abs(g), out=u)
            w -= rate * m / (u + self.epsilon)
