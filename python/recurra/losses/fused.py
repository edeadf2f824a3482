"""Cross-entropy for labels that are class ids: read by index, never filled in.

The general cross-entropies are in ``recurra.ops``; here is what training adds: labels checked as a user gave them, and
the loss of logits with the clipping that Keras applies to probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, record, value_of
from recurra.config import epsilon
from recurra.ops.common import any_outside
from recurra.ops.crossentropy import binary_from_logits
from recurra.ops.projection import ProjectedScores
from recurra.typing import ArrayLike


def class_ids(labels: ArrayLike, shape: tuple[int, ...]) -> Array:
    """`labels` as flat int32 ids, checked to be whole numbers in ``[0, V)`` for predictions of `shape` ``(..., V)``."""
    ids = np.asarray(value_of(labels))
    rows = shape[:-1]
    if ids.shape not in (rows, (*rows, 1)) and not (ids.ndim == 1 and ids.shape == (int(np.prod(rows)),)):
        raise ValueError(
            f"y_true must have one class id for each prediction: shape {rows} or {(*rows, 1)} "
            f"for predictions of shape {shape}, got {ids.shape}"
        )
    if ids.dtype.kind not in "iu" and (
        ids.dtype.kind not in "fb" or (ids.dtype.kind == "f" and not np.array_equal(ids, np.trunc(ids)))
    ):
        sample = ids.reshape(-1)[:3].tolist()
        raise ValueError(
            f"y_true must hold class ids, whole numbers in [0, {shape[-1]}), got dtype {ids.dtype}: {sample}, ..."
        )
    if any_outside(ids, shape[-1]):
        raise ValueError(f"y_true must hold class ids in [0, {shape[-1]}), got ids from {ids.min()} to {ids.max()}")
    return np.ascontiguousarray(ids.reshape(-1), np.int32)


def clipped_from_logits(ids: Array, logits: ArrayLike, upstream: Array | None = None) -> Any:
    """``-log(clip(softmax(z)[id], eps, 1 - eps))`` over the last axis, without the softmax's array.

    ids : (M,) int32, for logits ``(..., V)`` with M rows
    upstream : see :func:`recurra.ops.projected_cross_entropy`, for logits that are not computed yet
    returns : the logits' shape without its last axis. Where the probability is clipped the gradient is zero
    """
    if isinstance(logits, ProjectedScores):
        kind = logits.dtype.type
        bounds = -np.log(kind(1 - epsilon())), -np.log(kind(epsilon()))
        return logits.cross_entropy(ids.reshape(logits.shape[:-1]), bounds, upstream)
    loss, backward = clipped_values(ids, value_of(logits))
    return record(loss, (logits,), lambda d: (backward(d),))


def clipped_values(ids: Array, z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """The values of :func:`clipped_from_logits` for arrays, and the way from their gradient to that of `z`."""
    flat = np.ascontiguousarray(z.reshape(-1, z.shape[-1]))
    loss, lse = core.softmax_cross_entropy_forward(flat, ids)
    kind = z.dtype.type
    bottom, top = -np.log(kind(1 - epsilon())), -np.log(kind(epsilon()))
    inside = (loss >= bottom) & (loss <= top)
    loss = np.clip(loss, bottom, top)

    def backward(d: Array) -> Array:
        scaled = np.where(inside, d.reshape(-1), 0).astype(z.dtype, copy=False)
        dz: Array = core.softmax_cross_entropy_backward(flat, ids, lse, scaled).reshape(z.shape)
        return dz

    return loss.reshape(z.shape[:-1]), backward


def binary_column(target: Array, output: Any, from_logits: bool) -> Any:
    """Binary cross-entropy of (..., 1) predictions as one operation: a value for each, without the last axis."""
    loss, backward = binary_column_values(target, value_of(output), from_logits)
    return record(loss, (output,), lambda d: (backward(d),))


def binary_column_values(target: Array, z: Array, from_logits: bool) -> tuple[Array, Callable[[Array], Array]]:
    """The values of :func:`binary_column` for arrays, and the way from their gradient to that of `z`."""
    shape = z.shape[:-1]
    if from_logits:
        loss = binary_from_logits(z, target)

        def backward(d: Array) -> Array:
            dz: Array = d.reshape(z.shape) * (core.activation_forward("sigmoid", z) - target)
            return dz

        return loss.reshape(shape), backward
    low, high = z.dtype.type(epsilon()), z.dtype.type(1 - epsilon())
    p = np.minimum(np.maximum(z, low), high)
    rest = 1 - p
    loss = -(target * np.log(p) + (1 - target) * np.log(rest))

    def backward_of_probabilities(d: Array) -> Array:
        slope = (p - target) / (p * rest)
        slope[(z < low) | (z > high)] = 0
        dz: Array = d.reshape(z.shape) * slope
        return dz

    return loss.reshape(shape), backward_of_probabilities
