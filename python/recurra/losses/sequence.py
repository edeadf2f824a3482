"""Connectionist temporal classification as a loss: labels that are shorter than the outputs, without their places."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.losses.base import PlainLoss
from recurra.losses.reduction import as_float
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """The CTC loss of each row, see ``recurra.ops.ctc_loss``.

    y_true : (B, L) class ids from 1; 0 stands for the blank and fills rows up
    y_pred : (B, T, C) logits
    """
    pred = as_float(y_pred)
    labels = y_true if isinstance(y_true, KerasTensor) else np.asarray(value_of(y_true))
    if len(pred.shape) != 3 or len(labels.shape) != 2:
        raise ValueError(
            f"y_true must have shape (B, L) and y_pred (B, T, C), got {tuple(labels.shape)} and {tuple(pred.shape)}"
        )
    counts = ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), axis=1)
    steps = ops.sum(ops.ones_like(pred)[:, :, 0], axis=1)
    return ops.ctc_loss(labels, pred, counts, steps)


class CTC(PlainLoss):
    """CTC loss, see :func:`recurra.losses.ctc`."""

    function, default_name = ctc, "ctc"
