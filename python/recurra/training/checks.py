"""Checks of data before training begins: shapes, NaN, ids and labels, each with an error that says what to do."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from recurra import losses
from recurra.autograd import Array
from recurra.losses.base import Loss, LossFunctionWrapper
from recurra.losses.labels import is_one_hot
from recurra.losses.names import FUNCTIONS
from recurra.training.scores import is_sparse
from recurra.tree import leaves

_CHUNK = 1 << 22
_SMALL = 1 << 16  # numbers that are looked at in one piece, and that a cache holds
#: losses of one number for each class, and of labels in [0, 1]
_OF_CLASSES = (losses.categorical_crossentropy, losses.categorical_focal_crossentropy, losses.categorical_hinge)
#: losses whose labels have a shape of their own
_OF_THEIR_OWN = (losses.ctc, losses.circle, losses.categorical_generalized_cross_entropy)
_BINARY = (losses.binary_crossentropy, losses.binary_focal_crossentropy)
_READING = ("workers", "use_multiprocessing", "max_queue_size")  # how Keras 2 said to read batches


def _chunks(array: Array, numbers: int = _CHUNK) -> Iterable[Array]:
    """Parts of at most about so many numbers, so that a check never copies a whole array."""
    rows = max(1, numbers // max(1, array[:1].size))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def check_finite(array: Any, argument: str) -> None:
    """ValueError if a float array holds NaN or an infinity, with the place of the first."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.size == 0:
        return
    if array.size <= _SMALL and np.isfinite(array).all():
        return
    start = 0
    for part in _chunks(array, _SMALL):  # what the first pass read is still in the cache for the second
        low, high = part.min(), part.max()
        if not (math.isfinite(low) and math.isfinite(high)):
            nan = math.isnan(low)
            where = np.argwhere(np.isnan(part) if nan else np.isinf(part))[0].tolist()
            where[0] += start
            what = "NaN" if nan else "infinities"
            raise ValueError(f"{argument} must not hold {what}, got one at index {tuple(where)}")
        start += len(part)


def check_batch(batch: Any, number: int, labelled: bool) -> None:
    """ValueError if a batch of data that could not be looked at before holds NaN or an infinity.

    labelled : whether to look at labels and weights too
    """
    for name, value in (("x", batch.x), *((("y", batch.y), ("sample_weight", batch.weight)) if labelled else ())):
        for leaf in leaves(value):
            check_finite(leaf, f"{name} of batch {number}")


def has_checked_labels(model: Any) -> bool:
    """Whether the labels mean what they mean to the compiled losses, rather than to a method of the user's own."""
    return not model._overrides("train_step", "test_step", "compute_loss")


def _range(array: Array) -> tuple[Any, Any]:
    lows, highs = zip(*((part.min(), part.max()) for part in _chunks(array)), strict=True)
    return min(lows), max(highs)


def check_shape(array: Any, shape: Sequence[int | None] | None, argument: str) -> None:
    """ValueError unless `array` has `shape`, where None fits any size and the first axis is not looked at."""
    if shape is None:
        return
    got = tuple(array.shape)
    filled = (*got, 1) if len(got) + 1 == len(shape) else got  # a missing last axis of size 1 is added
    filled = got[:-1] if len(got) == len(shape) + 1 and got[-1] == 1 else filled  # one too many is dropped
    if len(filled) == len(shape) and all(w is None or w == g for w, g in zip(shape[1:], filled[1:], strict=True)):
        return
    wanted = ", ".join(["samples", *("any" if w is None else str(w) for w in shape[1:])])
    hint = ""
    if len(got) + 1 == len(shape):
        hint = f"; add an axis, for instance {argument}[..., None]"
    raise ValueError(f"{argument} must have shape ({wanted}), got {got}{hint}")


def check_ids(array: Any, input_dim: int, argument: str, layer: str) -> None:
    """ValueError if `array` holds anything but token ids in ``[0, input_dim)``."""
    if not isinstance(array, np.ndarray) or array.size == 0:
        return
    low, high = _range(array)
    if low < 0 or high >= input_dim:
        raise ValueError(
            f"{argument} must hold ids in [0, {input_dim}) for layer {layer!r} (input_dim={input_dim}), "
            f"got ids from {low} to {high}"
        )
    if array.dtype.kind == "f" and any(not np.array_equal(part, np.trunc(part)) for part in _chunks(array)):
        raise ValueError(f"{argument} must hold whole numbers for the Embedding {layer!r}, got fractions")


def check_labels(y: Any, pred_shape: Sequence[int | None], loss: Loss, argument: str, masked: bool = False) -> None:
    """ValueError if `y` cannot be the truth for predictions of `pred_shape` under `loss`.

    pred_shape : with None where a size is open (batch, time)
    masked : whether the predictions carry a mask: labels at masked steps may be anything, so that only the loss, which
        sees the mask, looks at what they hold
    """
    if isinstance(y, np.ndarray):
        check_finite(y, argument)
    fn, name = loss.fn if isinstance(loss, LossFunctionWrapper) else None, loss.name
    if not any(fn is known for known in FUNCTIONS.values()):
        return  # a loss of the user's own: its labels are its own affair
    if fn in _OF_THEIR_OWN:
        return  # the loss itself says what does not fit
    shape = tuple(y.shape)
    classes = pred_shape[-1] if pred_shape else None
    if is_sparse(loss):
        if is_one_hot(y) or (len(shape) == len(pred_shape) and shape[-1] != 1):
            raise ValueError(
                f"{argument} must hold class ids (one whole number for each prediction) for {name}, got shape {shape}; "
                "for one-hot labels use categorical_crossentropy"
            )
        rows = (*pred_shape[:-1], 1) if len(shape) == len(pred_shape) else pred_shape[:-1]
        _fits(shape, rows, argument, name)
        ignored = getattr(loss, "ignore_class", None)
        if classes is not None and y.size and not masked:
            values = y if ignored is None else y[y != ignored]
            if values.dtype.kind == "f" and any(not np.array_equal(p, np.trunc(p)) for p in _chunks(values)):
                raise ValueError(f"{argument} must hold class ids, whole numbers in [0, {classes}), got fractions")
            low, high = _range(values) if values.size else (0, 0)
            if low < 0 or high >= classes:
                raise ValueError(
                    f"{argument} must hold class ids in [0, {classes}) for {name} on {classes} outputs, "
                    f"got ids from {low} to {high}"
                )
        return
    if fn in _OF_CLASSES:
        if len(shape) < len(pred_shape) or (classes is not None and shape[-1] != classes):
            raise ValueError(
                f"{argument} must hold one number for each of {classes} classes for {name}, got shape {shape}; "
                "for class ids use sparse_categorical_crossentropy or recurra.utils.to_categorical"
            )
        return
    if len(shape) == 1 and len(pred_shape) == 3 and pred_shape[-1] == 1:
        shape = (*shape, 1, 1)  # one label for all steps
    elif len(shape) == len(pred_shape) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(shape) + 1 == len(pred_shape) and pred_shape[-1] == 1:
        shape = (*shape, 1)
    binary = fn in _BINARY
    _fits(shape, pred_shape, argument, name, broadcast=not binary)
    if binary and isinstance(y, np.ndarray) and y.size and not masked:
        low, high = _range(y)
        if low < 0 or high > 1:
            raise ValueError(f"{argument} must hold labels in [0, 1] for {name}, got values from {low} to {high}")


def _fits(
    shape: Sequence[int], wanted: Sequence[int | None], argument: str, name: str, broadcast: bool = False
) -> None:
    if len(shape) != len(wanted) or any(
        w is not None and g != w and not (broadcast and g == 1) for w, g in zip(wanted[1:], shape[1:], strict=False)
    ):
        said = ", ".join(["samples", *("any" if w is None else str(w) for w in wanted[1:])])
        raise ValueError(f"{argument} must have shape ({said}) for {name}, got {tuple(shape)}")


def check_weights(weight: Any, y: Any, argument: str = "sample_weight") -> None:
    """ValueError if sample weights hold NaN, infinities or have more axes than the labels."""
    if weight is None:
        return
    check_finite(np.asarray(weight), argument)
    if y is not None and np.ndim(weight) > max(len(y.shape), 1):
        raise ValueError(
            f"{argument} must have one weight for each sample or step: shape {tuple(y.shape)} or less, "
            f"got {np.shape(weight)}"
        )


def check_reading(method: str, given: Mapping[str, Any]) -> None:
    """TypeError for a keyword that is not one of those with which Keras 2 chose how batches are read."""
    for name in given:
        if name not in _READING:
            from recurra.training.trainer import Trainer

            close = get_close_matches(name, inspect.signature(getattr(Trainer, method)).parameters, 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}{meant}")
