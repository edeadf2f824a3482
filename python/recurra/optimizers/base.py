"""What all optimizers share: clipping, weight decay, averages of the weights, accumulation, sparse gradients.

One step, in Keras's order: the gradients are unscaled, (accumulated,) clipped; the weights decay; the rule of the
optimizer updates all of them in one call; the moving average follows; constraints are applied.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, RowSparse, Variable, thread_state
from recurra.config import floatx
from recurra.naming import to_snake_case
from recurra.optimizers.batch import Batch, prepared
from recurra.optimizers.plain_update import PlainUpdate
from recurra.optimizers.schedules import LearningRateSchedule, deserialize, serialize
from recurra.optimizers.state import OptimizerState


class Optimizer(PlainUpdate, OptimizerState):
    """Base class. A rule of your own overrides :meth:`update_step` (and `slots`, for state of each variable's shape).

    learning_rate : a float, a schedule, or a function (of the step index, or of nothing)
    weight_decay : None, or a factor: the weights shrink by ``lr * weight_decay`` of themselves at each step
    clipnorm : each gradient is scaled down to this L2 norm
    clipvalue : each gradient's entries are clamped to ``[-clipvalue, clipvalue]``
    global_clipnorm : all gradients are scaled down together to this L2 norm; not beside one of the other two. Of
        those, as in Keras 2, the norm comes first
    use_ema : keep a moving average ``a = m a + (1 - m) w`` of the weights, m = `ema_momentum`, and put it in their
        place every `ema_overwrite_frequency` steps and when ``fit`` ends
    loss_scale_factor : the loss is multiplied by it and the gradients are divided by it
    gradient_accumulation_steps : update once in so many steps, with the mean of their gradients
    name : defaults to the class's name
    lr, decay : Keras 2's names: the learning rate, and ``lr / (1 + decay * step)``
    """

    _keras_module = "keras.optimizers"

    def __init__(
        self,
        learning_rate: float | Callable[..., Any],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        *,
        lr: float | None = None,
        decay: float | None = None,
        jit_compile: bool = True,
    ) -> None:
        del jit_compile  # Keras 2 files carry it; nothing is compiled here
        self.name = name or to_snake_case(type(self).__name__)
        given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if global_clipnorm is not None and sum(value is not None for value in given.values()) > 1:
            raise ValueError(f"global_clipnorm may not be set beside clipnorm or clipvalue, got {given}")
        for key, value in given.items():
            if isinstance(value, str) or (value is not None and not value > 0):
                raise ValueError(f"{key} must be a number > 0 or None, got {value!r}")
        if gradient_accumulation_steps is not None and not gradient_accumulation_steps >= 2:
            raise ValueError(
                f"gradient_accumulation_steps must be an int >= 2 or None, got {gradient_accumulation_steps!r}"
            )
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"ema_momentum must be in [0, 1], got {ema_momentum!r}")
        if ema_overwrite_frequency is not None and (
            not isinstance(ema_overwrite_frequency, int) or ema_overwrite_frequency < 1
        ):
            raise ValueError(f"ema_overwrite_frequency must be an int >= 1 or None, got {ema_overwrite_frequency!r}")
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.decay = float(decay) if decay else 0.0
        self.built = False
        self._iterations = Variable(0, dtype=np.int32, name="iteration", trainable=False)
        self._learning_rate = self._check_rate(learning_rate if lr is None else lr)
        self._trained: list[Variable] = []
        self._index: dict[int, int] = {}
        self._slots: dict[str, list[Variable]] = {}
        self._extra: list[Variable] = []
        self._ordered: list[Variable] = []
        self._excluded: tuple[list[Variable], re.Pattern[str] | None] = ([], None)
        self._warned: set[str] = set()
        self._scratch: dict[int, Array] = {}

    # --- learning rate and step count ---------------------------------------------------------------------------

    def _check_rate(self, rate: Any) -> Any:
        if isinstance(rate, LearningRateSchedule):
            return rate
        if isinstance(rate, Mapping) and "class_name" in rate:
            return deserialize(rate)
        if callable(rate) and not isinstance(rate, Variable):
            takes = [p for p in inspect.signature(rate).parameters.values() if p.default is p.empty]
            return (lambda step: rate()) if not takes else rate
        try:
            number = float(rate)
        except (TypeError, ValueError):
            raise TypeError(
                f"learning_rate must be a float, a schedule or a function of the step, got {rate!r}"
            ) from None
        if not number >= 0:
            raise ValueError(f"learning_rate must be >= 0, got {number}")
        return Variable(number, dtype=floatx(), name="learning_rate", trainable=False)

    @property
    def iterations(self) -> Variable | int:
        """How many updates were made (a Variable, as in Keras; ``int(optimizer.iterations)`` reads it)."""
        if self.gradient_accumulation_steps:
            return int(self._iterations.value) // self.gradient_accumulation_steps
        return self._iterations

    @property
    def _step(self) -> int:
        return int(self._iterations.value) // (self.gradient_accumulation_steps or 1)

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next update: a Variable, or a float where a schedule decides."""
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return float(self._learning_rate(int(self._iterations.value)))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        new = self._check_rate(value)
        if not isinstance(new, Variable):
            self._learning_rate = new
        elif isinstance(self._learning_rate, LearningRateSchedule):
            raise TypeError(
                "learning_rate cannot be set: this optimizer was made with a schedule, which decides it; "
                "make the optimizer with a float to set it later"
            )
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(new.value)
        else:
            self._learning_rate = new

    lr = learning_rate

    def _current_rate(self) -> float:
        rate = float(self.learning_rate)
        return rate / (1.0 + self.decay * int(self._iterations.value)) if self.decay else rate

    # --- weight decay -------------------------------------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """No weight decay for the variables in `var_list`, nor for those whose name holds one of `var_names`."""
        pattern = re.compile("|".join(map(re.escape, var_names))) if var_names else None
        self._excluded = (list(var_list or ()), pattern)

    def _decay_of(self, variable: Variable) -> float:
        if not self.weight_decay:
            return 0.0
        listed, pattern = self._excluded
        free = any(variable is other for other in listed) or (pattern is not None and pattern.search(variable.name))
        return 0.0 if free else float(self.weight_decay)

    # --- one update ---------------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Update variables by ``(gradient, variable)`` pairs."""
        pairs = list(grads_and_vars)
        for pair in pairs:
            if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[1], Variable)):
                kinds = [type(item).__name__ for item in (pair if isinstance(pair, (list, tuple)) else [pair])]
                raise TypeError(
                    "grads_and_vars must hold pairs (gradient, Variable), as zip(gradients, variables) makes them, "
                    f"got ({', '.join(kinds)})"
                )
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update `trainable_variables` (by default those of :meth:`build`) by one gradient each.

        grads : arrays of the variables' shapes, RowSparse, or None for a variable to leave alone
        raises : ValueError if no gradient is given, a shape differs, or a variable is unknown
        """
        variables = self._trained if trainable_variables is None else list(trainable_variables)
        if not self.built:
            if trainable_variables is None:
                raise ValueError("trainable_variables must be given, or optimizer.build(variables) called first")
            self.build(variables)
        if len(grads) != len(variables):
            raise ValueError(f"grads must hold one gradient for each of {len(variables)} variables, got {len(grads)}")
        if thread_state.holding:  # a tape that was not asked yet has kept the weights as they are
            for variable in variables:
                variable.writable()
        if not grads or self._apply_plainly(grads, variables):
            return
        indices, kept = self._match(grads, variables)
        try:
            self._update(indices, kept)
            for i in indices:
                variable = self._trained[i]
                if variable.constraint is not None:
                    variable.value[...] = np.asarray(variable.constraint(variable.value))
        finally:  # an update that is broken off has changed weights too
            for i in indices:
                self._trained[i].version += 1
        self._iterations.value += 1

    def _match(self, grads: Sequence[Any], variables: Sequence[Variable]) -> tuple[list[int], list[Any]]:
        """The indices of the variables that have a gradient, and these gradients."""
        if all(grad is None for grad in grads):
            raise ValueError("grads must hold a gradient for at least one variable, got None for each")
        indices: list[int] = []
        kept: list[Any] = []
        for grad, variable in zip(grads, variables, strict=True):
            index = self._index.get(id(variable))
            if index is None:
                raise ValueError(
                    f"variable {variable.name!r} is not one that this optimizer was built on; "
                    "make a new optimizer (compile again) after changing which variables are trained"
                )
            if grad is None:
                if variable.path not in self._warned:
                    self._warned.add(variable.path)
                    text = f"variable {variable.path!r} has no gradient: the loss does not depend on it"
                    warnings.warn(text, stacklevel=4)
                continue
            if tuple(grad.shape) != variable.shape:
                raise ValueError(
                    f"the gradient of {variable.name!r} must have its shape {variable.shape}, got {tuple(grad.shape)}"
                )
            indices.append(index)
            kept.append(grad)
        return indices, kept

    def _update(self, indices: list[int], grads: list[Any]) -> None:
        factor = 1.0 / self.loss_scale_factor if self.loss_scale_factor else 1.0
        steps = self.gradient_accumulation_steps
        ready = True
        if steps:
            totals = self.slot("gradient_accumulator", indices)
            for total, grad in zip(totals, grads, strict=True):
                total += np.asarray(grad) * total.dtype.type(factor)
            grads, factor = totals, 1.0 / steps
            ready = (int(self._iterations.value) + 1) % steps == 0
        if ready:
            self._clip_and_update(indices, grads, factor)
            if steps:
                for total in totals:
                    total[...] = 0
        if self.use_ema:
            self._average()

    def _clip_and_update(self, indices: list[int], grads: list[Any], factor: float) -> None:
        lr = self._current_rate()
        rows: list[tuple[int, RowSparse]] = []
        filled: list[tuple[int, RowSparse]] = []
        dense: list[tuple[int, Array]] = []
        for index, grad in zip(indices, grads, strict=True):
            variable = self._trained[index]
            if not isinstance(grad, RowSparse):
                dense.append((index, np.asarray(grad, variable.dtype, order="C")))
            elif self.takes_rows(self._decay_of(variable)):
                rows.append((index, grad))
            else:
                dense.append((index, self._filled(index, grad)))
                filled.append((index, grad))
        if self.clipnorm or self.global_clipnorm:
            scale = self._scales(dict([(i, g.rows) for i, g in rows] + dense), factor)
        else:
            scale = dict.fromkeys(indices, factor)
        clip = float(self.clipvalue or 0.0)
        self.begin_step(lr)
        for batch in self._batches(dense, lr, scale, clip):
            self.update(batch)
        for index, grad in rows:
            self.update_rows(index, grad, lr, scale[index], clip)
        for index, grad in filled:
            self._scratch[index][grad.ids] = 0

    def _filled(self, index: int, grad: RowSparse) -> Array:
        """A sparse gradient in full, in an array that is kept for it: zero but for these rows."""
        if index not in self._scratch:
            self._scratch[index] = np.zeros(grad.shape, self._trained[index].dtype)
        table = self._scratch[index]
        table[grad.ids] = grad.rows
        return table

    def _scales(self, grads: dict[int, Array], factor: float) -> dict[int, float]:
        """The factor of each gradient: the loss scale's, and that which its norm or the norm of all asks for."""
        if self.clipnorm:
            norms = {i: factor * core.grad_norm([g]) for i, g in grads.items()}
            return {i: factor * self.clipnorm / max(norm, self.clipnorm) for i, norm in norms.items()}
        limit = float(self.global_clipnorm or math.inf)
        by_dtype: dict[Any, list[Array]] = {}
        for grad in grads.values():
            by_dtype.setdefault(grad.dtype, []).append(grad)
        norm = factor * math.sqrt(sum(core.grad_norm(group) ** 2 for group in by_dtype.values()))
        return dict.fromkeys(grads, factor * limit / max(norm, limit) if math.isfinite(norm) else math.nan)

    def _batches(
        self, dense: list[tuple[int, Array]], lr: float, scale: dict[int, float], clip: float
    ) -> Iterable[Batch]:
        groups: dict[tuple[Any, float], list[tuple[int, Array]]] = {}
        for index, grad in dense:
            variable = self._trained[index]
            groups.setdefault((variable.dtype, self._decay_of(variable)), []).append((index, grad))
        for (_, decay), members in groups.items():
            indices = [i for i, _ in members]
            yield Batch(
                indices,
                [self._trained[i].value for i in indices],
                [g for _, g in members],
                lr,
                decay,
                [scale[i] for i in indices],
                clip,
            )

    def begin_step(self, lr: float) -> None:
        """Called once before each update."""

    def update(self, batch: Batch) -> None:
        """Update all of `batch`. The base class prepares each gradient and calls :meth:`update_step`."""
        for index, _, g in prepared(batch):
            self.update_step(g, self._trained[index], batch.lr)

    def update_step(self, gradient: Array, variable: Variable, learning_rate: float) -> None:
        """The rule of one variable: change it through ``variable.assign(...)``. For optimizers of your own."""
        raise NotImplementedError(
            f"{type(self).__name__} must define update_step(self, gradient, variable, learning_rate)"
        )

    def takes_rows(self, weight_decay: float) -> bool:
        """Whether :meth:`update_rows` gives what the dense update would, for a variable that decays like this."""
        return False

    def update_rows(self, index: int, grad: RowSparse, lr: float, scale: float, clip: float) -> None:
        """Update the rows that a sparse gradient names."""
        raise NotImplementedError(f"{type(self).__name__} has no update for single rows")

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss * self.loss_scale_factor if self.loss_scale_factor else loss

    # --- configuration ------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        rate: Any = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = serialize(rate)
        elif isinstance(rate, Variable):
            rate = float(rate)
        else:
            raise ValueError("learning_rate is a plain function, which cannot be saved: use a schedule")
        config = {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
        if self.decay:
            config["decay"] = self.decay
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
        settings = dict(config)
        rate = settings.get("learning_rate")
        if isinstance(rate, Mapping):
            settings["learning_rate"] = deserialize(rate, custom_objects)
        settings.pop("is_legacy_optimizer", None)  # written by Keras 2
        return cls(**settings)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._index = {id(v): i for i, v in enumerate(self._trained)}  # the copies have other identities

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} learning_rate={self._learning_rate!r}>"
