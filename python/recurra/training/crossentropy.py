"""Cross-entropies as single recorded operations, with Keras's clipping and without one-hot labels.

Probabilities are clipped to ``[eps, 1 - eps]`` (eps = ``recurra.config.epsilon()``, 1e-7); where one is clipped the
gradient is zero. With class ids the target's probability is read by index: no array beyond the predictions' own
gradient is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, record, value_of
from recurra.config import epsilon


def _bounds(dtype: Any) -> tuple[Any, Any]:
    kind = np.dtype(dtype).type
    return kind(epsilon()), kind(1.0) - kind(epsilon())


def class_ids(labels: Any, shape: tuple[int, ...], argument: str = "y_true") -> Array:
    """`labels` as flat int32 ids, checked to be whole numbers in ``[0, V)`` for predictions of `shape` ``(..., V)``."""
    ids = np.asarray(value_of(labels))
    if ids.shape != shape[:-1]:
        if ids.size != int(np.prod(shape[:-1])):
            raise ValueError(
                f"{argument} must have one class id for each prediction: shape {shape[:-1]} (or {(*shape[:-1], 1)}) "
                f"for predictions of shape {shape}, got {ids.shape}"
            )
    if ids.dtype.kind not in "iu":
        if ids.dtype.kind not in "fb" or (ids.dtype.kind == "f" and not np.array_equal(ids, np.trunc(ids))):
            raise ValueError(f"{argument} must hold class ids, whole numbers in [0, {shape[-1]}), got {_sample(ids)}")
    if ids.size and (ids.min() < 0 or ids.max() >= shape[-1]):
        raise ValueError(
            f"{argument} must hold class ids in [0, {shape[-1]}), got ids from {ids.min()} to {ids.max()}"
        )
    return np.ascontiguousarray(ids.reshape(-1), np.int32)


def _sample(values: Array) -> str:
    return f"dtype {values.dtype} with values like {values.reshape(-1)[:3].tolist()}"


def binary_from_probabilities(target: Array, output: Any) -> Any:
    """``-(t log p + (1-t) log(1-p))`` elementwise, ``p`` clipped."""
    p = value_of(output)
    low, high = _bounds(p.dtype)
    q = np.clip(p, low, high)
    one = q.dtype.type(1)
    loss = -(target * np.log(q) + (one - target) * np.log(one - q))

    def backward(d: Array) -> tuple[Array]:
        grad = d * ((q - target) / (q * (one - q)))
        grad[(p < low) | (p > high)] = 0
        return (grad,)

    return record(loss, (output,), backward)


def binary_from_logits(target: Array, logits: Any) -> Any:
    """``log(1 + exp(z)) - t z`` elementwise, without overflow."""
    z = value_of(logits)
    decay = np.exp(-np.abs(z))
    loss = np.maximum(z, 0) - z * target + np.log1p(decay)

    def backward(d: Array) -> tuple[Array]:
        sigmoid = np.where(z >= 0, 1, decay) / (1 + decay)
        return (d * (sigmoid - target),)

    return record(loss, (logits,), backward)


def sparse_from_probabilities(ids: Array, output: Any) -> Any:
    """``-log(clip(p[id] / sum(p)))`` over the last axis.

    ids : (M,) int32, for predictions ``(..., V)`` with M rows
    """
    p = value_of(output)
    flat = p.reshape(-1, p.shape[-1])
    rows = np.arange(len(flat))
    low, high = _bounds(p.dtype)
    total = flat.sum(axis=1)
    q = flat[rows, ids] / total
    loss = -np.log(np.clip(q, low, high)).reshape(p.shape[:-1])

    def backward(d: Array) -> tuple[Array]:
        d = np.where((q < low) | (q > high), 0, d.reshape(-1)).astype(p.dtype, copy=False)
        grad = np.empty_like(flat)
        grad[...] = (d / total)[:, None]
        grad[rows, ids] -= d / np.maximum(q * total, np.finfo(p.dtype).tiny)
        return (grad.reshape(p.shape),)

    return record(loss, (output,), backward)


def sparse_from_logits(ids: Array, logits: Any, clip: bool = False) -> Any:
    """``log(sum(exp(z))) - z[id]`` over the last axis, in one pass over the logits.

    clip : treat the loss as if softmax had been taken first and its probabilities clipped
    """
    z = value_of(logits)
    flat = np.ascontiguousarray(z.reshape(-1, z.shape[-1]))
    loss, lse = core.softmax_cross_entropy_forward(flat, ids)
    outside = None
    if clip:
        low, high = _bounds(z.dtype)
        bottom, top = -np.log(high), -np.log(low)
        outside = (loss < bottom) | (loss > top)
        loss = np.clip(loss, bottom, top)

    def backward(d: Array) -> tuple[Array]:
        d = np.ascontiguousarray(d.reshape(-1), z.dtype)
        if outside is not None and outside.any():
            d = np.where(outside, z.dtype.type(0), d)
        return (core.softmax_cross_entropy_backward(flat, ids, lse, d).reshape(z.shape),)

    return record(loss.reshape(z.shape[:-1]), (logits,), backward)


def categorical_from_probabilities(target: Array, output: Any, axis: int = -1) -> Any:
    """``-sum(t log(clip(p / sum(p))))`` over `axis`, for targets of the predictions' shape."""
    p = value_of(output)
    low, high = _bounds(p.dtype)
    total = p.sum(axis=axis, keepdims=True)
    q = p / total
    clipped = np.clip(q, low, high)
    loss = -(target * np.log(clipped)).sum(axis=axis)

    def backward(d: Array) -> tuple[Array]:
        dq = np.expand_dims(-d, axis) * target / clipped
        dq[(q < low) | (q > high)] = 0
        return ((dq - (dq * q).sum(axis=axis, keepdims=True)) / total,)

    return record(loss, (output,), backward)


def categorical_from_logits(target: Array, logits: Any, axis: int = -1) -> Any:
    """``-sum(t log softmax(z))`` over `axis`, for targets of the logits' shape."""
    z = value_of(logits)
    shifted = z - z.max(axis=axis, keepdims=True)
    power = np.exp(shifted)
    total = power.sum(axis=axis, keepdims=True)
    loss = -(target * (shifted - np.log(total))).sum(axis=axis)

    def backward(d: Array) -> tuple[Array]:
        weight = target.sum(axis=axis, keepdims=True)
        return (np.expand_dims(d, axis) * (power / total * weight - target),)

    return record(loss, (logits,), backward)
