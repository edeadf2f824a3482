"""The dense part of one update: its arrays and settings, and its gradients made ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from recurra.autograd import Array, RowSparse


@dataclass
class Batch:
    """The dense part of one update: variables of one dtype that share a weight decay."""

    indices: list[int]
    params: list[Array]
    grads: list[Array]
    lr: float
    weight_decay: float
    scale: list[float]
    clip: float


def prepared(batch: Batch) -> Iterable[tuple[int, Array, Array]]:
    """Index, weights (decayed) and gradient (scaled, clipped) of each variable of `batch`."""
    for index, w, g, scale in zip(batch.indices, batch.params, batch.grads, batch.scale, strict=True):
        if scale != 1.0:
            g = g * g.dtype.type(scale)
        if batch.clip:
            g = np.clip(g, -batch.clip, batch.clip)
        if batch.weight_decay:
            w -= w.dtype.type(batch.lr * batch.weight_decay) * w
        yield index, w, g


def rows_of(grad: RowSparse, table: Array) -> Array:
    return np.ascontiguousarray(grad.rows, table.dtype)
