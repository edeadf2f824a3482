"""What an optimizer keeps for each variable: its slots, their way into files, the moving average of the weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from recurra._core.memory import taking
from recurra.autograd import Array, Variable

_VALUE = attrgetter("value")
_ADVICE = "train a smaller model, or with an optimizer that keeps less for each weight (SGD keeps nothing)"


class OptimizerState:
    """The slots (moments, accumulators) of the trained variables. Part of :class:`recurra.optimizers.Optimizer`."""

    name: str
    built: bool
    use_ema: bool
    gradient_accumulation_steps: int | None
    ema_momentum: float
    ema_overwrite_frequency: int | None
    _step: Any
    _iterations: Variable
    _learning_rate: Any
    _trained: list[Variable]
    _index: dict[int, int]
    _slots: dict[str, list[Variable]]
    _extra: list[Variable]
    _ordered: list[Variable]

    def slots(self) -> list[tuple[str, ...]]:
        """The names of the state kept for each variable, in groups that are stored side by side."""
        return []

    def slot_value(self, slot: str) -> float:
        """What a new state starts from."""
        return 0.0

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the state for `variables`. Called by the first update.

        An optimizer that was built before takes variables of another model in beside those it has, as Keras 2's do:
        each variable has its own moments, the count of steps is shared. Where it knows some of them, nothing happens.
        """
        new = list(variables)
        if self.built and (not new or any(id(v) in self._index for v in new)):
            return
        trained = [*self._trained, *new]
        index = {**self._index, **{id(v): i for i, v in enumerate(new, len(self._trained))}}
        groups: list[tuple[str, ...]] = [("average",)] if self.use_ema else []
        if self.gradient_accumulation_steps:
            groups.append(("gradient_accumulator",))
        groups += self.slots()
        slots = {slot: list(self._slots.get(slot, ())) for group in groups for slot in group}
        ordered = list(self._ordered)
        for group in groups:
            for variable in new:
                for slot in group:
                    name = f"{variable.path.replace('/', '_')}_{slot}"
                    with taking(f"{slot} of {variable.path!r}", variable.shape, variable.dtype, _ADVICE):
                        start = np.full(variable.shape, self.slot_value(slot), variable.dtype)
                        state = Variable(start, name=name, trainable=False)
                    slots[slot].append(state)
                    ordered.append(state)
        # what fails before leaves the optimizer as it was
        self._trained, self._index, self._slots, self._ordered = trained, index, slots, ordered
        self.built = True

    def slot(self, name: str, indices: Sequence[int]) -> list[Array]:
        """The arrays of state `name` of the variables with these indices."""
        return list(map(_VALUE, map(self._slots[name].__getitem__, indices)))

    @property
    def variables(self) -> list[Variable]:
        """All state in Keras's order: iterations, learning rate, then that of the trained variables."""
        self.settle()
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self._iterations, *rate, *self._ordered, *self._extra]

    def settle(self) -> None:
        """Bring state that is updated lazily up to date."""

    def state_dict(self) -> dict[str, Any]:
        """All state as it is, bit for bit, state that is updated lazily included: what exact resumption needs."""
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        kept = [self._iterations, *rate, *self._ordered, *self._extra]
        return {"variables": [variable.numpy() for variable in kept]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to what :meth:`state_dict` returned. The optimizer must have been built on the same variables."""
        self.set_weights(state["variables"])

    def get_weights(self) -> list[Array]:
        """Copies of :attr:`variables`."""
        return [variable.numpy() for variable in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set :attr:`variables` from arrays of the same shapes."""
        own = self.variables
        if len(weights) != len(own):
            raise ValueError(f"weights must hold {len(own)} arrays for {type(self).__name__}, got {len(weights)}")
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Write :attr:`variables` into `store` under "0", "1", ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read what :meth:`save_own_variables` wrote. The optimizer must have been built on its variables."""
        own = self.variables
        if len(store.keys()) != len(own):
            warnings.warn(
                f"optimizer {self.name!r}: its saved state was not loaded, because the file holds "
                f"{len(store.keys())} arrays and this optimizer has {len(own)}",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(own):
            variable.assign(np.asarray(store[str(i)]))

    # --- moving average -----------------------------------------------------------------------------------------

    def _average(self) -> None:
        step = self._step
        momentum = self.ema_momentum if step else 0.0
        for variable, average in zip(self._trained, self._slots["average"], strict=True):
            average.value *= momentum
            average.value += (1.0 - momentum) * variable.value
        if self.ema_overwrite_frequency and (step + 1) % self.ema_overwrite_frequency == 0:
            self.finalize_variable_values(self._trained)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the moving average in the place of the weights, if there is one."""
        if not self.use_ema or not self.built:
            return
        for variable in var_list:
            index = self._index.get(id(variable))
            if index is not None:
                variable.assign(self._slots["average"][index].value)

    def swap_averages(self) -> None:
        """Exchange the weights and their moving average. Twice changes nothing."""
        if not self.use_ema or not self.built:
            raise ValueError("the optimizer keeps no moving average: make it with use_ema=True and train first")
        for variable, average in zip(self._trained, self._slots["average"], strict=True):
            held = variable.numpy()
            variable.assign(average.value)
            average.assign(held)
