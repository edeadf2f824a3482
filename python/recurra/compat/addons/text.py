"""``tensorflow_addons.text``: linear-chain conditional random fields over padded sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import initializers, ops
from recurra.compat.tf.operands import operand
from recurra.compat.tf.tensors import array_of, present
from recurra.compat.tf.variables import Variable

__all__ = ["crf_decode", "crf_log_likelihood", "crf_log_norm", "crf_sequence_score", "viterbi_decode"]


def _mask(inputs: Any, lengths: Any) -> Any:
    """(B, T): the steps before the ends of the sequences."""
    return np.arange(inputs.shape[1]) < array_of(lengths).reshape(-1, 1)


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Any, Any]:
    """The log p(tags) of each row, (B,), and the transitions (C, C), which are made where None are given.

    inputs : (B, T, C) scores;  tag_indices : (B, T);  sequence_lengths : (B,)
    """
    scores = operand(inputs)
    if transition_params is None:
        size = scores.shape[-1]
        transition_params = Variable(initializers.GlorotUniform()((size, size)), name="transitions")
    found = ops.crf_log_likelihood(
        scores, array_of(tag_indices), operand(transition_params), mask=_mask(scores, sequence_lengths)
    )
    return present(found), transition_params


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """The logarithm of the sum of exp(score) over all paths of each row, (B,)."""
    scores = operand(inputs)
    return present(ops.crf_log_norm(scores, operand(transition_params), mask=_mask(scores, sequence_lengths)))


def crf_sequence_score(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """The score of one path of each row, (B,)."""
    scores, mask = operand(inputs), _mask(inputs, sequence_lengths)
    return present(ops.crf_path_score(scores, array_of(tag_indices), operand(transition_params), mask=mask))


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[Any, Any]:
    """The best path of each row, (B, T) with 0 behind its end, and its score, (B,)."""
    scores = array_of(potentials)
    path, best = ops.viterbi_decode(scores, array_of(transition_params), mask=_mask(scores, sequence_length))
    return present(path), present(best)


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[int], Any]:
    """The best path of one sequence (T, C), as a list, and its score."""
    path, best = ops.viterbi_decode(array_of(score)[None], array_of(transition_params))
    return path[0].tolist(), best[0]
