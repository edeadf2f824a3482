"""What layers called inside one another share: the outermost layer and whether it trains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Tensor

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer


class CallContext(threading.local):
    """The state of the calls under way in this thread.

    entry : the outermost layer being called, None outside of calls
    training : the `training` in force; a layer that is given none uses this
    scores_wait : whether a Dense layer called without its activation may leave its product to the loss
    loading : while a model is read from a file, called with (layer's name, weight's name, shape) before each weight is
        made; the weight then starts from zeros, as the file holds its value
    """

    entry: Layer | None = None
    training: bool | None = None
    scores_wait: bool = False
    loading: Callable[[str, Any, tuple[int, ...]], None] | None = None


context = CallContext()


#: so many classes, and their scores are made block by block where the loss can
_MANY_CLASSES = 1024


def scores_may_wait(classes: int) -> bool:
    """Whether the loss takes scores of so many classes that are not computed yet."""
    return context.scores_wait and classes >= _MANY_CLASSES


@contextmanager
def waiting_scores(wait: bool = True) -> Iterator[None]:
    """Inside the block the last layer's product may be left to the loss, see `scores_wait`."""
    before, context.scores_wait = context.scores_wait, wait
    try:
        yield
    finally:
        context.scores_wait = before


class Masked(np.ndarray[Any, Any]):
    """An array with a mask over time attached as `_keras_mask`; what numpy computes from it is a plain array."""

    _keras_mask: Any

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        array = np.asarray(array)
        return array[()] if return_scalar else array

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __reduce__(self) -> Any:
        return np.asarray(self).__reduce__()


def get_mask(value: Any) -> Any:
    """The mask attached to a tensor, an array or each of a list of them; None where there is none."""
    if isinstance(value, (list, tuple)):
        masks = [get_mask(item) for item in value]
        return None if all(mask is None for mask in masks) else masks
    return getattr(value, "_keras_mask", None)


def set_mask(value: Any, mask: Any) -> Any:
    """`value` with `mask` attached: a Tensor itself, or a view of an array."""
    if mask is None:
        return value
    if isinstance(value, Tensor):
        value._keras_mask = mask
        return value
    view = value.view(Masked)
    view._keras_mask = mask
    return view


def strip_mask(value: Any) -> Any:
    """`value` as a plain array (or Tensor), without a mask."""
    return value.view(np.ndarray) if isinstance(value, Masked) else value
