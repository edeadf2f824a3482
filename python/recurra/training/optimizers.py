"""The update rules. Letters: w weights, g gradient, t the number of the update, from 1. All follow Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, RowSparse, Variable
from recurra.training.naming import lookup, snake_case
from recurra.training.optimizer import Batch, Optimizer, prepared


class SGD(Optimizer):
    """``w -= lr g``; with momentum ``m = momentum m - lr g; w += m``; nesterov ``w += momentum m - lr g``."""

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        if not 0 <= momentum <= 1:
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
        core.sgd_update_rows(table, grad.ids, _rows(grad, table), lr, scale, clip)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class RMSprop(Optimizer):
    """``v = rho v + (1 - rho) g**2; w -= lr g / sqrt(v + epsilon)``.

    centered : the variance ``v - a**2`` stands in for v, ``a = rho a + (1 - rho) g``
    momentum : ``m = momentum m + lr g / sqrt(...); w -= m``

    Without momentum and centering, a sparse gradient touches only its rows of the table and of v; the decay that the
    others missed is made up when they are next used.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
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
            table, grad.ids, _rows(grad, table), velocity, last, self._step + 1,
            lr, self.rho, self.epsilon, scale, clip,
        )  # fmt: skip

    def _catch_up(self, index: int) -> None:
        missed = self._step - self._last.pop(index)
        velocity = self._slots["velocity"][index].value
        velocity *= (float(self.rho) ** missed).astype(velocity.dtype)[:, None]

    def settle(self) -> None:
        for index in list(self._last):
            self._catch_up(index)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }


class Adam(Optimizer):
    """``m += (1 - b1) (g - m); v += (1 - b2) (g**2 - v); w -= a m / (sqrt(v) + epsilon)``.

    ``a = lr sqrt(1 - b2**t) / (1 - b1**t)``. amsgrad: the greatest v so far stands under the root.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
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
            variable.value, grad.ids, _rows(grad, variable.value),
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
    """:class:`Adam` with decoupled weight decay: first ``w -= lr weight_decay w``."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
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
            rows[:1], [_rows(grad, table)], rows[1:2], rows[2:], None,
            lr, self.beta_1, self.beta_2, self.epsilon, self._step + 1, 0.0, [scale], clip,
        )  # fmt: skip
        for x, new in zip((table, m, v), rows, strict=True):
            x[grad.ids] = new


class Adagrad(Optimizer):
    """``acc += g**2; w -= lr g / sqrt(acc + epsilon)``, acc starting from `initial_accumulator_value`."""

    def __init__(
        self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7, **kwargs: Any
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
        core.adagrad_update_rows(table, grad.ids, _rows(grad, table), acc, lr, self.epsilon, scale, clip)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


class Adadelta(Optimizer):
    """``a = rho a + (1 - rho) g**2; d = -sqrt(b + eps) / sqrt(a + eps) g; b = rho b + (1 - rho) d**2; w += lr d``."""

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any) -> None:
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


class _Moments(Optimizer):
    """The arguments that Nadam and Adamax share."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Nadam(_Moments):
    """Adam with Nesterov momentum: with ``u_t = b1 (1 - 0.96**(s t) / 2)`` and ``U`` the product of all u so far,

    ``w -= lr (u_{t+1} m / (1 - U u_{t+1}) + (1 - u_t) g / (1 - U)) / (sqrt(v / (1 - b2**t)) + epsilon)``.

    schedule_decay : s, 1 as in Keras 3; Keras 2 before 2.11 had 0.004, which its files say
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
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
        if not self.built:
            super().build(variables)
            dtype = self._trained[0].dtype if self._trained else None
            self._extra.append(Variable(1.0, dtype=dtype, name="u_product", trainable=False))

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
    """``m += (1 - b1) (g - m); u = max(b2 u, |g|); w -= lr m / ((1 - b1**t) (u + epsilon))``."""

    def slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "norm")]

    def update(self, batch: Batch) -> None:
        rate = batch.lr / (1 - self.beta_1 ** (self._step + 1))
        moments, norms = self.slot("momentum", batch.indices), self.slot("norm", batch.indices)
        for (_, w, g), m, u in zip(prepared(batch), moments, norms, strict=True):
            m += (g - m) * (1 - self.beta_1)
            np.maximum(self.beta_2 * u, np.abs(g), out=u)
            w -= rate * m / (u + self.epsilon)


class Lion(Optimizer):
    """``w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g``."""

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **kwargs: Any) -> None:
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


def _rows(grad: RowSparse, table: Array) -> Array:
    return np.ascontiguousarray(grad.rows, table.dtype)


CLASSES: dict[str, type[Optimizer]] = {
    cls.__name__: cls
    for cls in (SGD, RMSprop, Adam, AdamW, LazyAdam, Adagrad, Adadelta, Nadam, Adamax, Lion)
}  # fmt: skip
NAMES: dict[str, type[Optimizer]] = {
    **CLASSES,
    **{name.lower(): cls for name, cls in CLASSES.items()},
    **{snake_case(name): cls for name, cls in CLASSES.items()},
}
_ELSEWHERE = ("adafactor", "ftrl", "lamb", "muon", "lossscale")


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name ("adam"), class, configuration, or itself.

    raises : ValueError for an unknown name, with the nearest ones
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() in _ELSEWHERE:
            raise ValueError(f"optimizer {identifier!r} is not offered here; there are {', '.join(CLASSES)}")
        found: Any = lookup("optimizer", identifier, NAMES)
        return found() if isinstance(found, type) else found  # type: ignore[no-any-return]
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        made: Any = identifier
        return made()  # type: ignore[no-any-return]
    raise TypeError(f"optimizer must be a name, an Optimizer or its configuration, got {identifier!r}")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """``{"class_name": ..., "config": ...}`` of an optimizer."""
    from recurra.registry import serialize_keras_object

    result: dict[str, Any] = serialize_keras_object(optimizer)
    return result


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that :func:`serialize` (or Keras) described."""
    name = config["class_name"]
    if name.lower() in _ELSEWHERE:
        raise ValueError(f"optimizer {name!r} is not offered here; there are {', '.join(CLASSES)}")
    cls = lookup("optimizer", name, NAMES, custom_objects)
    optimizer: Optimizer = cls.from_config(config["config"])
    return optimizer
