"""Connectionist temporal classification (Graves et al., 2006): the loss, and reading labels off its outputs.

The loss of one row is ``-log`` of the sum over all ways to stretch its labels over the steps, with blanks between. It
is computed in logarithms, forwards (alpha) and backwards (beta), for all rows and places at once, step by step. Places
are the labels with a blank before, between and after them, S = 2 L + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from recurra.autograd import Array, record, thread_state, value_of
from recurra.ops.common import floats_of
from recurra.typing import ArrayLike


def ctc_loss(
    target: ArrayLike,
    output: ArrayLike,
    target_length: ArrayLike,
    output_length: ArrayLike,
    mask_index: int = 0,
) -> Any:
    """The CTC loss of each row: -log p(labels | outputs).

    target : (B, L) class ids;  target_length : (B,), how many of them count
    output : (B, T, C) logits;  output_length : (B,), how many steps count
    mask_index : the class that means blank
    Returns (B,); inf, with a gradient of zeros, for a row whose labels do not fit into its steps
    """
    logits = floats_of(output)
    labels = np.asarray(value_of(target))
    if logits.ndim != 3 or labels.ndim != 2 or len(labels) != len(logits):
        raise ValueError(f"output must have shape (B, T, C) and target (B, L), got {logits.shape} and {labels.shape}")
    batch, steps, classes = logits.shape
    if labels.dtype.kind not in "iu" and not np.array_equal(labels, np.trunc(labels)):
        raise ValueError(f"target must hold class ids, got dtype {labels.dtype}")
    blank = int(mask_index) % classes if -classes <= mask_index < classes else -1
    if blank < 0:
        raise ValueError(f"mask_index must be one of {classes} classes, got {mask_index}")
    counts = _lengths(target_length, batch, labels.shape[1], "target_length")
    ends = _lengths(output_length, batch, steps, "output_length")
    labels = labels.astype(np.int64)
    used = np.arange(labels.shape[1]) < counts[:, None]
    if (used & ((labels < 0) | (labels >= classes))).any():
        raise ValueError(f"target must hold class ids in [0, C) = [0, {classes})")
    places = np.full((batch, 2 * labels.shape[1] + 1), blank)
    places[:, 1::2] = np.where(used, labels, blank)

    log_p = logits - logits.max(-1, keepdims=True, initial=-np.inf) if logits.size else logits
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
    at_places = np.take_along_axis(log_p, np.broadcast_to(places[:, None], (batch, steps, places.shape[1])), -1)
    alpha, log_likelihood = _forward(at_places, places, blank, counts, ends)
    loss = (-log_likelihood).astype(logits.dtype)
    if thread_state.tape is None:
        return loss

    def backward(d: Array) -> tuple[Array]:
        beta = _backward(at_places, places, blank, counts, ends)
        possible = np.isfinite(log_likelihood)
        total = np.where(possible, log_likelihood, 0)[:, None, None]
        share = np.exp(alpha + beta - total)  # of each place at each step
        dz = np.exp(log_p)
        rows = np.arange(batch)
        for place in range(places.shape[1]):
            dz[rows, :, places[:, place]] -= share[:, :, place]
        counting = (np.arange(steps) < ends[:, None]) & possible[:, None]
        return (np.where(counting[..., None], dz * d[:, None, None], 0).astype(logits.dtype),)

    return record(loss, (output,), backward)


def _lengths(value: ArrayLike, batch: int, limit: int, name: str) -> Array:
    lengths = np.asarray(value_of(value)).reshape(-1).astype(np.int64)
    if lengths.shape != (batch,) or (lengths < 0).any() or (lengths > limit).any():
        raise ValueError(f"{name} must hold one length in [0, {limit}] for each of {batch} rows, got {lengths}")
    return lengths


def _skips(places: Array, blank: int) -> Array:
    """Whether a place can follow the one before the last: a label other than that one."""
    skips = np.zeros(places.shape, bool)
    skips[:, 2:] = (places[:, 2:] != blank) & (places[:, 2:] != places[:, :-2])
    return skips


def _shifted(x: Array, by: int) -> Array:
    """x[:, s - by], -inf where there is none."""
    result = np.full_like(x, -np.inf)
    if by > 0:
        result[:, by:] = x[:, :-by] if x.shape[1] > by else x[:, :0]
    else:
        result[:, :by] = x[:, -by:] if x.shape[1] > -by else x[:, :0]
    return result


def _forward(at_places: Array, places: Array, blank: int, counts: Array, ends: Array) -> tuple[Array, Array]:
    """alpha[b, t, s]: the steps to t, ending at place s, and log p of all labels."""
    batch, steps, width = at_places.shape
    alpha = np.full(at_places.shape, -np.inf, at_places.dtype)
    skips = _skips(places, blank)
    rows = np.arange(batch)
    # before the first step: at the first blank, from where only it and the first label can be reached
    now = np.full((batch, width), -np.inf, at_places.dtype)
    now[:, :1] = 0
    final = np.where((counts == 0) & (ends == 0), 0.0, -np.inf)
    for t in range(steps):
        before = now
        now = np.logaddexp(before, _shifted(before, 1))
        if t:
            now = np.logaddexp(now, np.where(skips, _shifted(before, 2), -np.inf))
        now = now + at_places[:, t]
        alpha[:, t] = now
        last = ends == t + 1
        if last.any():
            label = np.where(counts > 0, now[rows, np.maximum(2 * counts - 1, 0)], -np.inf)
            final = np.where(last, np.logaddexp(now[rows, 2 * counts], label), final)
    return alpha, final


def _backward(at_places: Array, places: Array, blank: int, counts: Array, ends: Array) -> Array:
    """beta[b, t, s]: the steps after t, beginning at place s."""
    batch, steps, width = at_places.shape
    beta = np.full(at_places.shape, -np.inf, at_places.dtype)
    skips = _skips(places, blank)
    s = np.arange(width)
    last = 2 * counts[:, None]
    start = np.where((s == last) | ((s == last - 1) & (last > 0)), 0.0, -np.inf)
    now = np.full((batch, width), -np.inf, at_places.dtype)
    for t in range(steps - 1, -1, -1):
        if t + 1 < steps:
            after = now + at_places[:, t + 1]
            skipping = np.where(skips, after, -np.inf)
            now = np.logaddexp(np.logaddexp(after, _shifted(after, -1)), _shifted(skipping, -2))
        now = np.where((ends == t + 1)[:, None], start, now).astype(at_places.dtype, copy=False)
        beta[:, t] = now
    return beta


def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Array, Array]:
    """The labels that outputs say, and scores.

    inputs : (B, T, C) logits;  sequence_lengths : (B,), how many steps count
    strategy : "greedy": the best class of each step, or "beam_search": the labels of the greatest probability over all
        alignments, among the `beam_width` best prefixes of each step
    top_paths : how many answers a beam search gives
    merge_repeated : whether equal classes in a row are one label (greedy)
    mask_index : the class that means blank
    Returns the labels (1 or top_paths, B, T), -1 behind the last, and the negative sum of the best logits (B, 1) or the
        log probabilities (B, top_paths)
    """
    x = floats_of(inputs)
    if x.ndim != 3:
        raise ValueError(f"inputs must have shape (B, T, C), got {x.shape}")
    batch, steps, classes = x.shape
    if not -classes <= mask_index < classes:
        raise ValueError(f"mask_index must be one of {classes} classes, got {mask_index}")
    blank = int(mask_index) % classes
    ends = _lengths(sequence_lengths, batch, steps, "sequence_lengths")
    if strategy == "greedy":
        return _greedy(x, ends, blank, merge_repeated)
    if strategy != "beam_search":
        raise ValueError(f"strategy must be 'greedy' or 'beam_search', got {strategy!r}")
    if not 1 <= top_paths <= beam_width:
        raise ValueError(f"top_paths must be in [1, beam_width] = [1, {beam_width}], got {top_paths}")
    shifted = x - x.max(-1, keepdims=True, initial=-np.inf)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    labels = np.full((top_paths, batch, steps), -1, np.int32)
    scores = np.full((batch, top_paths), -np.inf, x.dtype)
    for row in range(batch):
        for rank, (path, score) in enumerate(_search(log_p[row, : ends[row]], blank, beam_width, top_paths)):
            labels[rank, row, : len(path)] = path
            scores[row, rank] = score
    return labels, scores


def _greedy(x: Array, ends: Array, blank: int, merge_repeated: bool) -> tuple[Array, Array]:
    best, counting = x.argmax(-1), np.arange(x.shape[1]) < ends[:, None]
    kept = counting & (best != blank)
    if merge_repeated:
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    labels = np.full((1, *best.shape), -1, np.int32)
    for row in range(len(best)):
        found = best[row, kept[row]]
        labels[0, row, : len(found)] = found
    scores = -np.where(counting, x.max(-1, initial=-np.inf), 0).sum(1, keepdims=True)
    return labels, scores.astype(x.dtype, copy=False)


def _search(log_p: Array, blank: int, width: int, wanted: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Prefix beam search: the most likely labels of one row, each with its log probability.

    A prefix has two numbers: the log probability of ending in a blank, and of ending in its last label.
    """
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    for step in log_p.astype(np.float64):
        grown: dict[tuple[int, ...], tuple[float, float]] = {}

        def add(prefix: tuple[int, ...], in_blank: float, in_label: float, grown: Any = grown) -> None:
            a, b = grown.get(prefix, (-np.inf, -np.inf))
            grown[prefix] = (np.logaddexp(a, in_blank), np.logaddexp(b, in_label))

        order = np.argsort(-step, kind="stable")[: width + 1]  # no other class can be among the best
        for prefix, (in_blank, in_label) in beams.items():
            whole = np.logaddexp(in_blank, in_label)
            add(prefix, whole + step[blank], in_label + step[prefix[-1]] if prefix else -np.inf)
            for label in order.tolist():
                if label != blank:
                    repeated = bool(prefix) and prefix[-1] == label
                    add((*prefix, label), -np.inf, (in_blank if repeated else whole) + step[label])
        ranked = sorted(grown.items(), key=lambda item: -np.logaddexp(*item[1]))
        beams = dict(ranked[:width])
    for prefix, parts in list(beams.items())[:wanted]:
        yield prefix, float(np.logaddexp(*parts))
