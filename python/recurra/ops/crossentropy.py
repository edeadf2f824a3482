"""Cross-entropies, fused with the softmax or sigmoid in front of them: stable, and without a second array of that size.

Targets and labels are constants: a gradient is taken for the prediction only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import config
from recurra._core.select import core
from recurra.autograd import Array, current_tape, maker_of, record, thread_state, tracked
from recurra.ops.common import array_of, axes_of, contiguous, floats_of, ids_of
from recurra.ops.neural import SoftmaxBackward
from recurra.ops.shaping import moveaxis
from recurra.typing import ArrayLike


def softmax_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> Any:
    """log(sum_v exp(logits[..., v])) - logits[..., label], one number for each label.

    logits : (..., V) float32 or float64
    labels : (...) integers in [0, V)
    """
    v = floats_of(logits)
    if v.ndim < 1:
        raise ValueError(f"logits must have shape (..., V), got {v.shape}")
    ids = ids_of(labels, "labels", v.shape[-1])
    if ids.shape != v.shape[:-1]:
        raise ValueError(f"labels must have logits' shape without its last axis = {v.shape[:-1]}, got {ids.shape}")
    rows, flat = v.reshape(-1, v.shape[-1]), ids.reshape(-1)
    loss, lse = core.softmax_cross_entropy_forward(rows, flat)
    if thread_state.tape is None:
        return loss.reshape(ids.shape)

    def backward(d: Array) -> tuple[Array]:
        dloss = np.ascontiguousarray(d, v.dtype).reshape(-1)
        return (core.softmax_cross_entropy_backward(rows, flat, lse, dloss).reshape(v.shape),)

    return record(loss.reshape(ids.shape), (logits,), backward)


def sparse_categorical_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross-entropy of integer labels, one number for each label.

    target : (...) or (..., 1) integer labels
    output : (..., V) probabilities, or logits with `from_logits`; V stands at `axis`

    Probabilities are divided by their sum and held within [epsilon, 1 - epsilon], as Keras does; where that holds
    one back, its gradient is 0.
    """
    shape = array_of(output).shape
    (place,) = axes_of(axis, len(shape))
    labels = array_of(target)
    if labels.ndim == len(shape) and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if place != len(shape) - 1:
        output = moveaxis(output, place, -1)
    if labels.dtype.kind == "f":  # labels read as floats, 3.0 for 3
        whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise ValueError("target must hold whole numbers (class labels), got fractions or NaN")
        labels = whole
    return softmax_cross_entropy(output, labels) if from_logits else _sparse_probabilities(labels, output)


sparse_categorical_crossentropy.of_ids = True  # type: ignore[attr-defined]  # as a loss: see LossFunctionWrapper


def _sparse_probabilities(labels: Array, output: ArrayLike) -> Any:
    p = floats_of(output)
    ids = ids_of(labels, "target", p.shape[-1])
    if ids.shape != p.shape[:-1]:
        raise ValueError(f"target must have output's shape without its last axis = {p.shape[:-1]}, got {ids.shape}")
    rows, flat = p.reshape(-1, p.shape[-1]), ids.reshape(-1)
    index = np.arange(len(flat))
    total = rows.sum(axis=1)
    share = rows[index, flat] / total
    low, high = _edges(p.dtype)
    loss = -np.log(np.clip(share, low, high)).reshape(ids.shape)
    if thread_state.tape is None:
        return loss
    inside = (share >= low) & (share <= high)
    logits = _logits_behind(output)

    def through_softmax(d: Array) -> tuple[Array]:
        factor = (d.reshape(-1) * inside).astype(p.dtype)
        dlogits = rows * factor[:, None]  # the softmax's and the logarithm's derivatives together: p - [v == label]
        dlogits[index, flat] -= factor
        return (dlogits.reshape(p.shape),)

    def backward(d: Array) -> tuple[Array]:
        factor = (d.reshape(-1) * inside).astype(p.dtype)
        dp = np.repeat((factor / total)[:, None], rows.shape[1], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            dp[index, flat] -= np.where(inside, factor / rows[index, flat], 0)
        return (dp.reshape(p.shape),)

    if logits is not None:
        return record(loss, (logits,), through_softmax)
    return record(loss, (output,), backward)


def _edges(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    return dtype.type(config.epsilon()), dtype.type(1 - config.epsilon())


def _logits_behind(output: ArrayLike) -> Any:
    """What `output` is the softmax of, if the tape saw it a moment ago."""
    made = maker_of(output)
    return made.x if isinstance(made, SoftmaxBackward) else None


def categorical_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum_v target_v log(p_v) along `axis`.

    target : (..., V), probabilities of the classes (one-hot, say)
    output : (..., V), probabilities, or logits with `from_logits`

    Probabilities are divided by their sum and held within [epsilon, 1 - epsilon], as Keras does.
    """
    v = floats_of(output)
    (place,) = axes_of(axis, v.ndim)
    t = _target(target, v)
    if from_logits:
        shifted = v - v.max(axis=place, keepdims=True)  # the log of a sum would lose its digits beside large logits
        log_total = np.log(np.exp(shifted).sum(axis=place, keepdims=True))
        weight = t.sum(axis=place, keepdims=True)
        loss = (log_total * weight - _weighted(t, shifted, place)).squeeze(place)

        def backward(d: Array) -> tuple[Array]:
            return (np.expand_dims(d, place) * (np.exp(shifted - log_total) * weight - t),)

        return loss if thread_state.tape is None else record(loss, (output,), backward)
    total = v.sum(axis=place, keepdims=True)
    low, high = _edges(v.dtype)
    share = v / total
    inside = (share >= low) & (share <= high)
    held = np.clip(share, low, high)
    loss = -(t * np.log(held)).sum(axis=place)

    def backward_of_shares(d: Array) -> tuple[Array]:
        d_share = np.expand_dims(d, place) * np.where(inside, -t / held, 0)
        return ((d_share - (d_share * share).sum(axis=place, keepdims=True)) / total,)

    return loss if thread_state.tape is None else record(loss, (output,), backward_of_shares)


def _weighted(target: Array, shifted: Array, axis: int) -> Array:
    """The sum of target times shifted logits; a logit of -inf does not count where its target is 0."""
    with np.errstate(invalid="ignore"):
        parts = target * shifted
    total: Array = parts.sum(axis=axis, keepdims=True)
    if np.isnan(total).any():
        total = np.where(target == 0, 0, parts).sum(axis=axis, keepdims=True)
    return total


def sigmoid_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> Any:
    """-t log(s) - (1 - t) log(1 - s) with s = sigmoid(x), elementwise: |x| times 1 - t or t, plus log(1 + exp(-|x|)).

    logits : any shape;  targets : the same shape (or one that broadcasts to it), in [0, 1]
    """
    v = floats_of(logits)
    t = _target(targets, v)
    loss = binary_from_logits(v, t)
    if thread_state.tape is None:
        return loss
    return record(loss, (logits,), lambda d: (d * (core.activation_forward("sigmoid", v) - t),))


def binary_from_logits(x: Array, target: Array) -> Array:
    """The values of :func:`sigmoid_cross_entropy`, without a difference of large numbers."""
    size = np.abs(x)
    loss: Array = size * np.where(x > 0, 1 - target, target) + np.log1p(np.exp(-size))
    return loss


def binary_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False) -> Any:
    """-t log(p) - (1 - t) log(1 - p), elementwise; with `from_logits` p = sigmoid(output).

    Probabilities are held within [epsilon, 1 - epsilon], as Keras does; where that holds one back, its gradient is 0.
    """
    if from_logits:
        return sigmoid_cross_entropy(output, target)
    v = floats_of(output)
    t = _target(target, v)
    low, high = _edges(v.dtype)
    p = np.clip(v, low, high)
    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    if thread_state.tape is None:
        return loss
    inside = (v >= low) & (v <= high)
    return record(loss, (output,), lambda d: (d * np.where(inside, (p - t) / (p * (1 - p)), 0),))


def _target(target: ArrayLike, like: Array) -> Array:
    """The target as an array of like's dtype that broadcasts to its shape."""
    if tracked(target, current_tape()):
        raise ValueError("target must be a constant: wrap it in ops.stop_gradient, or write the loss with other ops")
    t = contiguous(array_of(target)).astype(like.dtype, copy=False)
    if t.shape != like.shape and np.broadcast_shapes(t.shape, like.shape) != like.shape:
        raise ValueError(f"target must have the shape of output = {like.shape}, got {t.shape}")
    return t


__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_categorical_crossentropy",
]
