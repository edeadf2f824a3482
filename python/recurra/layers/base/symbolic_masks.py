"""Masks of symbolic tensors: whether there will be one, and its shape.

While a model is being put together no mask has values, but layers may ask for one (``assert mask is not None``), and
scripts look at ``x._keras_mask``. So the tensors that a layer describes carry symbolic masks where the arrays will
carry real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.layers.base.context import get_mask, set_mask
from recurra.layers.base.symbolic_call import _TRIES, _combine, call_symbolic, dry_run
from recurra.symbolic import KerasTensor, map_symbolic
from recurra.tree import sequence_of

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer


def call_with_masks(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ``layer(*args, **kwargs)`` gives for symbolic tensors, with symbolic masks attached."""
    layer._call_spec.check(layer.name, args, kwargs)
    outputs = call_symbolic(layer, args, kwargs)
    first = args[0] if args else kwargs.get(layer._call_spec.first)
    mask = kwargs.get("mask")
    mask = get_mask(first) if mask is None else mask
    if layer.supports_masking and not (mask is None and layer._mask_passes):
        _attach(outputs, _described(layer, first, mask))
    return outputs


def dry_run_with_masks(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """:func:`dry_run`, in which the zeros carry masks where the first argument does."""
    masks = get_mask(args[0]) if args else None
    return dry_run(layer if masks is None else _Masking(layer, masks), args, kwargs)  # type: ignore[arg-type]


class _Masking:
    """A layer whose dry run is given masks of ones."""

    def __init__(self, layer: Layer, masks: Any) -> None:
        self.layer, self.name, self.masks = layer, layer.name, masks

    def _dry_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.layer._dry_call((_masked(args[0], self.masks), *args[1:]), kwargs)


def _masked(value: Any, mask: Any) -> Any:
    if isinstance(value, (list, tuple)):
        masks = mask if isinstance(mask, (list, tuple)) else [mask] * len(value)
        return sequence_of(type(value), [_masked(item, one) for item, one in zip(value, masks, strict=True)])
    if not isinstance(mask, KerasTensor) or not isinstance(value, np.ndarray):
        return value
    return set_mask(value, np.ones(value.shape[: mask.ndim], bool))


def _described(layer: Layer, inputs: Any, mask: Any) -> Any:
    """The masks that `layer` computes, as symbolic tensors, found from zeros of two sizes."""
    found = []
    for size in _TRIES:

        def filled(tensor: KerasTensor, size: int = size) -> Any:
            shape = [size if n is None else n for n in tensor.shape]
            return np.full(shape, "", object) if tensor.dtype == "string" else np.zeros(shape, tensor.dtype)

        found.append(layer.compute_mask(map_symbolic(inputs, filled), map_symbolic(mask, filled)))
    return _combine(*found)


def _attach(outputs: Any, masks: Any) -> None:
    if isinstance(outputs, KerasTensor):
        one = (masks[0] if masks else None) if isinstance(masks, (list, tuple)) else masks
        if isinstance(one, KerasTensor):
            outputs._keras_mask = one
    elif isinstance(outputs, (list, tuple)) and masks is not None:
        several = masks if isinstance(masks, (list, tuple)) else [masks]
        for tensor, mask in zip(outputs, several, strict=False):
            if isinstance(tensor, KerasTensor):
                _attach(tensor, mask)
