"""``tf.nn``: activations, cross-entropies, embedding look-ups."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import activations, ops
from recurra.autograd import thread_state, tracked
from recurra.compat.tf.math import (
    in_top_k,
    l2_normalize,
    log_sigmoid,
    log_softmax,
    sigmoid,
    softmax,
    softplus,
    softsign,
    tanh,
    top_k,
    zero_fraction,
)
from recurra.compat.tf.operands import axes_of, operand
from recurra.compat.tf.sampled_losses import nce_loss, sampled_softmax_loss
from recurra.compat.tf.sparse import SparseTensor, to_dense
from recurra.compat.tf.tensors import array_of, present
from recurra.compat.tf.windows import (
    avg_pool,
    batch_normalization,
    conv1d,
    conv2d,
    ctc_beam_search_decoder,
    ctc_greedy_decoder,
    max_pool,
)
from recurra.random import seed_of_call

__all__ = [
    "avg_pool",
    "batch_normalization",
    "bias_add",
    "compute_average_loss",
    "conv1d",
    "conv2d",
    "ctc_beam_search_decoder",
    "ctc_greedy_decoder",
    "ctc_loss",
    "dropout",
    "elu",
    "embedding_lookup",
    "gelu",
    "in_top_k",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "nce_loss",
    "relu",
    "relu6",
    "sampled_softmax_loss",
    "scale_regularization_loss",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "silu",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softplus",
    "softsign",
    "sparse_softmax_cross_entropy_with_logits",
    "swish",
    "tanh",
    "top_k",
    "weighted_cross_entropy_with_logits",
    "zero_fraction",
]  # fmt: skip


def relu(features: Any, name: str | None = None) -> Any:
    """max(x, 0)."""
    return present(ops.relu(operand(features)))


def relu6(features: Any, name: str | None = None) -> Any:
    """min(max(x, 0), 6)."""
    return present(ops.relu6(operand(features)))


def elu(features: Any, name: str | None = None) -> Any:
    """x, below 0 exp(x) - 1."""
    return present(ops.elu(operand(features)))


def selu(features: Any, name: str | None = None) -> Any:
    """The scaled ``elu``."""
    return present(ops.selu(operand(features)))


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Any:
    """X times the share of the normal distribution below x."""
    return present(ops.gelu(operand(features), approximate))


def silu(features: Any, beta: float = 1.0) -> Any:
    """X * sigmoid(beta * x)."""
    x = operand(features)
    return present(ops.silu(x) if beta == 1.0 else ops.multiply(x, ops.sigmoid(ops.multiply(x, beta))))


swish = silu


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Any:
    """x, below 0 alpha * x."""
    return present(activations.leaky_relu(operand(features), negative_slope=alpha))


def dropout(x: Any, rate: float, noise_shape: Any = None, seed: int | None = None, name: str | None = None) -> Any:
    """Values set to 0 with probability `rate`, the rest made greater to match."""
    seed = None if seed is None else seed_of_call("dropout", seed)
    return present(ops.dropout(operand(x), float(rate), seed=seed, noise_shape=noise_shape))


# where these are given to a layer, its own function is taken: the one that kernels know
for _name in (
    *("elu", "gelu", "leaky_relu", "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus"),
    *("softsign", "tanh"),
):
    globals()[_name].recurra_function = getattr(activations, _name)


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """Value + bias."""
    if data_format not in (None, "NHWC", "N..C"):
        raise NotImplementedError(f"tf.nn.bias_add: the features must be the last axis here, got {data_format!r}")
    return present(ops.add(operand(value), operand(bias)))


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: str | None = None) -> Any:
    """Rows of a table."""
    if max_norm is not None:
        raise NotImplementedError("tf.nn.embedding_lookup: max_norm is not here: tf.clip_by_norm the result")
    return present(ops.take(operand(params), array_of(ids), axis=0))


def l2_loss(t: Any, name: str | None = None) -> Any:
    """Half the sum of squares."""
    return present(ops.sum(ops.square(operand(t)))) * 0.5


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Mean and variance over `axes`."""
    return tuple(present(part) for part in ops.moments(operand(x), axes_of(axes), keepdims))


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """-log softmax(logits)[label], one number for each row."""
    return present(ops.softmax_cross_entropy(operand(logits), array_of(labels)))


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """-sum(labels * log softmax(logits)), one number for each row."""
    scores = ops.log_softmax(operand(logits), axis=axis)
    return present(ops.negative(ops.sum(ops.multiply(operand(labels), scores), axis)))


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Any:
    """The cross-entropy of independent yes or no labels, one number for each."""
    x, z = operand(logits), operand(labels)
    if not tracked(z, thread_state.tape):
        return present(ops.sigmoid_cross_entropy(x, z))
    # max(x, 0) - x z + log(1 + exp(-|x|)), which no x overflows
    small = ops.log1p(ops.exp(ops.negative(ops.abs(x))))
    return present(ops.add(ops.subtract(ops.relu(x), ops.multiply(x, z)), small))


def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,
    blank_index: Any = None,
    name: str | None = None,
) -> Any:
    """-log p(labels | logits) of each row; `logits` are (T, B, C), or (B, T, C) without `logits_time_major`.

    labels : (B, L) with their `label_length`, or a sparse tensor, which says itself how many each row has
    blank_index : the class that means blank, 0 where None; counted from the end where negative
    """
    if isinstance(labels, SparseTensor):
        if blank_index is None:
            raise ValueError("blank_index must be given where labels are a sparse tensor, as in TensorFlow")
        rows = array_of(labels.indices)[:, 0]
        label_length = np.bincount(rows, minlength=int(array_of(labels.dense_shape)[0]))
        labels = to_dense(labels)
    x = operand(logits)
    if logits_time_major:
        x = ops.transpose(x, (1, 0, 2))
    blank = 0 if blank_index is None else int(blank_index)
    return present(ops.ctc_loss(array_of(labels), x, array_of(label_length), array_of(logit_length), blank))


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Any:
    """The same with the loss of a yes multiplied by `pos_weight`."""
    x, z = operand(logits), operand(labels)
    weight = ops.add(1.0, ops.multiply(ops.subtract(operand(pos_weight), 1.0), z))
    small = ops.add(ops.log1p(ops.exp(ops.negative(ops.abs(x)))), ops.relu(ops.negative(x)))
    return present(ops.add(ops.multiply(ops.subtract(1.0, z), x), ops.multiply(weight, small)))


def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Any:
    """The sum divided by the size of the whole batch."""
    loss = operand(per_example_loss)
    if sample_weight is not None:
        loss = ops.multiply(loss, operand(sample_weight))
    size = int(np.prod(loss.shape[:1])) if global_batch_size is None else int(global_batch_size)
    return present(ops.sum(loss)) / float(size)


def scale_regularization_loss(regularization_loss: Any) -> Any:
    """The sum; there is one replica."""
    return present(ops.sum(operand(regularization_loss)))


def __getattr__(name: str) -> Any:
    if name in ("bidirectional_dynamic_rnn", "dynamic_rnn", "raw_rnn", "rnn_cell", "static_rnn"):
        from recurra.compat.tf.compat.v1 import GRAPH_MODE

        raise AttributeError(GRAPH_MODE.format(f"tf.nn.{name}"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
