"""Dynamic loss scaling around another optimizer: :class:`LossScaleOptimizer`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recurra.autograd import RowSparse, Variable, value_of
from recurra.optimizers.base import Optimizer
from recurra.typing import OptimizerLike


class LossScaleOptimizer(Optimizer):
    """An optimizer whose losses are multiplied by a scale, and whose gradients are divided by it, as Keras 3's.

    A step whose gradients are not all finite changes no weight and halves the scale; `dynamic_growth_steps` others in a
    row double it. What is computed in float32 needs no such scale: it is for programs that were written with one. In a
    loop of one's own, take the gradients of ``optimizer.scale_loss(loss)``: :meth:`apply` divides them.

    inner_optimizer : an Optimizer, its name or configuration; all settings are its own
    initial_scale : the first scale
    """

    inner_optimizer: Optimizer
    _divided = False

    def __init__(
        self,
        inner_optimizer: OptimizerLike,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        dynamic: bool = True,
    ) -> None:
        from recurra.optimizers.names import get

        if not dynamic:
            raise ValueError("dynamic must be True: for a fixed scale give an optimizer loss_scale_factor=")
        if not initial_scale > 0:
            raise ValueError(f"initial_scale must be a number > 0, got {initial_scale!r}")
        if not dynamic_growth_steps >= 1:
            raise ValueError(f"dynamic_growth_steps must be an int >= 1, got {dynamic_growth_steps!r}")
        self.inner_optimizer = get(inner_optimizer)
        super().__init__(0.0, name=name)
        self.inner_optimizer.loss_scale_factor = None  # else gradients would be divided twice
        self.use_ema = self.inner_optimizer.use_ema
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        self.step_counter = Variable(0, dtype=np.int32, name="step_counter", trainable=False)
        self.dynamic_scale = Variable(initial_scale, dtype=np.float32, name="dynamic_scale", trainable=False)

    @property
    def loss_scale_factor(self) -> float | None:
        """The scale of the next step."""
        return float(self.dynamic_scale.value)

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        if value is not None:
            raise ValueError(f"loss_scale_factor is found by {type(self).__name__} itself, got {value!r}")

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    lr = learning_rate

    @property
    def iterations(self) -> Variable | int:
        """How many updates the inner optimizer made."""
        return self.inner_optimizer.iterations

    def build(self, variables: Iterable[Variable]) -> None:
        self.inner_optimizer.build(variables)
        self._trained, self.built = self.inner_optimizer._trained, True

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        inner = self.inner_optimizer
        if not self.built:
            if trainable_variables is None:
                raise ValueError("trainable_variables must be given, or optimizer.build(variables) called first")
            self.build(trainable_variables)
        count = int(self.step_counter.value) + 1
        scale = float(self.dynamic_scale.value)
        if all(grad is None or _is_finite(grad) for grad in grads):
            inner.loss_scale_factor = None if self._divided else scale
            try:
                inner.apply(grads, trainable_variables)
            finally:
                inner.loss_scale_factor = None
            grown = count == self.dynamic_growth_steps
            count, scale = (0, 2 * scale) if grown else (count, scale)
        else:
            count, scale = 0, scale / 2
        self._divided = False
        self.step_counter.assign(count)
        self.dynamic_scale.assign(scale)

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale."""
        return loss * self.loss_scale_factor

    get_scaled_loss = scale_loss

    def get_unscaled_gradients(self, grads: Sequence[Any]) -> list[Any]:
        """Keras 2's: the gradients divided by the scale. The next :meth:`apply` does not divide them again."""
        scale, self._divided = self.loss_scale_factor, True
        return [None if grad is None else _divided(grad, scale) for grad in grads]

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def swap_averages(self) -> None:
        self.inner_optimizer.swap_averages()

    # --- state and configuration --------------------------------------------------------------------------------

    @property
    def _own(self) -> list[Variable]:
        return [self._iterations, self._learning_rate, self.step_counter, self.dynamic_scale]

    @property
    def variables(self) -> list[Variable]:
        """All state in Keras's order: that of the scale, then the inner optimizer's."""
        return [*self._own, *self.inner_optimizer.variables]

    def state_dict(self) -> dict[str, Any]:
        return {"own": [variable.numpy() for variable in self._own], "inner": self.inner_optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for variable, value in zip(self._own, state["own"], strict=True):
            variable.assign(value)
        self.inner_optimizer.load_state_dict(state["inner"])

    def get_config(self) -> dict[str, Any]:
        from recurra.optimizers.names import serialize

        return {
            "name": self.name,
            "inner_optimizer": serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
        from recurra.optimizers.names import deserialize

        return cls(**{**config, "inner_optimizer": deserialize(config["inner_optimizer"], custom_objects)})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} inner_optimizer={self.inner_optimizer!r}>"


def _is_finite(grad: Any) -> bool:
    values = grad.rows if isinstance(grad, RowSparse) else value_of(grad)
    return bool(np.isfinite(values).all())


def _divided(grad: Any, scale: Any) -> Any:
    return RowSparse(grad.ids, grad.rows / scale, grad.shape) if isinstance(grad, RowSparse) else grad / scale
