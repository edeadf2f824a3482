"""Beam search: the most probable continuations, kept a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra import ops
from recurra._core.select import core
from recurra.autograd import no_grad
from recurra.generation.arguments import check_ids, check_integer, check_length_penalty
from recurra.generation.stepping import as_step_model, compiled_form, take_rows
from recurra.generation.streaming import check_prompt, end_ids_of, read_prompt
from recurra.layers.base.arguments import check_flag
from recurra.typing import Array, ArrayLike


class Beam(NamedTuple):
    """One continuation: its tokens, their joint log probability, and the score that it was ranked by."""

    ids: Array
    log_probability: float
    score: float


def beam_search(
    model: Any,
    prompt: ArrayLike,
    *,
    length: int,
    width: int = 4,
    end_id: int | Sequence[int] | None = None,
    length_penalty: float = 0.0,
    banned: Sequence[int] = (),
    early_stopping: bool = False,
    is_complete: Callable[[Array], Sequence[bool] | Array] | None = None,
) -> list[Beam]:
    """The `width` best continuations of `prompt` that beam search finds, best first.

    Each step extends every kept continuation by every token and keeps the `width` most probable of all of them; with a
    width of at least V ** (length - 1) the result is the exact maximum, with a width of 1 it is the greedy one.

    model : a :class:`~recurra.generation.StepModel` or a recurrent ``Sequential``
    prompt : (N,) token ids, N >= 1
    length : the most tokens that a continuation may have, >= 1
    width : how many continuations are kept, >= 1
    end_id : an id, or several, that completes a continuation (it is its last token)
    length_penalty : a; continuations are ranked by log p / n**a for their n tokens. 0 ranks by probability, which
        favours short ones; 1 ranks by the mean over the tokens
    banned : ids that no continuation may hold
    early_stopping : end as soon as `width` continuations are complete, each of which was among the `width` best at its
        length; False goes on while an open one may still be better than the last of them
    is_complete : called with the tokens (N, n) of N extended continuations; says which of them are complete, beside
        those that `end_id` completes

    With `early_stopping` or `is_complete` the model is called once for each token; otherwise the kernels make a whole
    search in one call where they know all of its layers.
    """
    check_flag(early_stopping, "early_stopping")
    if is_complete is not None and not callable(is_complete):
        raise TypeError(f"is_complete must be a function of tokens (N, n) or None, got {is_complete!r}")
    ids = check_prompt(prompt)
    if len(ids) != 1:
        raise ValueError(f"prompt must be one row of token ids, got {len(ids)} rows: search for each of them")
    length, width = check_integer(length, "length", 1), check_integer(width, "width", 1)
    length_penalty = check_length_penalty(length_penalty)
    steps, ends = as_step_model(model), end_ids_of(end_id)
    forbidden = check_ids(banned, "banned")
    compiled = None if early_stopping or is_complete else compiled_form(steps)
    if compiled is not None:
        _check_banned(forbidden, compiled.vocabulary)
        known = np.array([end for end in ends if 0 <= end < compiled.vocabulary], np.int32)
        found = core.beam_search(
            compiled.handle(), ids[0], compiled.initial_states, length, width, length_penalty, known,
            forbidden.astype(np.int32),
        )  # fmt: skip
        return [Beam(*beam) for beam in found]
    scores, state = read_prompt(steps, ids)
    _check_banned(forbidden, scores.shape[1])

    tokens = np.zeros((1, 0), np.int32)
    total = np.zeros(1)
    done: list[Beam] = []
    for made in range(1, length + 1):
        with no_grad():
            step_log = np.asarray(ops.log_softmax(scores), dtype=np.float64)
        step_log[:, forbidden] = -np.inf
        joint = total[:, None] + step_log
        flat = joint.ravel()
        order = np.argsort(-flat, kind="stable")
        order = order[np.isfinite(flat[order])]
        count = width + len(tokens) * len(ends)
        rows, extended, complete = _best_extensions(order, joint.shape[1], tokens, ends, is_complete, count, width)
        tokens, total = extended, flat[order[: len(rows)]]
        counted = np.flatnonzero(complete[:width] if early_stopping else complete)[:width]
        done += _beams(tokens[counted], total[counted], length_penalty)
        open_rows = np.flatnonzero(~complete)[:width]
        tokens, total = tokens[open_rows], total[open_rows]
        done = sorted(done, key=lambda beam: -beam.score)[:width]
        if early_stopping and len(done) == width:
            return done
        if made == length or not len(tokens) or _settled(done, width, total[0], length, length_penalty):
            break
        scores, state = steps.step(np.ascontiguousarray(tokens[:, -1]), take_rows(state, rows[open_rows]))
    if made == length:
        done += _beams(tokens, total, length_penalty)
    return sorted(done, key=lambda beam: -beam.score)[:width]


def _best_extensions(
    order: Array,
    vocabulary: int,
    tokens: Array,
    ends: Sequence[int],
    is_complete: Callable[[Array], Any] | None,
    count: int,
    width: int,
) -> tuple[Array, Array, Array]:
    """The first `count` extensions in `order`, or as many more as hold `width` open ones.

    order : numbers of extensions, best first; n extends the continuation n // V by the token n % V
    returns : the continuation that each extends, its tokens, and whether it is complete
    """
    while True:
        best = order[:count]
        rows, drawn = best // vocabulary, (best % vocabulary).astype(np.int32)
        extended = np.concatenate([tokens[rows], drawn[:, None]], axis=1)
        complete = np.isin(drawn, ends)
        if is_complete is None or not len(extended):
            return rows, extended, complete
        said = np.asarray(is_complete(extended))
        if said.shape != complete.shape or said.dtype != bool:
            raise ValueError(
                f"is_complete must return a bool for each of N = {len(complete)} continuations, got "
                f"{said.dtype} of shape {said.shape}"
            )
        complete |= said
        if count >= len(order) or len(complete) - complete.sum() >= width:
            return rows, extended, complete
        count *= 2


def _check_banned(forbidden: Array, vocabulary: int) -> None:
    if forbidden.size and not (forbidden[0] >= 0 and forbidden[-1] < vocabulary):
        raise ValueError(f"banned must hold ids in [0, V) = [0, {vocabulary}), got {forbidden.tolist()}")
    if len(forbidden) == vocabulary:
        raise ValueError(f"banned leaves no token to choose: it holds all V = {vocabulary} ids")


def _beams(tokens: Array, total: Array, length_penalty: float) -> list[Beam]:
    return [
        Beam(row, float(log_p), float(log_p) / max(len(row), 1) ** length_penalty)
        for row, log_p in zip(tokens, total, strict=True)
    ]


def _settled(done: list[Beam], width: int, best_open: float, length: int, length_penalty: float) -> bool:
    """No open continuation can still beat a complete one: log p only falls, and is divided by at most length**a."""
    return len(done) == width and best_open / length**length_penalty <= done[-1].score
