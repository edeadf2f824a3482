"""Beam search over many sources at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra import ops
from recurra.autograd import no_grad
from recurra.generation.stepping import take_rows
from recurra.layers.base.arguments import check_flag
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.tasks.encoder_decoder import EncoderDecoder


class Hypothesis(NamedTuple):
    """One output: its tokens without the end, their joint log probability (end included), and the score it has."""

    ids: Array
    log_probability: float
    score: float


def decode(
    network: EncoderDecoder,
    source: Array,
    *,
    start: int,
    end: int,
    length: int,
    width: int = 1,
    length_penalty: float = 1.0,
    banned: Array | None = None,
    unknown: tuple[int, Array] | None = None,
    early_stopping: bool = False,
) -> list[list[Hypothesis]]:
    """The outputs of each source that beam search finds, at most `width`, best first; width 1 is the greedy one.

    source : (B, S) int32, padded at the end with zeros
    length : the most tokens of an output
    length_penalty : a; outputs are ranked by log p / n**a for their n tokens, end included. 0 ranks by probability,
        which favours short ones; 1 by the mean over the tokens
    banned : ids that no output may hold
    unknown : an id, and for which of the sources (B,) it may be in an output

    An output that reaches `length` must end there. A source is done when it has `width` complete outputs, each of which
    was among the `width` best at its length, and its best open one would not score above the last of them even if its
    next token were the end at no cost. With `early_stopping` it is done when it has `width` complete outputs. A greedy
    output is done at its end.
    """
    check_flag(early_stopping, "early_stopping")
    if not len(source):
        return []
    memory, state = network.encode(source)
    found: list[list[Hypothesis]] = [[] for _ in source]
    open_rows = np.arange(len(source))
    state = take_rows(state, np.repeat(np.arange(len(source)), width))
    total = np.full((len(source), width), -np.inf)
    total[:, 0] = 0.0  # all but one are copies at first
    tokens = np.zeros((len(source), width, 0), np.int32)
    ids = np.full(len(source) * width, start, np.int32)
    for made in range(1, length + 2):
        log_p, state = _log_probabilities(network, ids, state, memory, banned, end if made > length else None)
        if unknown is not None:
            log_p.reshape(len(total), width, -1)[~unknown[1][open_rows], :, unknown[0]] = -np.inf
        best, before, drawn = _extend(total, log_p.reshape(len(total), width, -1), 2 * width)
        complete = (drawn == end) & np.isfinite(best)
        for row, place in zip(*np.nonzero(complete[:, :width]), strict=True):
            ids_of = tokens[row, before[row, place]]
            score = best[row, place] / made**length_penalty
            found[open_rows[row]].append(Hypothesis(ids_of, float(best[row, place]), float(score)))
        going, before, total = _open(best, before, drawn, drawn == end, width)
        late = width > 1 and not early_stopping
        hope = total[:, 0] / (made + 1) ** length_penalty if late else np.full(len(total), -np.inf)
        done = np.isneginf(total[:, 0]) | np.array(
            [_is_full(found[row], width, score) for row, score in zip(open_rows, hope, strict=True)]
        )
        keep = np.flatnonzero(~done)
        if made > length or not len(keep):
            break
        extended = [np.take_along_axis(tokens, before[:, :, None], axis=1), going[:, :, None]]
        tokens = np.concatenate(extended, axis=2)[keep]
        rows = (np.arange(len(before))[:, None] * width + before)[keep].ravel()
        state = take_rows(state, rows)
        if len(keep) < len(done):
            memory, total, open_rows = memory.rows(keep), total[keep], open_rows[keep]
        ids = np.ascontiguousarray(going[keep].ravel())
    return [sorted(one, key=lambda hypothesis: -hypothesis.score)[:width] for one in found]


def _is_full(found: list[Hypothesis], width: int, hope: float) -> bool:
    """Whether `width` outputs score at least `hope`."""
    return sum(one.score >= hope for one in found) >= width


def _log_probabilities(
    network: EncoderDecoder, ids: Array, state: Any, memory: Any, banned: Array | None, only: int | None
) -> tuple[Array, Any]:
    scores, state = network.step(ids, state, memory)
    with no_grad():
        log_p = np.array(ops.log_softmax(scores))
    if banned is not None:
        log_p[:, banned] = -np.inf
    if only is not None:
        kept = log_p[:, only].copy()
        log_p[:] = -np.inf
        log_p[:, only] = kept
    return log_p, state


def _extend(total: Array, log_p: Array, count: int) -> tuple[Array, Array, Array]:
    """The `count` best extensions of each row's hypotheses: joint log probabilities, hypotheses and tokens.

    total : (B, W); log_p : (B, W, V)
    returns : three arrays (B, count), best first
    """
    rows, width, size = log_p.shape
    few = min(count, size)
    if few < size:
        ids = np.argpartition(log_p, size - few, axis=2)[:, :, size - few :]
        kept = np.take_along_axis(log_p, ids, axis=2)
    else:
        ids, kept = np.broadcast_to(np.arange(size), log_p.shape), log_p
    joint = (total[:, :, None] + kept).reshape(rows, width * few)
    count = min(count, width * few)
    order = np.argsort(-joint, axis=1, kind="stable")[:, :count]
    drawn = np.take_along_axis(ids.reshape(rows, -1), order, axis=1).astype(np.int32)
    return np.take_along_axis(joint, order, axis=1), order // few, drawn


def _open(best: Array, before: Array, drawn: Array, ended: Array, width: int) -> tuple[Array, Array, Array]:
    """The first `width` extensions of each row that did not end: tokens, hypotheses and joint log probabilities."""
    order = np.argsort(ended, axis=1, kind="stable")[:, :width]
    going = np.take_along_axis(drawn, order, axis=1)
    total = np.where(np.take_along_axis(ended, order, axis=1), -np.inf, np.take_along_axis(best, order, axis=1))
    missing = width - order.shape[1]
    if missing:  # fewer extensions than places: a vocabulary smaller than the beam
        going = np.pad(going, ((0, 0), (0, missing)), constant_values=1)
        total = np.pad(total, ((0, 0), (0, missing)), constant_values=-np.inf)
        order = np.pad(order, ((0, 0), (0, missing)))
    return going, np.take_along_axis(before, order, axis=1), total
