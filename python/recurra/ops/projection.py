"""Cross-entropy of scores that a matrix product makes, block of rows by block, for large vocabularies.

The scores x·kernel + bias of M rows and V classes are never whole in memory, nor is their gradient: a block of rows is
projected, its losses are taken, and its gradient goes into those of x, kernel and bias before the next block. Losses
and gradients have the bits of :func:`recurra.ops.dense` followed by :func:`recurra.ops.softmax_cross_entropy`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from recurra._core.select import core
from recurra.autograd import (
    Array,
    Node,
    Tensor,
    Variable,
    current_tape,
    filled,
    record,
    thread_state,
    tracked,
    value_of,
)
from recurra.ops.common import SUM_BLOCK, array_of, ids_of, rows_of
from recurra.ops.products import alike, dense, in_dtype, matmul, product, sum_rows
from recurra.ops.shaping import transpose
from recurra.typing import ArrayLike

_SCORES = 1 << 21  # numbers in a block of scores, where its rows are no fewer than SUM_BLOCK


class _Gradients(NamedTuple):
    x: Array | None
    kernel: Array | None
    bias: Array | None


class _Projection(NamedTuple):
    """x (M, K), kernel (K, V), or (V, K) where `transposed`, bias (V,) or None; of one dtype."""

    x: Array
    kernel: Array
    bias: Array | None
    transposed: bool

    def scores(self, rows: slice) -> Array:
        return core.matmul(self.x[rows], self.kernel, self.bias, False, self.transposed)  # type: ignore[no-any-return]

    def blocks(self, classes: int) -> Iterator[slice]:
        """Ranges of rows, whole multiples of SUM_BLOCK but for the last, so that sums over rows have the same parts."""
        size = max(1, _SCORES // (classes * SUM_BLOCK)) * SUM_BLOCK
        return (slice(at, at + size) for at in range(0, len(self.x), size))


def projected_cross_entropy(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None,
    labels: ArrayLike,
    *,
    transposed: bool = False,
    bounds: tuple[float, float] | None = None,
    upstream: Array | None = None,
) -> Any:
    """log(sum_v exp(s_v)) - s[label] for the scores s = x·kernel + bias, one number for each label.

    x : (..., K) float32 or float64
    kernel : (K, V), or (V, K) where `transposed`: an embedding's table, say;  bias : (V,) or None
    labels : (...) integers in [0, V)
    bounds : (low, high) that the losses are held within; where they hold one, its gradient is 0
    upstream : (...), the gradients of the losses that a tape will ask for, where they are known: the scores are then
        made once, in the forward pass. Without it, or where others come, they are made again for the gradients.

    >>> import numpy as np
    >>> from recurra.ops import softmax_cross_entropy
    >>> rng = np.random.default_rng(0)
    >>> x, kernel, labels = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 9)), rng.integers(0, 9, (2, 3))
    >>> loss = projected_cross_entropy(x, kernel, None, labels)
    >>> bool(np.all(loss == softmax_cross_entropy(dense(x, kernel), labels)))
    True
    """
    a, w = alike(x, kernel)
    b = None if bias is None else array_of(bias)
    size, classes = (w.shape[::-1] if transposed else w.shape) if w.ndim == 2 else (-1, -1)
    if a.ndim < 1 or a.shape[-1] != size:
        shape = "(V, K)" if transposed else "(K, V)"
        raise ValueError(f"kernel must have shape {shape} with K = x's last axis, got x {a.shape} and kernel {w.shape}")
    ids = ids_of(labels, "labels", classes)
    if ids.shape != a.shape[:-1]:
        raise ValueError(f"labels must have x's shape without its last axis = {a.shape[:-1]}, got {ids.shape}")
    given = _Projection(np.ascontiguousarray(rows_of(a)), np.ascontiguousarray(w), b, transposed)
    flat = ids.reshape(-1)
    tape = current_tape()
    wanted = tuple(tape is not None and tracked(value, tape) for value in (x, kernel, bias))
    if not any(wanted):
        return _losses(given, flat, bounds).reshape(ids.shape)
    expected, ready = None, None
    if upstream is None:
        loss = _losses(given, flat, bounds)
    else:
        expected = np.array(np.broadcast_to(np.asarray(upstream, a.dtype), ids.shape)).reshape(-1)
        loss, ready = _losses_and_gradients(given, flat, bounds, expected, wanted)

    def backward(d: Array) -> tuple[Array | None, Array | None, Array | None]:
        rows = np.ascontiguousarray(d, a.dtype).reshape(-1)
        found = ready
        if found is None or expected is None or not np.array_equal(rows, expected):
            _, found = _losses_and_gradients(given, flat, bounds, rows, wanted)
        dx = None if found.x is None else found.x.reshape(a.shape)
        return in_dtype(dx, x), in_dtype(found.kernel, kernel), in_dtype(found.bias, bias)

    return record(loss.reshape(ids.shape), (x, kernel, bias), backward)


def _held(loss: Array, bounds: tuple[float, float] | None) -> tuple[Array, Any]:
    """The losses within the bounds, and which of them were."""
    if bounds is None:
        return loss, True
    low, high = (loss.dtype.type(bound) for bound in bounds)
    return np.clip(loss, low, high), (loss >= low) & (loss <= high)


def _losses(given: _Projection, ids: Array, bounds: tuple[float, float] | None) -> Array:
    loss = np.empty(len(ids), given.x.dtype)
    for rows in given.blocks(given.kernel.shape[0 if given.transposed else 1]):
        loss[rows] = core.softmax_cross_entropy_forward(given.scores(rows), ids[rows])[0]
    return _held(loss, bounds)[0]


def _losses_and_gradients(
    given: _Projection, ids: Array, bounds: tuple[float, float] | None, d: Array, wanted: tuple[bool, ...]
) -> tuple[Array, _Gradients]:
    """The losses, and the `wanted` ones of the gradients of x, kernel and bias, where d are those of the losses."""
    x, kernel, _, transposed = given
    classes = kernel.shape[0 if transposed else 1]
    loss = np.empty(len(ids), x.dtype)
    dx = np.empty_like(x) if wanted[0] else None
    dkernel = filled(kernel.shape, kernel.dtype, 0) if wanted[1] else None
    sums: list[Array] = []  # of d_scores over SUM_BLOCK rows each, and over those left
    for rows in given.blocks(classes):
        scores = given.scores(rows)
        labels = ids[rows]
        raw, lse = core.softmax_cross_entropy_forward(scores, labels)
        loss[rows], inside = _held(raw, bounds)
        d_rows = d[rows] if inside is True else np.where(inside, d[rows], 0).astype(x.dtype, copy=False)
        d_scores = core.softmax_cross_entropy_backward(scores, labels, lse, d_rows)
        if dx is not None:
            dx[rows] = core.matmul(d_scores, kernel, None, False, not transposed)
        if dkernel is not None:
            left, right = (d_scores, x[rows]) if transposed else (x[rows], d_scores)
            core.matmul_add(left, right, True, False, dkernel)
        if wanted[2]:
            sums += [d_scores] if len(ids) <= SUM_BLOCK else _sums(d_scores)
    dbias = None
    if wanted[2]:
        if len(ids) % SUM_BLOCK == 0:
            sums.append(filled((1, classes), x.dtype, 0))  # of the rows left over: none
        dbias = sum_rows(np.concatenate(sums))
    return loss, _Gradients(dx, dkernel, dbias)


def _sums(d: Array) -> list[Array]:
    """The sums over SUM_BLOCK rows each, and the one over those left: what :func:`sum_rows` begins with."""
    whole = len(d) // SUM_BLOCK * SUM_BLOCK
    blocks = d[:whole].reshape(-1, SUM_BLOCK, d.shape[1])
    sums = product(filled((len(blocks), 1, SUM_BLOCK), d.dtype, 1), blocks)[:, 0]
    return [sums, d[whole:].sum(axis=0, keepdims=True)] if whole < len(d) else [sums]


class ProjectedScores(Tensor):
    """The scores x·kernel + bias, not computed yet: a loss that knows them takes :func:`projected_cross_entropy`.

    Anything else that asks for `value` gets them, computed at that moment and recorded on the tape of their making.

    x : (..., K), an array or a Tensor
    kernel : Variable (K, V), or (V, K) where `transposed`
    bias : Variable (V,) or None
    """

    __slots__ = ("_computed", "bias", "kernel", "transposed", "x")

    def __init__(self, x: Any, kernel: Variable, bias: Variable | None = None, transposed: bool = False) -> None:
        self.x, self.kernel, self.bias, self.transposed = x, kernel, bias, transposed
        tape = current_tape()
        self.tape = tape if tape is not None and any(tracked(v, tape) for v in (x, kernel, bias)) else None
        self._computed: Array | None = None

    def cross_entropy(
        self, labels: ArrayLike, bounds: tuple[float, float] | None = None, upstream: Array | None = None
    ) -> Any:
        """:func:`projected_cross_entropy` of these scores."""
        return projected_cross_entropy(
            self.x, self.kernel, self.bias, labels, transposed=self.transposed, bounds=bounds, upstream=upstream
        )

    @property
    def value(self) -> Array:  # type: ignore[override]
        if self._computed is None:
            outer, thread_state.tape = thread_state.tape, self.tape
            try:
                if self.transposed:
                    scores = matmul(self.x, transpose(self.kernel))
                    scores = scores if self.bias is None else scores + self.bias
                else:
                    scores = dense(self.x, self.kernel, self.bias)
            finally:
                thread_state.tape = outer
            if self.tape is not None:
                self.tape.nodes.append(Node((scores,), (self,), lambda d: (d,)))
            self._computed = value_of(scores)
        return self._computed

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.x.shape[:-1], self.kernel.shape[0 if self.transposed else 1])

    @property
    def ndim(self) -> int:
        return len(self.x.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        return self.kernel.dtype

    def __len__(self) -> int:
        return int(self.x.shape[0])


__all__ = ["projected_cross_entropy"]
