"""Linear-chain conditional random fields (Lafferty et al., 2001): log Z by forward-backward, the best path by Viterbi.

A path is one label for each step that the mask keeps; steps that it leaves out are no part of the chain. Its score is

    start[y_1] + sum_t scores[t, y_t] + sum_t transitions[y_t-1, y_t] + end[y_T]

and its probability ``exp(score) / Z``, with Z the sum over all C^T paths. Everything is computed in float64, for all
rows at once, step by step. In rows whose scores are within some hundreds of each other a step is a product of
exponentials; in the others, and with transitions of -inf, it is a logsumexp over (B, C, C). A row's results do not
depend on the other rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, record, value_of
from recurra.ops.common import floats_of
from recurra.typing import ArrayLike

#: below this, products of exponentials of differences neither overflow nor vanish in float64
_SAFE_RANGE = 600.0


class _Chain(NamedTuple):
    """A checked call, in float64, with the kept steps of each row moved to its front.

    scores : (T, B, C);  lengths : (B,);  order : (B, T), where each step came from, or None for its own place
    weights : exp(transitions - shift), or None where no row may use them
    wide : (B,) bool, the rows that may not
    """

    scores: Array
    lengths: Array
    order: Array | None
    transitions: Array
    start: Array
    end: Array
    weights: Array | None
    shift: float
    wide: Array

    def follow(self, before: Array) -> Array:
        """(B, C): log sum_i exp(before[b, i] + transitions[i, j])."""
        return self._product(before, self.transitions, False)

    def precede(self, after: Array) -> Array:
        """(B, C): log sum_j exp(transitions[i, j] + after[b, j])."""
        return self._product(after, self.transitions.T, True)

    def _product(self, x: Array, transitions: Array, transposed: bool) -> Array:
        if self.weights is None:
            return _logsumexp(x[:, :, None] + transitions, 1)
        if self.wide.any():
            found = np.empty(x.shape)
            found[self.wide] = _logsumexp(x[self.wide][:, :, None] + transitions, 1)
            found[~self.wide] = self._exponentials(x[~self.wide], transposed)
            return found
        return self._exponentials(x, transposed)

    def _exponentials(self, x: Array, transposed: bool) -> Array:
        assert self.weights is not None
        top = x.max(1, keepdims=True)
        product = core.matmul(np.exp(x - top), self.weights, None, False, transposed)
        return np.asarray(np.log(product) + (top + self.shift))


def crf_log_norm(
    scores: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> Any:
    """The log Z of each row: the logarithm of the sum of exp(score) over all paths.

    scores : (B, T, C), of each label at each step
    transitions : (C, C), from the label of a row to that of a column
    start, end : (C,), of the first and the last label; None for zeros
    mask : (B, T) bool, the steps that count; None for all
    Returns (B,); 0 for a row without steps
    """
    chain = _chain(scores, transitions, start, end, mask)
    alpha, log_norm = _forward(chain)
    dtype = floats_of(scores).dtype

    def backward(d: Array) -> tuple[Array | None, ...]:
        unary, pairs = _expectations(chain, alpha, log_norm, d.astype(np.float64))
        return _gradients(chain, unary, pairs, (scores, transitions, start, end))

    return record(log_norm.astype(dtype), (scores, transitions, start, end), backward)


def crf_path_score(
    scores: ArrayLike,
    labels: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> Any:
    """The score of one path in each row.

    labels : (B, T) label ids in [0, C); what stands at masked steps does not count
    Others as for :func:`crf_log_norm`. Returns (B,)
    """
    chain = _chain(scores, transitions, start, end, mask)
    path = _path(labels, chain)
    total = _path_score(chain, path)
    dtype = floats_of(scores).dtype

    def backward(d: Array) -> tuple[Array | None, ...]:
        unary, pairs = _path_counts(chain, path, d.astype(np.float64))
        return _gradients(chain, unary, pairs, (scores, transitions, start, end))

    return record(total.astype(dtype), (scores, transitions, start, end), backward)


def crf_log_likelihood(
    scores: ArrayLike,
    labels: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> Any:
    """The log p(labels | scores) of each row: :func:`crf_path_score` minus :func:`crf_log_norm`.

    Arguments as theirs. Returns (B,). Both sums grow with the steps: in float32 their difference would lose its digits
    """
    chain = _chain(scores, transitions, start, end, mask)
    path = _path(labels, chain)
    alpha, log_norm = _forward(chain)
    found = _path_score(chain, path) - log_norm
    dtype = floats_of(scores).dtype

    def backward(d: Array) -> tuple[Array | None, ...]:
        share = d.astype(np.float64)
        counts, expected = _path_counts(chain, path, share), _expectations(chain, alpha, log_norm, share)
        unary, pairs = (one - other for one, other in zip(counts, expected, strict=True))
        return _gradients(chain, unary, pairs, (scores, transitions, start, end))

    return record(found.astype(dtype), (scores, transitions, start, end), backward)


def crf_marginals(
    scores: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> Array:
    """p(label of step t = c | scores), from all paths: (B, T, C), zeros at masked steps.

    Arguments as for :func:`crf_log_norm`. No gradient goes through it
    """
    chain = _chain(scores, transitions, start, end, mask)
    alpha, log_norm = _forward(chain)
    unary, _ = _expectations(chain, alpha, log_norm, np.ones(len(log_norm)))
    return _restored(unary, chain).astype(floats_of(scores).dtype)


def viterbi_decode(
    scores: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """The path with the greatest score in each row; of equal ones that with the smaller ids from the end on.

    Arguments as for :func:`crf_log_norm`. Returns the labels (B, T) int32, 0 at masked steps, and their scores (B,)
    """
    chain = _chain(scores, transitions, start, end, mask)
    steps, batch, classes = chain.scores.shape
    found = np.zeros((batch, steps), np.int32)
    if not steps or not batch:
        return found, np.zeros(batch, floats_of(scores).dtype)
    into = np.ascontiguousarray(chain.transitions.T)  # into[j, i], so that the best of i is sought along a row
    best = chain.start + chain.scores[0]
    came_from = np.zeros((steps, batch, classes), np.int32)
    for t in range(1, steps):
        candidates = best[:, None, :] + into
        came_from[t] = candidates.argmax(-1)
        here = np.take_along_axis(candidates, came_from[t][..., None], -1)[..., 0] + chain.scores[t]
        best = np.where((t < chain.lengths)[:, None], here, best)
    best = best + chain.end
    rows = np.arange(batch)
    now = best.argmax(-1).astype(np.int32)
    total = np.where(chain.lengths > 0, best[rows, now], 0)
    for t in range(steps - 1, -1, -1):
        inside = t < chain.lengths
        found[:, t] = np.where(inside, now, 0)
        now = np.where(inside, came_from[t, rows, now], now)
    if chain.order is not None:
        placed = np.zeros_like(found)
        np.put_along_axis(placed, chain.order, found, 1)
        found = placed
    return found, total.astype(floats_of(scores).dtype)


def _chain(
    scores: ArrayLike, transitions: ArrayLike, start: ArrayLike | None, end: ArrayLike | None, mask: ArrayLike | None
) -> _Chain:
    x = floats_of(scores)
    if x.ndim != 3 or not x.shape[-1]:
        raise ValueError(f"scores must have shape (B, T, C) with C > 0, got {x.shape}")
    batch, steps, classes = x.shape
    pairs = floats_of(transitions).astype(np.float64)
    if pairs.shape != (classes, classes):
        raise ValueError(f"transitions must have shape (C, C) = ({classes}, {classes}), got {pairs.shape}")
    edges = []
    for name, value in (("start", start), ("end", end)):
        edge = np.zeros(classes) if value is None else floats_of(value).astype(np.float64)
        if edge.shape != (classes,):
            raise ValueError(f"{name} must have shape (C,) = ({classes},), got {edge.shape}")
        edges.append(edge)
    order = None
    lengths = np.full(batch, steps)
    if mask is not None:
        kept = np.asarray(value_of(mask)).astype(bool)
        if kept.shape != (batch, steps):
            raise ValueError(f"mask must have shape (B, T) = ({batch}, {steps}), got {kept.shape}")
        lengths = kept.sum(1)
        if not np.array_equal(kept, np.arange(steps) < lengths[:, None]):
            order = np.argsort(~kept, axis=1, kind="stable")
            x = np.take_along_axis(x, order[..., None], 1)
        x = np.where((np.arange(steps) < lengths[:, None])[..., None], x, 0)  # whatever stands at masked steps
    moved = np.ascontiguousarray(x.transpose(1, 0, 2), np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        spread = np.ptp(moved, axis=-1).max(0, initial=0.0)
        spread = 2 * np.ptp(pairs) + np.ptp(edges[0]) + np.ptp(edges[1]) + spread
    wide = ~(spread < _SAFE_RANGE)  # True for inf and nan
    safe = not wide.all()
    shift = float(pairs.max()) if safe else 0.0
    weights = np.exp(pairs - shift) if safe else None
    return _Chain(moved, lengths, order, pairs, edges[0], edges[1], weights, shift, wide)


def _path(labels: ArrayLike, chain: _Chain) -> Array:
    """Checked labels, (T, B), in the order of the chain; 0 behind a row's end."""
    steps, batch, classes = chain.scores.shape
    ids: Array = np.asarray(value_of(labels))
    if ids.shape == (batch, steps, 1):
        ids = ids[..., 0]
    if ids.shape != (batch, steps):
        raise ValueError(f"labels must have shape (B, T) = ({batch}, {steps}), got {ids.shape}")
    if ids.dtype.kind == "O" and all(isinstance(one, (int, np.integer)) for one in ids.flat):
        ids = ids.astype(np.int64)
    if ids.dtype.kind not in "iufb":
        raise ValueError(f"labels must hold label ids, got dtype {ids.dtype}")
    if chain.order is not None:
        ids = np.take_along_axis(ids, chain.order, 1)
    ids = np.where(np.arange(steps) < chain.lengths[:, None], ids, 0)
    if ids.dtype.kind == "f" and not np.array_equal(ids, np.trunc(ids)):
        raise ValueError(f"labels must hold label ids, got dtype {ids.dtype} with fractions or NaN")
    if ids.size and (ids.min() < 0 or ids.max() >= classes):
        raise ValueError(f"labels must be in [0, C) = [0, {classes}), got ids from {ids.min()} to {ids.max()}")
    return np.asarray(ids.T.astype(np.int64))


def _path_score(chain: _Chain, path: Array) -> Array:
    """(B,), in float64."""
    steps, batch, _ = chain.scores.shape
    kept = np.arange(steps)[:, None] < chain.lengths
    total = _over_steps(np.take_along_axis(chain.scores, path[..., None], -1)[..., 0] * kept)
    if steps > 1:
        total = total + _over_steps(np.where(kept[1:], chain.transitions[path[:-1], path[1:]], 0))
    if steps:
        last = path[np.maximum(chain.lengths - 1, 0), np.arange(batch)]
        total = total + np.where(chain.lengths > 0, chain.start[path[0]] + chain.end[last], 0)
    return total


def _path_counts(chain: _Chain, path: Array, share: Array) -> tuple[Array, Array]:
    """What a path passes through, rows weighted by `share`, as :func:`_expectations` gives it for all paths."""
    steps, _, classes = chain.scores.shape
    kept = np.arange(steps)[:, None] < chain.lengths
    unary = np.zeros(chain.scores.shape)
    np.put_along_axis(unary, path[..., None], (kept * share)[..., None], -1)
    pairs = np.zeros((classes, classes))
    if steps > 1:
        np.add.at(pairs, (path[:-1], path[1:]), kept[1:] * share)
    return unary, pairs


def _over_steps(x: Array) -> Array:
    """The sum over the first axis, one step after the other: the order of NumPy's sum depends on the other axis."""
    return np.asarray(x.cumsum(0)[-1]) if len(x) else np.zeros(x.shape[1:])


def _restored(unary: Array, chain: _Chain) -> Array:
    """(T, B, C) in the order of the chain as (B, T, C) in the order of the call."""
    found: Array = unary.transpose(1, 0, 2)
    if chain.order is None:
        return found
    placed: Array = np.zeros(found.shape)
    np.put_along_axis(placed, chain.order[..., None], found, 1)
    return placed


def _gradients(chain: _Chain, unary: Array, pairs: Array, inputs: tuple[Any, ...]) -> tuple[Array | None, ...]:
    """From what paths pass through, weighted by the rows' gradients, the gradients of the four inputs."""
    batch, classes = unary.shape[1:]
    first = last = np.zeros(classes)
    if len(unary):
        first, last = unary[0].sum(0), unary[np.maximum(chain.lengths - 1, 0), np.arange(batch)].sum(0)
    found = (_restored(unary, chain), pairs, first, last)
    return tuple(None if one is None else d.astype(floats_of(one).dtype) for one, d in zip(inputs, found, strict=True))


def _logsumexp(x: Array, axis: int) -> Array:
    top = x.max(axis, keepdims=True)
    base = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # log 0 where all are -inf
        return np.asarray(np.log(np.exp(x - base).sum(axis)) + base.squeeze(axis))


def _forward(chain: _Chain) -> tuple[Array, Array]:
    """alpha[t, b, c]: log sum over the paths to step t that end in c; and log Z, (B,)."""
    steps, batch, _ = chain.scores.shape
    alpha = np.zeros(chain.scores.shape)
    if not steps:
        return alpha, np.zeros(batch)
    now = alpha[0] = chain.start + chain.scores[0]
    for t in range(1, steps):
        here = chain.follow(now) + chain.scores[t]
        now = alpha[t] = np.where((t < chain.lengths)[:, None], here, now)
    return alpha, np.where(chain.lengths > 0, _logsumexp(now + chain.end, 1), 0)


def _expectations(chain: _Chain, alpha: Array, log_norm: Array, share: Array) -> tuple[Array, Array]:
    """What is expected under p, rows weighted by `share`: labels (T, B, C), zeros behind a row's end; pairs (C, C)."""
    steps, batch, classes = alpha.shape
    norm = np.where(np.isfinite(log_norm), log_norm, 0)[:, None]  # where no path is possible, nothing is expected
    pairs = np.zeros((classes, classes))
    unary = np.zeros(alpha.shape)
    if not steps:
        return unary, pairs
    kept = np.arange(steps)[:, None] < chain.lengths
    wide = np.flatnonzero(chain.wide)
    beta = np.broadcast_to(chain.end, (batch, classes))
    ahead = np.zeros(alpha.shape)  # of step t: scores and beta of the step after it
    unary[-1] = np.exp(alpha[-1] + beta - norm)
    for t in range(steps - 2, -1, -1):
        ahead[t] = chain.scores[t + 1] + beta
        beta = np.where(kept[t + 1][:, None], chain.precede(ahead[t]), chain.end)
        unary[t] = np.exp(alpha[t] + beta - norm)
        if len(wide):
            after = np.where(kept[t + 1][wide, None], ahead[t][wide] - norm[wide], -np.inf)
            both = np.exp(alpha[t][wide][:, :, None] + chain.transitions + after[:, None, :])
            both = both.reshape(len(wide), classes**2)
            pairs += core.matmul(share[None, wide], both, None, False, False).reshape(pairs.shape)
    unary *= np.where(kept, share, 0)[..., None]
    if chain.weights is not None and steps > 1:
        rows = ~chain.wide if len(wide) else slice(None)
        left, right = alpha[:-1, rows], ahead[:-1, rows]
        tops = left.max(-1, keepdims=True), right.max(-1, keepdims=True)
        scale = np.exp(tops[0] + tops[1] + chain.shift - norm[rows])[..., 0] * share[rows]
        scale = np.where(kept[1:, rows], scale, 0)
        a = np.exp(left - tops[0]).reshape(-1, classes)
        b = (np.exp(right - tops[1]) * scale[..., None]).reshape(-1, classes)
        pairs += chain.weights * core.matmul(a, b, None, True, False)
    return unary, pairs
