"""Recorded steps of recurrent layers that are given their first states, or put out their last ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.symbolic import KerasTensor, Node
from recurra.training.replay.bidirectional import BidirectionalStep
from recurra.training.replay.layers import RecurrentStep, Sums, plus


def first_states_of(node: Node) -> list[KerasTensor] | None:
    """The states that a call ``layer(x, initial_state=...)`` is given, none for ``layer(x)``; None for other calls."""
    args, kwargs = node.args, dict(node.kwargs)
    given = args[1] if len(args) == 2 else kwargs.pop("initial_state", None)
    if kwargs or not args or len(args) > 2 or not isinstance(args[0], KerasTensor):
        return None
    states = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    return states if all(isinstance(state, KerasTensor) for state in states) else None


class StatesStep:
    """A recurrent layer in the kernels, from states to states.

    Reads x and the first states, if they are given, and puts out y and the last ones, if the layer returns them. Beside
    given states the mask of x is handed on and not used, as in the layer's call.

    needs : whether each of the values that it reads needs a gradient
    """

    several = True

    def __init__(self, step: RecurrentStep, needs: list[bool]) -> None:
        self.step, self.variables, self.needs = step, step.variables, needs
        self.need_dx = any(needs)
        self._carries = any(needs[1:])
        self._dtype = np.dtype(step.layer.dtype)
        self._count = len(step.cell.kernel_cell.states)
        self._kinds: list[Any] = []  # of the states given

    @staticmethod
    def takes(layer: Any, node: Node) -> bool:
        """Whether the call of such a layer is one call of a kernel, with its states as they come."""
        states = first_states_of(node)
        return (
            RecurrentStep.takes(layer)
            and states is not None
            and len(states) in (0, len(layer.cell.kernel_cell.states))
            and all(len(state.shape) == 2 and state.dtype == layer.dtype for state in states)
        )

    def is_current(self) -> bool:
        return self.step.is_current()

    def forward(self, values: Sequence[Any], masks: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        step, (x, *first) = self.step, values
        x, table, mask = step.looked_up(x, masks[0])
        if first:
            states = [state.astype(self._dtype, copy=False) for state in first]
            self._kinds = [state.dtype for state in first]
            y, last = step.run(x, table, None, states=states)
        else:
            y, last = step.run(x, table, mask)
        outputs = [y, *last] if step.layer.return_state else [y]
        handed_on = mask if step.layer.return_sequences else None
        return outputs, [handed_on] + [None] * (len(outputs) - 1)

    def backward(self, ds: Sequence[Any], sums: Sums, befores: Sequence[Any]) -> list[Any]:
        dy, *dlast = ds
        given = None
        if self._carries or any(d is not None for d in dlast):
            given = tuple(dlast) if dlast else (None,) * self._count
        dx, of_first = self.step.pull(dy, given, sums, befores[0])
        if not self._carries:
            return [dx] + [None] * (len(befores) - 1)
        states = zip(befores[1:], of_first, self.needs[1:], self._kinds, strict=True)
        return [dx, *[plus(one, d.astype(kind, copy=False)) if need else None for one, d, need, kind in states]]


class BidirectionalStates:
    """A Bidirectional layer that returns the last states of both its layers."""

    several = True

    def __init__(self, step: BidirectionalStep, needs: list[bool]) -> None:
        self.step, self.variables, self.needs, self.need_dx = step, step.variables, needs, step.need_dx

    @staticmethod
    def takes(layer: Any, node: Node) -> bool:
        """Whether the call is of such a layer, on sequences alone."""
        return BidirectionalStep.takes(layer) and layer.return_state and first_states_of(node) == []

    def is_current(self) -> bool:
        return self.step.is_current()

    def forward(self, values: Sequence[Any], masks: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        y, last, mask = self.step.run(values[0], masks[0])
        return [y, *last], [mask] + [None] * len(last)

    def backward(self, ds: Sequence[Any], sums: Sums, befores: Sequence[Any]) -> list[Any]:
        return [self.step.pull(ds[0], ds[1:], sums, befores[0])]
