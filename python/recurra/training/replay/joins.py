"""Recorded steps of layers that read several values: ``forward(values, masks)``, and a list of gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra.autograd import GradientTape, Tensor, Variable
from recurra.layers.base.context import set_mask
from recurra.layers.concatenation import Concatenate
from recurra.layers.elementwise import Add
from recurra.symbolic import Node
from recurra.training.replay.layers import Settings


class TapedJoin:
    """A layer that reads several values, under a tape of its own.

    node : how it is given them
    needs : whether each of the values needs a gradient
    """

    def __init__(self, call: Callable[..., Any], node: Node, variables: Sequence[Variable], needs: list[bool]) -> None:
        self.calls, self.node, self.variables, self.needs = [call], node, variables, needs
        self.need_dx = any(needs)
        self._kept: Any = None

    def is_current(self) -> bool:
        return True  # as in TapedStep

    def forward(self, values: list[Any], masks: list[Any]) -> tuple[Any, Any]:
        with GradientTape() as tape:
            firsts = [
                set_mask(tape.watch(x) if need else x, mask)
                for x, mask, need in zip(values, masks, self.needs, strict=True)
            ]
            known = {id(tensor): first for tensor, first in zip(self.node.input_tensors, firsts, strict=True)}
            args, _ = self.node.fill(lambda tensor: known[id(tensor)])
            value = self.calls[0](*args)
        self._kept = tape, [first for first, need in zip(firsts, self.needs, strict=True) if need], value
        plain = value.value if isinstance(value, Tensor) else np.asarray(value)
        return plain, getattr(value, "_keras_mask", None)

    def backward(self, dy: Any) -> tuple[list[Any], Sequence[Any]]:
        (tape, firsts, value), self._kept = self._kept, None
        if not isinstance(value, Tensor):
            return [None] * len(self.needs), [None] * len(self.variables)
        found = tape.gradient(value, [*firsts, *self.variables], dy)
        given = iter(found[: len(firsts)])
        return [next(given) if need else None for need in self.needs], found[len(firsts) :]


class ArrayJoin(TapedJoin):
    """Concatenate or Add, on arrays where no value has a mask and, to be added, all have one shape."""

    def __init__(self, call: Callable[..., Any], node: Node, variables: Sequence[Variable], needs: list[bool]) -> None:
        super().__init__(call, node, variables, needs)
        self.layer = node.layer
        self._dtype = np.dtype(self.layer.dtype)
        self._axis: int | None = self.layer.axis if isinstance(self.layer, Concatenate) else None
        self._settings = Settings(
            self.layer, "call", "activity_regularizer", *(["axis"] if self._axis is not None else [])
        )

    @staticmethod
    def takes(layer: Any, node: Node) -> bool:
        """Whether it is such a layer, called on a list of values."""
        return type(layer) in (Concatenate, Add) and len(node.args) == 1 and list(node.args[0]) == node.input_tensors

    def is_current(self) -> bool:
        return self._settings.hold()

    def forward(self, values: list[Any], masks: list[Any]) -> tuple[Any, Any]:
        first = values[0]
        alike = all(x.dtype is self._dtype and (self._axis is not None or x.shape == first.shape) for x in values)
        if not alike or len(values) < 2 or any(mask is not None for mask in masks):
            return super().forward(values, masks)
        self._kept = values
        if self._axis is not None:
            return np.concatenate(values, self._axis), None
        total = first + values[1]
        for x in values[2:]:
            total = total + x
        return total, None

    def backward(self, dy: Any) -> tuple[list[Any], Sequence[Any]]:
        values = self._kept
        if isinstance(values, tuple):  # under a tape
            return super().backward(dy)
        self._kept = None
        if self._axis is None:
            return [dy if need else None for need in self.needs], ()
        before, start = (slice(None),) * (self._axis % dy.ndim), 0
        found: list[Any] = []
        for x, need in zip(values, self.needs, strict=True):
            stop = start + x.shape[self._axis]
            place = (*before, slice(start, stop))
            found.append(dy[place] if need else None)
            start = stop
        return found, ()
