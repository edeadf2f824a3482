"""Where the greatest values stand, what comes first, how often: the part of ``tf.math`` that orders and counts."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.operands import axes_of, constant_of, operand
from recurra.compat.tf.tensors import array_of, is_symbolic, present


def argmax(
    input: Any, axis: Any = None, output_type: Any = np.int64, name: str | None = None, dimension: Any = None
) -> Any:
    """Where the greatest value stands along an axis, the first where none is given."""
    return _where_extreme(ops.argmax, input, dimension if axis is None else axis, output_type)


def argmin(input: Any, axis: Any = None, output_type: Any = np.int64, name: str | None = None) -> Any:
    """Where the smallest value stands along an axis, the first where none is given."""
    return _where_extreme(ops.argmin, input, axis, output_type)


def _where_extreme(function: Callable[..., Any], x: Any, axis: Any, output_type: Any) -> Any:
    found = function(operand(x), 0 if axis is None else axes_of(axis))
    return found if is_symbolic(found) else present(np.asarray(found).astype(as_dtype(output_type)))


def argsort(
    values: Any, axis: int = -1, direction: str = "ASCENDING", stable: builtins.bool = False, name: str | None = None
) -> Any:
    """The places of the values in order."""
    x = array_of(values)
    order = np.argsort(-x if direction.upper() == "DESCENDING" else x, axis=axis, kind="stable")
    return present(order.astype(np.int32))


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """The values in order."""
    x = constant_of(values, "sort")
    found = np.sort(x, axis=axis)
    return present(np.flip(found, axis) if direction.upper() == "DESCENDING" else found)


def top_k(
    input: Any, k: int = 1, sorted: builtins.bool = True, index_type: Any = np.int32, name: str | None = None
) -> Any:
    """The k greatest values of the last axis, and where they stand: ``.values`` and ``.indices``."""
    x = operand(input)
    order = np.argsort(-array_of(x), axis=-1, kind="stable")[..., : int(k)]
    values = ops.take_along_axis(x, order, -1)
    return TopK(present(values), present(order.astype(as_dtype(index_type))))


class TopK(tuple[Any, Any]):
    """What :func:`top_k` finds."""

    __slots__ = ()

    def __new__(cls, values: Any, indices: Any) -> TopK:
        return tuple.__new__(cls, (values, indices))

    @property
    def values(self) -> Any:
        return self[0]

    @property
    def indices(self) -> Any:
        return self[1]


def in_top_k(targets: Any, predictions: Any, k: int, name: str | None = None) -> Any:
    """Whether each target is among the k greatest predictions of its row."""
    scores, rows = array_of(predictions), array_of(targets)
    own = np.take_along_axis(scores, rows[:, None], 1)
    return present((scores > own).sum(1) < int(k))


def cumsum(
    x: Any, axis: int = 0, exclusive: builtins.bool = False, reverse: builtins.bool = False, name: str | None = None
) -> Any:
    """Running sums along an axis.

    exclusive : without the value itself
    reverse : from the end
    """
    x = operand(x)
    total = ops.cumsum(ops.flip(x, axis) if reverse else x, axis)
    if np.dtype(x.dtype).kind in "iu":  # numpy widens int32
        total = array_of(total).astype(x.dtype)
    total = ops.flip(total, axis) if reverse else total
    return present(ops.subtract(total, x) if exclusive else total)


def cumprod(
    x: Any, axis: int = 0, exclusive: builtins.bool = False, reverse: builtins.bool = False, name: str | None = None
) -> Any:
    """Running products along an axis; the arguments of :func:`cumsum`."""
    return present(_running(np.multiply, constant_of(x, "math.cumprod"), axis, exclusive, reverse))


def cumulative_logsumexp(
    x: Any, axis: int = 0, exclusive: builtins.bool = False, reverse: builtins.bool = False, name: str | None = None
) -> Any:
    """Logarithms of the running sums of ``exp(x)``; the arguments of :func:`cumsum`."""

    @ops.custom_gradient
    def running(v: Any) -> Any:
        y = _running(np.logaddexp, v, axis, exclusive, reverse)

        def gradient(d: Any) -> Any:
            """Sums of ``d[j] exp(v[i] - y[j])`` over the j that read i, as logarithms of their two signs."""
            with np.errstate(divide="ignore", invalid="ignore"):
                parts = [np.log(np.maximum(sign * d, 0)) - y for sign in (1, -1)]
                more, less = (np.exp(_running(np.logaddexp, one, axis, exclusive, not reverse) + v) for one in parts)
            return np.where(np.isneginf(v), 0, more - less).astype(v.dtype)

        return y, gradient

    return present(running(operand(x)))


def _running(function: np.ufunc, x: Any, axis: int, exclusive: builtins.bool, reverse: builtins.bool) -> Any:
    """`function` of each value and what came before, or from the end what comes behind."""
    x = np.flip(x, axis) if reverse else x
    y = function.accumulate(x, axis, dtype=x.dtype)
    if exclusive:
        y = np.roll(y, 1, axis)
        np.moveaxis(y, axis, 0)[:1] = 1 if function is np.multiply else -np.inf
    return np.flip(y, axis) if reverse else y


def count_nonzero(
    input: Any, axis: Any = None, keepdims: Any = None, dtype: Any = np.int64, name: str | None = None
) -> Any:
    """How many values are not 0."""
    found = np.count_nonzero(array_of(input), axis=axes_of(axis), keepdims=bool(keepdims))
    return present(np.asarray(found).astype(as_dtype(dtype)))


def zero_fraction(value: Any, name: str | None = None) -> Any:
    """The share of values that are 0."""
    return present(np.float32(np.mean(array_of(value) == 0)))


def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = np.int32,
    name: str | None = None,
) -> Any:
    """How often each whole number occurs."""
    x = array_of(arr).reshape(-1)
    size = int(x.max()) + 1 if x.size else 0
    size = max(size, 0 if minlength is None else int(minlength))
    size = size if maxlength is None else min(size, int(maxlength))
    kept = x < size
    if weights is None:
        return present(np.bincount(x[kept], minlength=size).astype(as_dtype(dtype)))
    w = array_of(weights)
    return present(np.bincount(x[kept], w.reshape(-1)[kept], minlength=size).astype(w.dtype))


def histogram_fixed_width(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = np.int32, name: str | None = None
) -> Any:
    """How many values are in each of `nbins` equal parts of [low, high]; those outside in the first or last."""
    x, (low, high), count = array_of(values), array_of(value_range).tolist(), int(nbins)
    if not low < high or count < 1:
        raise ValueError(f"value_range must be low < high, and nbins >= 1, got [{low}, {high}] and {count}")
    places = np.clip((x.reshape(-1) - low) / (high - low) * count, 0, count - 1).astype(np.int64)
    return present(np.bincount(places, minlength=count).astype(as_dtype(dtype)))


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    weights: Any = None,
    dtype: Any = np.int32,
    name: str | None = None,
) -> Any:
    """How often each label (row) was predicted as each class (column)."""
    rows, columns = array_of(labels).reshape(-1), array_of(predictions).reshape(-1)
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    size = int(num_classes) if num_classes is not None else int(max(rows.max(), columns.max())) + 1
    counts = np.zeros((size, size), np.dtype(as_dtype(dtype)))
    np.add.at(counts, (rows, columns), 1 if weights is None else array_of(weights).reshape(-1))
    return present(counts)


def invert_permutation(x: Any, name: str | None = None) -> Any:
    """The permutation that undoes `x`."""
    return present(np.argsort(array_of(x)).astype(array_of(x).dtype))


def segment_sum(data: Any, segment_ids: Any, name: str | None = None) -> Any:
    """The sums of the rows with the same id; ids ascend."""
    ids = array_of(segment_ids)
    return unsorted_segment_sum(data, ids, int(ids.max()) + 1 if ids.size else 0)


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The sums of the rows with the same id."""
    ids = array_of(segment_ids).astype(np.int64)
    chosen = ops.one_hot(ids, int(num_segments))
    x = operand(data)
    flat = ops.reshape(x, (x.shape[0], -1))
    return present(ops.reshape(ops.matmul(ops.transpose(chosen), flat), (int(num_segments), *x.shape[1:])))


def _places(segment_ids: Any, num_segments: Any) -> Any:
    """The ids, with one more for the negative ones, whose rows count nowhere."""
    ids = array_of(segment_ids).astype(np.int64)
    return np.where(ids < 0, int(num_segments), ids)


def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The means of the rows with the same id; 0 for ids without rows."""
    x, number = operand(data), int(num_segments)
    counts = np.bincount(_places(segment_ids, number), minlength=number + 1)[:number]
    shares = (1.0 / np.maximum(counts, 1)).astype(x.dtype).reshape(-1, *[1] * (len(x.shape) - 1))
    return present(ops.multiply(operand(unsorted_segment_sum(x, segment_ids, number)), shares))


def _extreme(function: Any, data: Any, segment_ids: Any, num_segments: Any) -> Any:
    x, number = operand(data), int(num_segments)
    found = function(x, _places(segment_ids, number), number + 1)[:number]
    if np.dtype(x.dtype).kind != "f":
        return present(found)
    limits = np.finfo(x.dtype)  # TensorFlow's lowest and highest numbers in place of infinities
    return present(ops.clip(found, limits.min, limits.max))


def unsorted_segment_max(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The largest of the rows with the same id; the type's lowest number for ids without rows."""
    return _extreme(ops.segment_max, data, segment_ids, num_segments)


def unsorted_segment_min(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The smallest of the rows with the same id; the type's highest number for ids without rows."""
    return _extreme(ops.segment_min, data, segment_ids, num_segments)


def _of_sorted(function: Callable[..., Any]) -> Callable[..., Any]:
    def segments(data: Any, segment_ids: Any, name: str | None = None) -> Any:
        ids = array_of(segment_ids)
        number = int(ids.max()) + 1 if ids.size else 0
        found = operand(function(data, ids, number))
        empty = np.bincount(ids, minlength=number) == 0
        return present(ops.where(empty.reshape(-1, *[1] * (len(found.shape) - 1)), np.zeros((), found.dtype), found))

    segments.__doc__ = "The same for ids that ascend; 0 for ids without rows."
    return segments


segment_mean = _of_sorted(unsorted_segment_mean)
segment_max = _of_sorted(unsorted_segment_max)
segment_min = _of_sorted(unsorted_segment_min)
