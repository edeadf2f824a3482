"""The update in which nothing but the optimizer's rule acts, prepared once for a list of variables."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from recurra.autograd import Variable
from recurra.optimizers.batch import Batch

# read in loops that run in C
_VALUE, _CONSTRAINT, _SHAPE, _DTYPE = map(attrgetter, ("value", "constraint", "shape", "dtype"))
_CONTIGUOUS = attrgetter("flags.c_contiguous")
_ARRAYS = {ndarray}
_set_version = Variable.__dict__["version"].__set__  # past Variable.__setattr__, which has nothing to do for it


class Plan(NamedTuple):
    """A list of variables of one dtype that the optimizer was built on, and their numbers."""

    variables: list[Variable]
    indices: list[int]
    dtypes: set[np.dtype[Any]]
    scale: list[float]


class PlainUpdate:
    """Part of :class:`recurra.optimizers.Optimizer`."""

    _index: dict[int, int]
    _plan: Plan | None = None

    def _asks_for_more(self) -> bool:
        """Whether more than the rule acts: decay, norms, averages, accumulation or a loss scale."""
        return bool(
            self.weight_decay  # type: ignore[attr-defined]
            or self.clipnorm  # type: ignore[attr-defined]
            or self.global_clipnorm  # type: ignore[attr-defined]
            or self.use_ema  # type: ignore[attr-defined]
            or self.gradient_accumulation_steps  # type: ignore[attr-defined]
            or self.loss_scale_factor  # type: ignore[attr-defined]
        )

    def _apply_plainly(self, grads: Sequence[Any], variables: list[Variable]) -> bool:
        """One update; False, and nothing is done, unless the rule is all and the gradients are plain arrays.

        grads : as many as there are variables
        """
        if self._asks_for_more():
            return False
        plan = self._plan
        if plan is None or plan.variables != variables:
            plan = self._plan = self._plan_for(variables)
            if plan is None:
                return False
        arrays = list(map(_VALUE, variables))
        if set(map(type, grads)) != _ARRAYS or list(map(_SHAPE, grads)) != list(map(_SHAPE, arrays)):
            return False
        if set(map(_DTYPE, [*grads, *arrays])) != plan.dtypes or not all(map(_CONTIGUOUS, grads)):
            return False
        if list(map(_CONSTRAINT, variables)).count(None) != len(variables):
            return False
        rate = self._current_rate()  # type: ignore[attr-defined]
        self.begin_step(rate)  # type: ignore[attr-defined]
        clip = float(self.clipvalue or 0.0)  # type: ignore[attr-defined]
        try:
            self.update(Batch(plan.indices, arrays, list(grads), rate, 0.0, plan.scale, clip))  # type: ignore[attr-defined]
        finally:  # an update that is broken off has changed weights too
            for variable in variables:
                _set_version(variable, variable.version + 1)
        iterations: Variable = self._iterations  # type: ignore[attr-defined]
        iterations.value[...] += 1
        _set_version(iterations, iterations.version + 1)
        return True

    def _plan_for(self, variables: list[Variable]) -> Plan | None:
        indices = [self._index.get(id(variable)) for variable in variables]
        kinds = {variable.dtype for variable in variables}
        known = [index for index in indices if index is not None]
        if len(kinds) != 1 or len(known) < len(indices) or len(set(known)) < len(known):
            return None
        return Plan(list(variables), known, kinds, [1.0] * len(known))
