"""Arithmetic with weights of 8-bit integers: how they are made, and the operations that take them.

A weight is ``value / scale`` with an int8 value in [-127, 127]. The formulas are those of Keras 3's int8 layers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recurra._core.select import core
from recurra.autograd import Array, Variable, current_tape, tracked
from recurra.ops.common import array_of, floats_of, ids_of, rows_of
from recurra.typing import ArrayLike


class Int8Weights(NamedTuple):
    """A matrix (K, N) of 8-bit weights and the scale of each column, (N,); of a table, of each row."""

    values: Any
    scales: Any


def abs_max_quantize(x: ArrayLike, axis: int) -> Int8Weights:
    """Integers in [-127, 127] that stand for x, with one scale for each slice across `axis`.

    ``scale = 127 / (max|x| + 1e-7)`` over `axis`, ``value = round(x * scale)``.

    x : floats, finite

    >>> values, scales = abs_max_quantize(np.array([[0.75, -2.0], [1.0, 1.25]]), axis=0)
    >>> values.tolist(), scales.round(3).tolist()
    ([[95, -127], [127, 79]], [127.0, 63.5])
    """
    array = floats_of(x)
    if not np.isfinite(array).all():
        raise ValueError("x must be finite to be quantized, got NaN or infinity")
    most = np.abs(array).max(axis=axis, keepdims=True, initial=0)
    scale = array.dtype.type(127) / (most + array.dtype.type(1e-7))
    values = np.clip(np.rint(array * scale), -127, 127).astype(np.int8)
    return Int8Weights(values, np.squeeze(scale, axis))


def int8_dense(x: ArrayLike, weights: Int8Weights, bias: ArrayLike | None = None) -> Array:
    """x·kernel + bias over the last axis, with 8-bit weights; each row of x is quantized too.

    x : (..., K);  weights : values (K, N) and scales (N,);  bias : (N,) or None.  Returns (..., N)
    raises : ValueError under a gradient tape that follows x or the bias
    """
    a, values = floats_of(x), array_of(weights.values)
    if a.ndim < 1 or values.ndim != 2 or a.shape[-1] != values.shape[0]:
        raise ValueError(
            f"kernel must have shape (K, N) with K = x's last axis, got x {a.shape}, kernel {values.shape}"
        )
    refuse_gradient(x, bias)
    scales = array_of(weights.scales)
    a = a.astype(scales.dtype, copy=False)
    b = None if bias is None else array_of(bias)
    y: Array = core.int8_matmul(np.ascontiguousarray(rows_of(a)), (values, scales), b, _packed(weights))
    return y.reshape(*a.shape[:-1], values.shape[1])


def int8_embedding(table: Int8Weights, ids: ArrayLike) -> Array:
    """The rows of a table of 8-bit weights, as floats.

    table : values (V, I) and scales (V,);  ids : integers in [0, V)
    """
    values, scales = array_of(table.values), array_of(table.scales)
    places = ids_of(ids, "ids", len(values))
    found: Array = values[places] / core.embedding_forward(scales[:, None], places)
    return found


def int8_rows(table: Int8Weights, ids: Array) -> tuple[Array, Array]:
    """A table of floats with the rows that occur, and the ids in it: little more than what is used is made float."""
    values, scales = array_of(table.values), array_of(table.scales)
    places = ids_of(ids, "ids", len(values))
    core.embedding_forward(scales[:, None], places)  # refuses ids outside
    if places.size >= len(values):
        return values / scales[:, None], places
    used, again = np.unique(places, return_inverse=True)
    return values[used] / scales[used, None], again.reshape(places.shape).astype(np.int32)


def refuse_gradient(*inputs: Any) -> None:
    """Raise under a tape that follows one of the inputs."""
    tape = current_tape()
    if tape is not None and any(tracked(value, tape) for value in inputs):
        raise ValueError(
            "8-bit weights are for inference: no gradient tape may be open, training comes before quantize()"
        )


def _packed(weights: Int8Weights) -> Any:
    """The packed weights of variables, until they change."""
    values, scales = weights
    if type(values) is not Variable or type(scales) is not Variable:
        return None
    versions = (values.version, scales.version)
    slot = values.packed_weights
    if slot is None or slot[0] != versions or slot[1] is not scales:
        slot = values.packed_weights = (versions, scales, core.packed_weights_cache())
    return slot[2]
