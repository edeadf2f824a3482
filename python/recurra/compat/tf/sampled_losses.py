"""Losses over many classes that look at the true ones and a few that are drawn: ``tf.nn.nce_loss`` and its like."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.candidates import log_uniform_candidate_sampler
from recurra.compat.tf.picking import gather
from recurra.compat.tf.tensors import array_of, present


def nce_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    name: str | None = None,
) -> Any:
    """Noise-contrastive estimation (Gutmann and Hyvärinen 2010): a loss for each row.

    weights, biases : (num_classes, I) and (num_classes,)
    labels : (B, num_true), the true classes
    inputs : (B, I)
    sampled_values : what a sampler of ``tf.random`` gave; by default the log-uniform one, which wants frequent classes
        first
    remove_accidental_hits : true classes among those drawn do not count
    """
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes)
    logits, true = _logits(weights, biases, labels, inputs, num_true, sampled_values, remove_accidental_hits)
    losses = ops.maximum(logits, 0.0) - ops.multiply(logits, true) + ops.log1p(ops.exp(-ops.abs(logits)))
    return present(ops.sum(losses, axis=-1))


def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Softmax with cross-entropy over the true classes and those drawn; the arguments of :func:`nce_loss`."""
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed)
    logits, true = _logits(weights, biases, labels, inputs, num_true, sampled_values, remove_accidental_hits)
    return present(-ops.sum(ops.multiply(ops.log_softmax(logits), true), axis=-1))


def _logits(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_true: int,
    sampled_values: Any,
    without_hits: bool,
) -> tuple[Any, Any]:
    """(B, num_true + num_sampled): the scores less the logarithms of their expected counts, and the targets."""
    if isinstance(weights, (list, tuple)):
        weights = ops.concatenate(list(weights), axis=0)
    classes = array_of(labels)
    if classes.ndim != 2 or classes.shape[1] != num_true:
        raise ValueError(f"labels must have shape (B, num_true) = (B, {num_true}), got {classes.shape}")
    drawn, true_count, drawn_count = (array_of(one) for one in sampled_values)
    of_true = ops.einsum("bi,bti->bt", inputs, gather(weights, classes)) + gather(biases, classes)
    of_drawn = ops.matmul(inputs, ops.transpose(gather(weights, drawn))) + gather(biases, drawn)
    dtype = of_true.dtype
    less = np.where((classes[:, :, None] == drawn).any(1), np.finfo(np.float32).max, 0) if without_hits else 0.0
    of_drawn = of_drawn - (np.log(drawn_count) + less).astype(dtype)
    logits = ops.concatenate([of_true - np.log(true_count).astype(dtype), of_drawn], axis=-1)
    true = np.zeros(logits.shape, dtype)
    true[:, :num_true] = 1 / num_true
    return logits, true
