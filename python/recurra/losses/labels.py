"""Labels and predictions made ready for a loss: one dtype, one shape, a lazy one-hot kept as ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recurra import ops
from recurra.autograd import Tensor
from recurra.losses.reduction import as_float, check_shapes, same_rank
from recurra.symbolic import KerasTensor

if TYPE_CHECKING:
    from typing import TypeGuard

    from recurra.utils.one_hot import OneHot


def is_one_hot(labels: Any) -> TypeGuard[OneHot]:
    """Whether `labels` is a lazy one-hot (``recurra.utils.to_categorical``) whose ids can be read directly."""
    return hasattr(labels, "ids") and hasattr(labels, "num_classes")


def without_masked(ids: Any, mask: Any) -> Any:
    """Class ids with 0 at the steps that `mask` leaves out: what stands there does not count, whatever it is.

    ids : (B, T) or (B, T, 1);  mask : (B, T).  Anything else is returned as it is
    """
    if isinstance(ids, np.ndarray) and ids.shape[: np.ndim(mask)] == np.shape(mask):
        keep = np.asarray(mask, bool)
        return np.where(keep.reshape(keep.shape + (1,) * (ids.ndim - keep.ndim)), ids, ids.dtype.type(0))
    return ids


def float_pair(y_true: Any, y_pred: Any, fit: bool = True, broadcast: bool = True) -> tuple[Any, Any]:
    """Both as floats of one dtype and, where a trailing axis of size 1 differs and `fit`, one rank.

    broadcast : whether an axis of size 1 may stand for each place on it, with a warning
    raises : ValueError where the shapes differ otherwise
    """
    y_pred = as_float(y_pred)
    if not isinstance(y_true, (Tensor, KerasTensor)):
        y_true = np.asarray(y_true, y_pred.dtype)
    elif y_true.dtype != y_pred.dtype:
        y_true = ops.cast(y_true, y_pred.dtype)
    if fit:
        y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        check_shapes(y_true.shape, y_pred.shape, broadcast)
    return y_true, y_pred
