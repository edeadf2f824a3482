"""Looked-up embeddings that wait: the ids and the table, joined only when something needs the vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra._core.select import core
from recurra.autograd import Array, GradientTape, Node, RowSparse, Tensor, Variable, current_tape, tracked, value_of
from recurra.autograd import no_grad as _no_grad


class EmbeddedIds(Tensor):
    """The result of ``table[ids]``, not computed yet.

    A recurrent layer hands `ids` and `table` to its kernel, which projects each distinct token once; anything else
    that asks for `value` gets the vectors, gathered at that moment (and recorded on the tape it was made under).

    ids : (B, T) int32
    table : Variable (V, I), or an array that nothing trains
    """

    __slots__ = ("_gathered", "ids", "table")

    def __init__(self, ids: Array, table: Variable | Array, tape: GradientTape | None = None) -> None:
        self.ids = ids
        self.table = table
        self.tape = tape if tracked(table, tape) else None
        self._gathered: Array | None = None

    @property
    def value(self) -> Array:  # type: ignore[override]
        gathered = self._gathered
        if gathered is None:
            with _no_grad():
                gathered = self._gathered = value_of(ops.embedding(self.table, self.ids))
            if self.tape is not None:
                shape, ids = self.table.shape, self.ids
                self.tape.nodes.append(Node((self.table,), (self,), lambda dy: (_scatter(ids, dy, shape),)))
        return gathered

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.ids.shape, self.table.shape[1])

    @property
    def ndim(self) -> int:
        return self.ids.ndim + 1

    @property
    def size(self) -> int:
        return int(self.ids.size * self.table.shape[1])

    @property
    def dtype(self) -> Any:
        return self.table.dtype

    def __len__(self) -> int:
        return len(self.ids)


def _scatter(ids: Array, dy: Array, shape: tuple[int, ...]) -> RowSparse:
    used, rows = core.embedding_backward(ids, np.ascontiguousarray(dy))
    return RowSparse(used, rows, shape)


def embed_lazily(table: Variable | Array, ids: Array) -> EmbeddedIds:
    """``table[ids]`` for a consumer that may want the ids instead."""
    return EmbeddedIds(ids, table, current_tape())
