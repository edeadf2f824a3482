"""Values and gradients held within limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import RowSparse
from recurra.compat.tf.operands import axes_of, operand
from recurra.compat.tf.tensors import array_of, present


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """The values held within two limits."""
    return present(ops.clip(operand(dense(t)), array_of(clip_value_min), array_of(clip_value_max)))


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """`t` made shorter where it is longer than `clip_norm`."""
    x = operand(dense(t))
    length = ops.sqrt(ops.sum(ops.square(x), axes_of(axes), keepdims=True))
    limit = float(clip_norm)
    scaled = ops.multiply(x, ops.divide(limit, ops.maximum(length, limit)))
    return present(scaled)


def global_norm(t_list: Any, name: str | None = None) -> Any:
    """The length of all the tensors as one vector; None among them counts nothing."""
    squares = sum(float(np.sum(np.square(array_of(dense(t)), dtype=np.float64))) for t in t_list if t is not None)
    return present(np.float32(np.sqrt(squares)))


def clip_by_global_norm(
    t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Any]:
    """The tensors made shorter together where they are longer than `clip_norm` together, and how long they were."""
    length = global_norm(t_list) if use_norm is None else present(array_of(use_norm))
    factor = np.float32(float(clip_norm) / max(float(length), float(clip_norm)))
    return [None if t is None else present(array_of(dense(t)) * factor) for t in t_list], length


def dense(value: Any) -> Any:
    """A row-sparse gradient as a whole array; anything else as it is."""
    return np.asarray(value) if isinstance(value, RowSparse) else value
