"""Recorded steps of calls that read or put out several values.

``forward(values, masks)`` gives a list of values and one of their masks, ``backward(ds, sums, befores)`` for the
gradients of these values, None for one that nothing read, those of the values read; see :mod:`.layers` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra.autograd import GradientTape, Tensor, Variable
from recurra.layers.base.context import set_mask
from recurra.layers.concatenation import Concatenate
from recurra.layers.elementwise import Add
from recurra.layers.embedding import Embedding
from recurra.symbolic import KerasTensor, Node
from recurra.training.replay.layers import Settings, Sums, plus, pulled
from recurra.tree import PLAIN, leaves


class TapedJoin:
    """Any call of a layer, under a tape of its own.

    node : how it is given its arguments
    reads : the different tensors among them, in the order of the values
    needs : whether each of the values needs a gradient
    lookup : the Embedding whose ids the first value is
    """

    several = True

    def __init__(
        self,
        call: Callable[..., Any],
        node: Node,
        reads: Sequence[KerasTensor],
        variables: Sequence[Variable],
        needs: list[bool],
        lookup: Embedding | None = None,
    ) -> None:
        self.lookup = lookup
        self.calls, self.node, self.variables, self.needs = [call], node, variables, needs
        self.reads = [id(tensor) for tensor in reads]
        self.need_dx = any(needs)
        self._kept: Any = None

    def is_current(self) -> bool:
        return True  # as in TapedStep

    def forward(self, values: Sequence[Any], masks: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        with GradientTape() as tape:
            firsts: list[Any] = []
            own: list[int] = []  # the places of those that are watched, each array once
            for place, (x, mask, need) in enumerate(zip(values, masks, self.needs, strict=True)):
                known_at = next((at for at in own if values[at] is x), None)
                if need and known_at is None:
                    own.append(place)
                first = x if not need else tape.watch(x) if known_at is None else firsts[known_at]
                firsts.append(set_mask(first, mask))
            if self.lookup is not None:
                firsts[0] = self.lookup.lookup(values[0])
            known = dict(zip(self.reads, firsts, strict=True))
            args, kwargs = self.node.fill(lambda tensor: known[id(tensor)])
            found = leaves(self.calls[0](*args, **kwargs), PLAIN)
        self._kept = tape, own, [firsts[at] for at in own], found
        return [_plain(value, firsts) for value in found], [getattr(value, "_keras_mask", None) for value in found]

    def backward(self, ds: Sequence[Any], sums: Sums, befores: Sequence[Any]) -> list[Any]:
        (tape, own, firsts, outputs), self._kept = self._kept, None
        targets = [(y, d) for y, d in zip(outputs, ds, strict=True) if d is not None and isinstance(y, Tensor)]
        gradients: list[Any] = [None] * len(befores)
        found = pulled(tape, targets, firsts, [befores[at] for at in own], self.variables, sums)
        for at, gradient in zip(own, found, strict=True):
            gradients[at] = gradient
        return gradients


def _plain(value: Any, firsts: Sequence[Any]) -> Any:
    """The array of what a call put out: the very one that came in only where the call gave back what it was given."""
    if not isinstance(value, Tensor):
        return np.asarray(value).view()  # whose gradient ends here
    return value.value if any(value is first for first in firsts) else value.value.view()


class ArrayJoin(TapedJoin):
    """Concatenate or Add, on arrays where no value has a mask and, to be added, all have one shape."""

    def __init__(self, call: Callable[..., Any], node: Node, *more: Any) -> None:
        super().__init__(call, node, *more)
        self.layer = node.layer
        self._places = [self.reads.index(id(tensor)) for tensor in node.input_tensors]  # of each operand
        self._dtype = np.dtype(self.layer.dtype)
        self._axis: int | None = self.layer.axis if isinstance(self.layer, Concatenate) else None
        self._settings = Settings(
            self.layer, "call", "activity_regularizer", *(["axis"] if self._axis is not None else [])
        )

    @staticmethod
    def takes(layer: Any, node: Node) -> bool:
        """Whether it is such a layer, called on a list of values."""
        return (
            type(layer) in (Concatenate, Add)
            and len(node.args) == 1
            and not node.kwargs
            and isinstance(node.args[0], (list, tuple))
            and list(node.args[0]) == node.input_tensors
        )

    def is_current(self) -> bool:
        return self._settings.hold()

    def forward(self, values: Sequence[Any], masks: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        first = values[0]
        alike = all(x.dtype is self._dtype and (self._axis is not None or x.shape == first.shape) for x in values)
        if not alike or len(self._places) < 2 or any(mask is not None for mask in masks):
            return super().forward(values, masks)
        operands = [values[place] for place in self._places]
        self._kept = operands
        if self._axis is not None:
            return [np.concatenate(operands, self._axis)], [None]
        total = operands[0] + operands[1]
        for x in operands[2:]:
            total = total + x
        return [total], [None]

    def backward(self, ds: Sequence[Any], sums: Sums, befores: Sequence[Any]) -> list[Any]:
        operands = self._kept
        if isinstance(operands, tuple):  # under a tape
            return super().backward(ds, sums, befores)
        self._kept, dy, found = None, ds[0], list(befores)
        before, start = (slice(None),) * ((self._axis or 0) % dy.ndim), 0
        for x, place in zip(operands, self._places, strict=True):
            d = dy
            if self._axis is not None:
                stop = start + x.shape[self._axis]
                place_of_x = (*before, slice(start, stop))
                d, start = dy[place_of_x], stop
            found[place] = plus(found[place], d) if self.needs[place] else None
        return found
