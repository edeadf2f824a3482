"""Token after token: the loop between a model and a sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from recurra.generation.sampling import Sampler
from recurra.generation.stepping import StepModel, as_step_model
from recurra.typing import Array


def check_prompt(prompt: Any) -> Array:
    """`prompt` as an array of ids (B, N): a flat list of ids is one row; an empty or ragged one is refused."""
    try:
        ids = np.asarray(prompt)
    except ValueError:
        raise ValueError("prompt must have rows of one length: (B, N) token ids, got rows of several lengths") from None
    if ids.ndim == 1:
        ids = ids[None]
    if ids.ndim != 2 or ids.size == 0 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"prompt must be token ids of shape (N,) or (B, N) with N >= 1, got {ids.dtype} of shape {np.shape(prompt)}"
        )
    return ids.astype(np.int32)


def read_prompt(model: StepModel, ids: Array) -> tuple[Array, Any]:
    """Take the model through (B, N) ids: the scores after the last one, and the state."""
    state = model.initial_state(len(ids))
    for column in ids.T:
        scores, state = model.step(np.ascontiguousarray(column), state)
    return scores, state


def stream(model: Any, prompt: Any, *, length: int | None = None, sampler: Sampler | None = None) -> Iterator[Array]:
    """Yield the tokens that follow `prompt`, one step at a time, as they are drawn.

    model : a :class:`~recurra.generation.StepModel` or a recurrent ``Sequential``
    prompt : (N,) or (B, N) token ids, N >= 1
    length : how many steps; None goes on until the caller stops asking
    sampler : how to draw; ``Sampler()`` (the model's own distribution) by default
    yields : (B,) int32
    """
    ids = check_prompt(prompt)
    if length is not None and length < 0:
        raise ValueError(f"length must be >= 0, got {length}")
    return _stream(as_step_model(model), ids, length, sampler or Sampler())


def _stream(model: StepModel, ids: Array, length: int | None, draw: Callable[[Array], Array]) -> Iterator[Array]:
    if length == 0:
        return
    scores, state = read_prompt(model, ids)
    made = 0
    while True:
        token = draw(scores)
        yield token
        made += 1
        if made == length:
            return
        scores, state = model.step(token, state)


def generate(
    model: Any, prompt: Any, *, length: int, sampler: Sampler | None = None, end_id: int | None = None
) -> Array:
    """The `length` tokens that follow `prompt`.

    end_id : an id that ends a row: from there on the row repeats it, and generation stops early once every row has
    returns : (B, M) int32 with M <= `length`, or (M,) for a flat prompt
    """
    ids = check_prompt(prompt)
    ended = np.zeros(len(ids), dtype=bool)
    columns: list[Array] = []
    for drawn in stream(model, ids, length=length, sampler=sampler):
        token = drawn
        if end_id is not None:
            token = np.where(ended, np.int32(end_id), drawn)
            ended |= token == end_id
        columns.append(token)
        if end_id is not None and ended.all():
            break
    made = np.stack(columns, axis=1) if columns else np.zeros((len(ids), 0), np.int32)
    return made if np.ndim(prompt) == 2 else made[0]
