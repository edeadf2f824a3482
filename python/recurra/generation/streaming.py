"""Token after token: the loop between a model and a sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any, cast

import numpy as np

from recurra.generation.arguments import check_integer
from recurra.generation.compiled import Continuation, by_length
from recurra.generation.sampling import Sampler
from recurra.generation.stepping import StepModel, as_step_model, compiled_form, take_rows
from recurra.typing import Array, ArrayLike


def check_prompts(prompts: ArrayLike | Sequence[ArrayLike]) -> Array | list[Array]:
    """`prompts` as :func:`check_prompt` gives them, or as a list of arrays (N,) where they have several lengths."""
    if not isinstance(prompts, (list, tuple)) or len({np.shape(row) for row in _rows(prompts)}) < 2:
        return check_prompt(prompts)
    return [check_prompt(row)[0] for row in _rows(prompts)]


def _rows(prompts: Sequence[Any]) -> Sequence[Any]:
    return prompts if all(np.ndim(row) == 1 for row in prompts) else ()


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
    if ids.max() >= 2**31 or ids.min() < -(2**31):
        raise ValueError(f"prompt must hold ids in [0, V), got {ids.max() if ids.max() >= 2**31 else ids.min()}")
    return ids.astype(np.int32)


def read_prompt(model: StepModel, ids: Array | list[Array]) -> tuple[Array, Any]:
    """Take the model through (B, N) ids, or rows of several lengths: the scores after the last one, and the state."""
    if isinstance(ids, list):
        groups = by_length(ids)
        read = [read_prompt(model, same) for _, same in groups]
        order = np.argsort(np.concatenate([rows for rows, _ in groups]))
        states = [state for _, state in read]
        return np.concatenate([scores for scores, _ in read])[order], take_rows(_joined(states), order)
    state = model.initial_state(len(ids))
    for column in ids.T:
        scores, state = model.step(np.ascontiguousarray(column), state)
    return scores, state


def _joined(states: Sequence[Any]) -> Any:
    """The rows of several states, one after the other."""
    if isinstance(states[0], (list, tuple)):
        return tuple(_joined(parts) for parts in zip(*states, strict=True))
    return np.concatenate([np.asarray(state) for state in states])


def stream(
    model: Any, prompt: ArrayLike | Sequence[ArrayLike], *, length: int | None = None, sampler: Sampler | None = None
) -> Iterator[Array]:
    """Yield the tokens that follow `prompt`, one step at a time.

    model : a :class:`~recurra.generation.StepModel` or a recurrent ``Sequential``
    prompt : (N,) or (B, N) token ids, N >= 1, or a list of B prompts (N,) of several lengths
    length : how many steps; None goes on until the caller stops asking
    sampler : how to draw; ``Sampler()`` (the model's own distribution) by default
    yields : (B,) int32

    A ``Sequential`` whose layers the kernels know draws its tokens in blocks of a few milliseconds; tokens, and the
    draws that the sampler has made when one is yielded, are those of drawing them one by one.
    """
    ids = check_prompts(prompt)
    if length is not None:
        length = check_integer(length, "length", 0)
    steps, draw = as_step_model(model), _sampler(sampler)
    compiled = compiled_form(steps) if type(draw) is Sampler else None
    if compiled is None:
        return _stream(steps, ids, length, draw)
    return _one_by_one(Continuation(compiled, ids, draw), length)


def _sampler(sampler: Any) -> Any:
    """`sampler`, or the model's own distribution for None."""
    if sampler is None:
        return Sampler()
    if not callable(sampler):
        raise TypeError(f"sampler must be a Sampler, another function of scores (B, V), or None, got {sampler!r:.60}")
    return sampler


def _stream(
    model: StepModel, ids: Array | list[Array], length: int | None, draw: Callable[..., Array]
) -> Iterator[Array]:
    if length == 0:
        return
    scores, state = read_prompt(model, ids)
    seen: Array | None = None
    if getattr(draw, "repetition_penalty", 1.0) != 1.0:
        seen = np.zeros(scores.shape, bool)
        for row, tokens in zip(seen, ids, strict=True):
            row[tokens] = True
    made = 0
    while True:
        if seen is None:
            token = draw(scores)
        else:
            token = draw(scores, seen)
            seen[np.arange(len(seen)), token] = True
        yield token
        made += 1
        if made == length:
            return
        scores, state = model.step(token, state)


class _BlockSize:
    """How many tokens to ask for at once, so that a block takes at most about `longest` seconds."""

    def __init__(self, longest: float) -> None:
        self.tokens, self._longest = 1, longest

    def note(self, seconds: float) -> None:
        if 4 * seconds < self._longest:
            self.tokens = min(2 * self.tokens, 65_536)
        elif seconds > self._longest:
            self.tokens = max(1, self.tokens // 2)


def _one_by_one(run: Continuation, length: int | None) -> Iterator[Array]:
    size, draws, made = _BlockSize(0.02), run.sampler.draws, 0
    while made != length:
        handle = run.model.handle()
        run.read_prompt(handle)
        key, start, began = run.key, draws.stream, perf_counter()
        tokens, states = run.tokens(handle, size.tokens if length is None else min(size.tokens, length - made))
        size.note(perf_counter() - began)
        used = 0
        for token in tokens.T:
            # Tokens ahead of the consumer hold while nobody else draws from the sampler or changes it or the weights
            if used and (draws.stream != start + used or run.key != key):
                break
            used += 1
            draws.stream += 1
            yield np.ascontiguousarray(token)
        made += used
        run.advance(handle, tokens[:, :used], states if used == tokens.shape[1] else None)


def _all_at_once(run: Continuation, length: int) -> Array:
    size, made = _BlockSize(0.05), 0
    columns: list[Array] = [np.zeros((len(run.ended), 0), np.int32)]
    handle = run.model.handle()
    run.read_prompt(handle)
    while made < length and not run.ended.all():
        began = perf_counter()
        tokens, states = run.tokens(handle, min(size.tokens, length - made))
        size.note(perf_counter() - began)
        run.advance(handle, tokens, states)
        run.sampler.draws.stream += tokens.shape[1]
        made += tokens.shape[1]
        columns.append(tokens)
    return np.concatenate(columns, axis=1)


def generate(
    model: Any,
    prompt: ArrayLike | Sequence[ArrayLike],
    *,
    length: int,
    sampler: Sampler | None = None,
    end_id: int | Sequence[int] | None = None,
) -> Array:
    """The `length` tokens that follow `prompt`.

    model, sampler : as for :func:`stream`
    prompt : (N,) or (B, N) token ids, or a list of B prompts (N,) of several lengths; B rows are continued side by side
    end_id : an id, or several, that ends a row: from there on the row repeats it, and generation stops early once every
        row has ended
    returns : (B, M) int32 with M <= `length`, or (M,) for a flat prompt
    """
    ids, length = check_prompts(prompt), check_integer(length, "length", 0)
    ends, steps, draw = end_ids_of(end_id), as_step_model(model), _sampler(sampler)
    compiled = compiled_form(steps) if type(draw) is Sampler else None
    if compiled is not None:
        known = [end for end in ends if 0 <= end < compiled.vocabulary]
        made = _all_at_once(Continuation(compiled, ids, draw, known), length)
    else:
        made = _until_ended(_stream(steps, ids, length, draw), len(ids), ends)
    flat = isinstance(ids, np.ndarray) and np.ndim(cast(ArrayLike, prompt)) == 1
    return made[0] if flat else made


def _until_ended(tokens: Iterator[Array], rows: int, ends: Sequence[int]) -> Array:
    ended = np.zeros(rows, dtype=bool)
    columns: list[Array] = []
    for drawn in tokens:
        token = np.where(ended, columns[-1], drawn) if columns else drawn
        ended |= np.isin(token, ends)
        columns.append(token)
        if ended.all():
            break
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0), np.int32)


def end_ids_of(end_id: int | Sequence[int] | None) -> list[int]:
    """The ids that end a row: none, one or several."""
    if end_id is None:
        return []
    ids = np.atleast_1d(np.asarray(end_id))
    if ids.size == 0 and ids.ndim == 1:
        return []
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"end_id must be an id or a list of ids, got {end_id!r}")
    found: list[int] = ids.tolist()
    return found
