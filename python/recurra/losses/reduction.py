"""How one loss value per element becomes one number: sample weights, masks and the reductions.

With `N` elements, losses `l`, weights `w` and mask `m` (True = counts):

* ``"sum_over_batch_size"`` (also ``"mean"``): ``sum(w*l) / N``, and with a mask ``sum(w*l*m) / sum(m)``
* ``"mean_with_sample_weight"``: ``sum(w*m*l) / sum(w*m)``
* ``"sum"``: ``sum(w*m*l)``
* ``None`` or ``"none"``: the weighted values themselves
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Tensor, value_of
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike, DType

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


def check_reduction(reduction: str | None) -> str | None:
    """`reduction` itself if it is one; ``"auto"`` (Keras 2) is ``"sum_over_batch_size"``."""
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")
    return reduction


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Drop or add a trailing axis of size 1 where the ranks of `a` and `b` differ by one.

    The one with the extra axis loses it, unless the other has rank 1: then that one gains it.
    """
    rank_a, rank_b = len(a.shape), len(b.shape)
    if rank_a == rank_b:
        return a, b
    if rank_a == rank_b + 1 and a.shape[-1] == 1:
        return (a, _longer(b)) if rank_b == 1 else (ops.squeeze(a, -1), b)
    if rank_b == rank_a + 1 and b.shape[-1] == 1:
        return (_longer(a), b) if rank_a == 1 else (a, ops.squeeze(b, -1))
    return a, b


def check_shapes(labels: tuple[Any, ...], predictions: tuple[Any, ...], broadcast: bool) -> None:
    """Nothing where the shapes are equal, or None stands for an open size.

    broadcast : whether an axis of size 1 may stand for each place on it, with a warning, and one number for all
    raises : ValueError where they differ otherwise
    """
    if broadcast and not labels:  # one number for all
        return
    sizes = [(a, b) for a, b in zip(labels, predictions, strict=False) if a != b and a is not None and b is not None]
    if len(labels) != len(predictions) or any(not broadcast or 1 not in pair for pair in sizes):
        raise ValueError(f"y_true must have the predictions' shape {tuple(predictions)}, got {tuple(labels)}")
    if sizes:
        warnings.warn(
            f"y_true of shape {tuple(labels)} is broadcast against predictions of shape {tuple(predictions)}, as in "
            "Keras: every place on an axis of size 1 counts for all places on the other",
            stacklevel=4,
        )


def _longer(x: ArrayLike) -> Any:
    """`x` with another axis of size 1 at the end."""
    return x.reshape(*x.shape, 1) if isinstance(x, np.ndarray) else ops.expand_dims(x, -1)


def join_mask(weight: Any, mask: ArrayLike | None, dtype: DType | None, reduction: str | None) -> Any:
    """Sample weight and mask as one weight; None if both are None.

    For the means the mask carries ``size / count`` at the steps that count, so that a mean over all elements
    becomes one over the valid elements. A mask without a single True gives zeros.
    """
    if mask is None:
        return weight if weight is None else np.asarray(value_of(weight), dtype)
    valid = np.asarray(mask, bool)
    if reduction in ("sum_over_batch_size", "mean"):
        count = int(valid.sum())
        factor = valid.astype(dtype) * np.asarray(valid.size / count if count else 0.0, dtype)
    else:
        factor = valid.astype(dtype)
    if weight is None:
        return factor
    factor, weight = same_rank(factor, np.asarray(value_of(weight), dtype))
    if factor.ndim > weight.ndim:  # one weight for each sample, a mask over its steps
        weight = weight.reshape(weight.shape + (1,) * (factor.ndim - weight.ndim))
    return weight * factor


def reduce_weighted(values: Any, weight: Any = None, mask: Any = None, reduction: str | None = "mean") -> Any:
    """Weighted and reduced `values` (an array, or a Tensor under a tape).

    values : any shape, one loss per element
    weight, mask : the shape of `values`, or one that broadcasts from the left (one for each sample)
    """
    if not hasattr(values, "shape"):
        values = np.asarray(values)
    weight = join_mask(weight, mask, values.dtype, reduction)
    if weight is not None:
        values, weight = same_rank(values, weight)
        if weight.ndim < len(values.shape):
            weight = weight.reshape(weight.shape + (1,) * (len(values.shape) - weight.ndim))
        try:
            values = values * weight
        except ValueError:
            raise ValueError(
                f"sample_weight must have a shape that fits the losses' {tuple(values.shape)} "
                f"(one weight for each sample, or for each step), got {weight.shape}"
            ) from None
    if reduction in (None, "none") or values.shape == () or values.shape == (0,):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and weight is not None:
        total = np.broadcast_to(weight, values.shape).sum()
        return ops.sum(values) * np.asarray(1 / total if total else 0.0, values.dtype)
    return ops.mean(values)


def as_float(value: Any) -> Any:
    """`value` as it is if it is a Tensor (or symbolic) or a float array; anything else as an array of floatx."""
    if isinstance(value, (Tensor, KerasTensor)):
        return value
    from recurra.config import floatx

    mask = getattr(value, "_keras_mask", None)
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype(floatx())
    elif mask is not None:
        return value
    return array
