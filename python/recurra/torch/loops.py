"""Loops over steps: the gradients of a cell's weights are summed once for all steps of a graph.

A step's gradients are matrices of the weights' size, which autograd would add up one by one. From the second step on,
where the graph of the step before it with the same weights is still there, the steps take the weights through one node
of the graph. A step's backward pass leaves its rows there, and the node, which autograd runs after all of its steps,
makes one product of them. So the sums over the steps are in another order than PyTorch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from recurra._core.locks import ForkSafeLock
from recurra.torch.kinds import Kind
from recurra.torch.weights import Kept, summed_gradients

_lock = ForkSafeLock()


class Loop:
    """The weights that the steps of a graph share, from the second one on. The steps' graph holds it."""

    __slots__ = ("__weakref__", "kind", "needed", "node", "pending", "shared", "versions", "weights")

    def __init__(self, kind: Kind, weights: Sequence[Tensor], versions: list[int]) -> None:
        self.kind, self.weights, self.versions = kind, weights, versions
        self.shared: list[Tensor] | None = None  # and what follows, from the second step on
        self.needed: list[bool]
        self.node: Any
        self.pending: dict[int, list[Any]]  # the rows of steps, by the backward pass that they are from

    def fits(self, weights: Sequence[Tensor], versions: list[int]) -> bool:
        """Whether these are the same weights, unchanged."""
        if versions != self.versions or len(weights) != len(self.weights):
            return False
        if not all(map(is_, weights, self.weights)):
            return False
        return self.shared is None or self.needed == [weight.requires_grad for weight in weights]

    def share(self) -> list[Tensor]:
        """The weights through the node, which is made once, whatever thread asks."""
        if self.shared is None:
            with _lock:
                if self.shared is None:
                    self._make_node()
        assert self.shared is not None
        return self.shared

    def _make_node(self) -> None:
        self.needed, self.pending = [weight.requires_grad for weight in self.weights], {}
        wanted = [weight for weight, need in zip(self.weights, self.needed, strict=True) if need]
        given = SharedWeights.apply(self.kind, self.needed, self.pending, *wanted)
        self.node = given[0].grad_fn
        found = iter(given)
        self.shared = [next(found) if need else weight for weight, need in zip(self.weights, self.needed, strict=True)]

    def leave(self, step: Any) -> None:
        """A step's rows, within a backward pass that runs the node."""
        self.pending.setdefault(torch._C._current_graph_task_id(), []).append(step)


def loop_of(kind: Kind, weights: Sequence[Tensor], kept: Kept) -> tuple[Loop | None, Sequence[Tensor]]:
    """The loop that a step with these weights is in, and the weights that it takes: shared but for the first step."""
    for weight in weights:
        if weight.requires_grad:
            break
    else:
        return None, weights
    versions = [weight._version for weight in weights]
    loop = None if kept.loop is None else kept.loop()
    if loop is not None and loop.fits(weights, versions):
        return loop, loop.share()
    loop = Loop(kind, weights, versions)
    kept.loop = ref(loop)
    return loop, weights


class SharedWeights(torch.autograd.Function):
    """The weights themselves. Their gradients are the sums of what the steps left."""

    @staticmethod
    def forward(  # type: ignore[override,unused-ignore]
        ctx: Any, kind: Kind, needed: list[bool], pending: dict[int, list[Any]], *weights: Tensor
    ) -> tuple[Tensor, ...]:
        """Aliases: a change of a weight in place is seen at those that steps have saved."""
        ctx.kind, ctx.needed, ctx.pending = kind, needed, pending
        ctx.set_materialize_grads(False)
        return tuple([weight.detach() for weight in weights])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """What steps gave as tensors, for second derivatives, is there already."""
        steps = ctx.pending.pop(torch._C._current_graph_task_id(), None)
        if steps is None:
            return None, None, None, *gradients
        found = summed_gradients(ctx.kind, steps, ctx.needed)
        own = [one for one, need in zip(found, ctx.needed, strict=True) if need]
        return None, None, None, *[a if b is None else a + b for a, b in zip(own, gradients, strict=True)]
