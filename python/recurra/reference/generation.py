"""Tokens from a network: an embedding table, recurrent and dense layers, choices; and beam search."""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra._core.cells import CELLS
from recurra.reference import checks
from recurra.reference.int8 import Int8Stack, is_pair, matrix, pair
from recurra.reference.nn import ACTIVATIONS, activation_forward, matmul, softmax_forward
from recurra.reference.recurrent import recurrent_forward
from recurra.reference.sampling import sample

Array = np.ndarray[Any, Any]
States = tuple[tuple[Array, ...], ...]


class GenerationModel(NamedTuple):
    """The table, and copies of the weights, as the compiled modules pack them."""

    table: Any  # an array, or (values, scales) of 8-bit ones
    dtype: np.dtype[Any]
    layers: tuple[tuple[str, tuple[Any, ...], tuple[str, str], tuple[float, ...] | None], ...]
    probabilities: bool

    @property
    def cells(self) -> list[tuple[str, tuple[int, ...]]]:
        """The name of each recurrent layer and the sizes of its states."""
        found = []
        for name, weights, _, _ in self.layers:
            if name != "dense":
                arrays = [part[0] if is_pair(part) else part for part in weights]
                units = arrays[0].shape[1] // len(CELLS[name].gates)
                projected = len(arrays[1]) if CELLS[name].projects else None
                found.append((name, CELLS[name].state_sizes(units, projected)))
        return found

    @property
    def vocabulary(self) -> int:
        """V."""
        return len(self.table[0] if is_pair(self.table) else self.table)

    def vectors(self, ids: Array) -> Array:
        """The table's rows."""
        if not is_pair(self.table):
            return self.table[ids]
        values, scales = self.table
        return values[ids] / scales[ids, None]


def generation_model(
    embeddings: Any,
    layers: Sequence[str],
    weights: Sequence[Sequence[Any]],
    activations: Sequence[tuple[str, str]],
    probabilities: bool,
    zoneout: Sequence[Sequence[float] | None],
) -> GenerationModel:
    """The network, its shapes checked."""
    table: Any
    if is_pair(embeddings):
        dtype = checks.floats("embeddings[1]", embeddings[1]).dtype if len(embeddings) == 2 else np.dtype(np.float32)
        table = pair("embeddings", embeddings, dtype, "(V,)", axis=0)
        V, width = table[0].shape
    else:
        table = checks.rank("embeddings", checks.floats("embeddings", embeddings), "(V, I)", 2)
        dtype, (V, width) = table.dtype, table.shape
    _items("layers", layers, None)
    _items("weights", weights, len(layers))
    _items("activations", activations, len(layers))
    _items("zoneout", zoneout, len(layers))
    read = []
    for n, (name, arrays, functions, shares) in enumerate(zip(layers, weights, activations, zoneout, strict=True)):
        if not isinstance(name, str) or name not in ("dense", *CELLS):
            raise ValueError(f"layers[{n}] must be 'dense' or a name of recurrent_cells(), got {name!r}")
        width = _width(name, f"weights[{n}]", arrays, width, dtype)
        for function in _items(f"activations[{n}]", functions, 2):
            checks.one_of(f"activations[{n}]", function, ACTIVATIONS)
        own = tuple(_copy(array) for array in arrays)
        read.append((name, own, (functions[0], functions[1]), _zoneout(name, f"zoneout[{n}]", shares)))
    if not any(name != "dense" for name in layers):
        raise ValueError("layers must name a recurrent cell, got none")
    if width != V or not width:
        raise ValueError(
            f"the last layer must have as many units as embeddings has rows, V >= 1, got {width} units and {V} rows"
        )
    return GenerationModel(table, dtype, tuple(read), probabilities)


def _copy(weights: Any) -> Any:
    if is_pair(weights):
        return tuple(part.copy() for part in weights)
    return None if weights is None else weights.copy()


def _zoneout(name: str, at: str, shares: Any) -> tuple[float, ...] | None:
    if shares is None:
        return None
    if name == "dense":
        raise ValueError(f"{at} must be None of a dense layer")
    return tuple(
        checks.number(f"{at}[{k}]", share, 0, 1) for k, share in enumerate(_items(at, shares, len(CELLS[name].states)))
    )


def _width(name: str, at: str, arrays: Any, inputs: int, dtype: np.dtype[Any]) -> int:
    """How wide a layer's output is, from its weights, which are checked."""
    names = ("kernel", "bias") if name == "dense" else CELLS[name].weights
    _items(at, arrays, len(names))
    kernel = checks.rank(f"{at}[0]", matrix(f"{at}[0]", arrays[0], dtype), "(I, G*H)", 2)
    gates = 1 if name == "dense" else len(CELLS[name].gates)
    units = kernel.shape[1] // gates
    if units < 1:
        raise ValueError(f"{at}[0] must have at least one unit (H >= 1), got none")
    projected = None
    if name != "dense" and CELLS[name].projects:
        recurrent = checks.rank(f"{at}[1]", matrix(f"{at}[1]", arrays[1], dtype), "(P, G*H)", 2)
        projected = len(recurrent)
        if projected < 1:
            raise ValueError(f"{at}[1] must have at least one row (P >= 1), got none")
    expected = (
        {"kernel": (inputs, units), "bias": (units,)}
        if name == "dense"
        else CELLS[name].shapes(inputs, units, projected)
    )
    for k, part in enumerate(names):
        if part in ("kernel", "recurrent_kernel"):
            checks.shaped(f"{at}[{k}]", matrix(f"{at}[{k}]", arrays[k], dtype), part, expected[part])
            if is_pair(arrays[k]) != is_pair(arrays[0]):
                raise ValueError(f"{at}[0] and [1] must both be 8-bit weights (values, scales), or neither")
        elif arrays[k] is not None or part != "bias":
            checks.shaped(f"{at}[{k}]", checks.floats(f"{at}[{k}]", arrays[k], dtype), part, expected[part])
    return projected or units


def _items(name: str, values: Any, count: int | None) -> Sequence[Any]:
    if not isinstance(values, (tuple, list)):
        raise TypeError(f"{name} must be a tuple or list, got {type(values).__name__}")
    if count is not None and len(values) != count:
        raise ValueError(f"{name} must hold {count} items, got {len(values)}")
    return values


def _checked(model: Any) -> GenerationModel:
    if not isinstance(model, GenerationModel):
        raise TypeError(f"model must be what generation_model() returned, got {type(model).__name__}")
    return model


def _read_states(model: GenerationModel, states: Any, rows: int) -> States:
    read = []
    for n, ((name, sizes), own) in enumerate(zip(model.cells, _items("states", states, len(model.cells)), strict=True)):
        arrays = []
        letters = ("P" if CELLS[name].projects else "H", "H")
        for k, part in enumerate(_items(f"states[{n}]", own, len(sizes))):
            given = checks.optional(f"states[{n}][{k}]", part, model.dtype, f"(B, {letters[k]})", (rows, sizes[k]))
            arrays.append(np.zeros((rows, sizes[k]), model.dtype) if given is None else given)
        read.append(tuple(arrays))
    return tuple(read)


def _step(model: GenerationModel, ids: Array, states: States) -> tuple[Array, States]:
    """Scores of the next token, (B, V), and the new states."""
    value, new, old = model.vectors(ids), [], iter(states)
    for name, weights, (activation, recurrent_activation), zoneout in model.layers:
        if name == "dense":
            kernel, bias = weights
            if is_pair(kernel):
                value = value @ Int8Stack(kernel[0], kernel[1][None])
                value = activation_forward(activation, value if bias is None else value + bias)
                continue
            value = activation_forward(activation, matmul(value, kernel, bias, False, False))
            continue
        value, state, _ = recurrent_forward(
            name, value[:, None], next(old), weights, None, None, None, None, activation, recurrent_activation,
            False, False, False, False, None, None, zoneout,
        )  # fmt: skip
        new.append(state)
    if model.probabilities:
        value = np.log(np.maximum(softmax_forward(value), np.finfo(value.dtype).tiny))
    return value, tuple(new)


def generate(
    model: GenerationModel,
    prompt: Array,
    states: Any,
    ended: Array | None,
    seen: Array | None,
    steps: int,
    temperature: float,
    top_k: int,
    top_p: float,
    repetition_penalty: float,
    banned: Array,
    end_ids: Array,
    seed: int,
    stream: int,
) -> tuple[Array, States]:
    """Read the prompt (B, N), then choose and read `steps` tokens; the last one is not read."""
    V = _checked(model).vocabulary
    checks.rank("prompt", checks.ids("prompt", prompt, V), "(B, N)", 2)
    if not prompt.size:
        raise ValueError(f"prompt must have at least one row and one token, got {prompt.shape}")
    rows = len(prompt)
    steps = checks.integer("steps", steps, 0)
    top_p, repetition_penalty = (
        checks.number("top_p", top_p, 0, 1),
        checks.number("repetition_penalty", repetition_penalty),
    )
    if top_p == 0:
        raise ValueError("top_p must be in (0, 1] (1 keeps all tokens), got 0")
    if repetition_penalty <= 0:
        raise ValueError(f"repetition_penalty must be > 0 (1 changes nothing), got {repetition_penalty}")
    now = _read_states(model, states, rows)
    over = np.zeros(rows, bool) if ended is None else np.array(checks.mask("ended", ended, "(B,)", (rows,)))
    known = np.zeros((rows, V), bool) if seen is None else np.array(checks.mask("seen", seen, "(B, V)", (rows, V)))
    allowed = _allowed(banned, V)
    checks.rank("end_ids", checks.ids("end_ids", end_ids, V), "(N,)", 1)
    for token in prompt.T:
        scores, now = _step(model, token, now)
        known[np.arange(rows), token] = True
    made: list[Array] = []
    last = prompt[:, -1]
    for n in range(steps):
        if made:
            scores, now = _step(model, last, now)
        drawn = _choose(scores, known, allowed, temperature, top_k, top_p, repetition_penalty, seed, stream + n)
        last = np.where(over, last, drawn).astype(np.int32)
        made.append(last)
        known[np.arange(rows), last] = True
        over |= np.isin(last, end_ids)
        if over.all():
            break
    tokens = np.stack(made, axis=1) if made else np.zeros((rows, 0), np.int32)
    return tokens, now


def _allowed(banned: Array, V: int) -> Array:
    checks.rank("banned", checks.ids("banned", banned, V), "(N,)", 1)
    allowed = np.setdiff1d(np.arange(V, dtype=np.int32), banned)
    if not len(allowed):
        raise ValueError(f"banned leaves no token to choose: it holds all V = {V} ids")
    return allowed


def _choose(
    scores: Array, seen: Array, allowed: Array, temperature: float, top_k: int, top_p: float,
    repetition_penalty: float, seed: int, stream: int,
) -> Array:  # fmt: skip
    """One token for each row: the penalty, the tokens that may be chosen, the nucleus, the draw."""
    if repetition_penalty != 1:
        penalty = scores.dtype.type(repetition_penalty)
        scores = np.where(seen, np.where(scores > 0, scores / penalty, scores * penalty), scores)
    scores = scores[:, allowed]
    if top_p == 1 or temperature == 0:
        return allowed[sample(scores, temperature, top_k, seed, stream)]
    order = np.argsort(-scores, axis=1, kind="stable")[:, : top_k or None]
    ranked = np.take_along_axis(scores, order, axis=1)
    weights = np.exp((ranked.astype(np.float64) - ranked[:, :1]) / temperature)
    before = np.cumsum(weights, axis=1) - weights
    ranked[before >= top_p * weights.sum(axis=1, keepdims=True)] = -np.inf
    drawn = sample(ranked, temperature, 0, seed, stream)
    return allowed[np.take_along_axis(order, drawn[:, None].astype(np.int64), axis=1)[:, 0]]


def beam_search(
    model: GenerationModel,
    prompt: Array,
    states: Any,
    length: int,
    width: int,
    length_penalty: float,
    end_ids: Array,
    banned: Array,
) -> list[tuple[Array, float, float]]:
    """The `width` best continuations that are found, best first: tokens, log probability, score."""
    V = _checked(model).vocabulary
    checks.rank("prompt", checks.ids("prompt", prompt, V), "(N,)", 1)
    if not prompt.size:
        raise ValueError("prompt must have at least one token, got none")
    length, width = checks.integer("length", length, 1), checks.integer("width", width, 1)
    now = _read_states(model, states, 1)
    allowed = _allowed(banned, V)
    checks.rank("end_ids", checks.ids("end_ids", end_ids, V), "(N,)", 1)
    for token in prompt:
        scores, now = _step(model, np.array([token]), now)

    def beam(tokens: tuple[int, ...], log_p: float) -> tuple[Array, float, float]:
        return np.array(tokens, np.int32), log_p, log_p / len(tokens) ** length_penalty

    open_: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    done: list[tuple[Array, float, float]] = []
    for made in range(1, length + 1):
        shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        grown = [
            (total + float(log_p[row, token]), row, int(token))
            for row, (_, total) in enumerate(open_)
            for token in allowed
            if np.isfinite(log_p[row, token])
        ]
        grown.sort(key=lambda candidate: -candidate[0])
        best = grown[: width + len(open_) * len(end_ids)]
        complete = [(total, row, token) for total, row, token in best if token in end_ids][:width]
        left = [(total, row, token) for total, row, token in best if token not in end_ids][:width]
        done += [beam((*open_[row][0], token), total) for total, row, token in complete]
        done = sorted(done, key=lambda found: -found[2])[:width]
        open_ = [((*open_[row][0], token), total) for total, row, token in left]
        if not open_ or made == length:
            break
        if len(done) == width and open_[0][1] / length**length_penalty <= done[-1][2]:
            return done
        rows = np.array([row for _, row, _ in left])
        now = tuple(tuple(part[rows] for part in own) for own in now)
        scores, now = _step(model, np.array([tokens[-1] for tokens, _ in open_]), now)
    done += [beam(tokens, total) for tokens, total in open_]
    return sorted(done, key=lambda found: -found[2])[:width]
