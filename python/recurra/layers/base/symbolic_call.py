"""Layers called on symbolic tensors: the shapes of their outputs, and a node in the graph."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import no_grad
from recurra.layers.base.call_spec import shapes_of
from recurra.layers.base.context import context
from recurra.symbolic import KerasTensor, Node, map_symbolic, set_recorder, symbolic_leaves
from recurra.tree import sequence_of

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer

#: the sizes that stand for None in the two dry runs
_TRIES = (4, 6)
#: how many numbers an array in a dry run may have while a model is read from a file
_LOADING_LIMIT = 1 << 26


def call_symbolic(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Build `layer` for the shapes that come, describe its outputs and add a node to the graph."""
    first = args[0] if args else kwargs.get(layer._call_spec.first)
    layer._check_input(first)
    if not layer.built:
        layer._build_for(args, kwargs)
    outputs = layer.compute_output_spec(*args, **kwargs)
    if not all(one.built for one in layer._flatten_layers()):
        _build_inside(layer, args, kwargs)
    Node(layer, args, kwargs, outputs)
    return outputs


def _build_inside(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Build the layers that `layer` made in its own `build`: files name their weights. They see their shapes in a call.

    A call that needs other values than zeros builds them when these come.
    """
    with suppress(Exception):
        dry_run(layer, args, kwargs)


def spec_from_shapes(layer: Layer, shapes: Any, dtype: str) -> Any:
    """KerasTensors for a shape, or a list or tuple of shapes."""
    if is_shape(shapes):
        return KerasTensor(shapes, dtype)
    return sequence_of(type(shapes), [spec_from_shapes(layer, item, dtype) for item in shapes])


def is_shape(value: Any) -> bool:
    """Whether `value` is one shape (a tuple or list of sizes and None) rather than several."""
    return isinstance(value, (tuple, list)) and all(
        item is None or isinstance(item, (int, np.integer)) for item in value
    )


class ShapeNotKnown(TypeError):
    """A shape was asked of what is no tensor yet: of an attribute that only the layer's call sets."""


def output_shape_of(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The shapes that ``layer.compute_output_shape`` gives for the first argument."""
    first = args[0] if args else kwargs[layer._call_spec.first]
    return layer.compute_output_shape(shapes_of(first))


def dry_run(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], multiple: int = 1) -> Any:
    """The outputs' shapes and dtypes found by running the layer twice on zeros, with two sizes for every None.

    A size that differs between the runs is None in the result.

    multiple : what an open size may have to be divisible by; tried where other sizes are impossible
    """
    try:
        runs = [_run(layer, args, kwargs, size) for size in _TRIES]
    except ValueError:
        if multiple == 1 or not any(None in tensor.shape for tensor in symbolic_leaves((args, kwargs))):
            raise
        runs = [_run(layer, args, kwargs, size * multiple) for size in _TRIES]
    return _combine(*runs)


def _run(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Any:
    def zeros(tensor: KerasTensor) -> Any:
        shape = [size if n is None else n for n in tensor.shape]
        if context.loading is not None:
            check_size(layer.name, math.prod(shape), f"shape {tensor.shape}")
        return np.full(shape, "", object) if tensor.dtype == "string" else np.zeros(shape, tensor.dtype)

    def unit_matrices(tensor: KerasTensor) -> Any:
        made = zeros(tensor)
        if made.ndim > 1:
            made[..., range(min(made.shape[-2:])), range(min(made.shape[-2:]))] = 1
        return made

    with no_grad(), np.errstate(all="ignore"):  # zeros may be divided by, or have no logarithm
        try:
            return layer._dry_call(map_symbolic(args, zeros), {**map_symbolic(kwargs, zeros)})
        except np.linalg.LinAlgError:  # zeros have no inverse
            return layer._dry_call(map_symbolic(args, unit_matrices), {**map_symbolic(kwargs, unit_matrices)})


def check_size(name: str, size: int, said: str | None = None) -> None:
    """ValueError if a layer from a file would make arrays beyond reason before any data is there."""
    if size > _LOADING_LIMIT:
        raise ValueError(f"{name} would work on arrays of {said or f'{size} numbers'}: no file is trusted that far")


def _combine(one: Any, two: Any) -> Any:
    if isinstance(one, (list, tuple)):
        if len(one) != len(two):
            raise ValueError(
                f"the axis that is taken apart must have a known size, it gave {len(one)} and {len(two)} parts"
            )
        return sequence_of(type(one), [_combine(a, b) for a, b in zip(one, two, strict=True)])
    if isinstance(one, dict):
        return {key: _combine(one[key], two[key]) for key in one}
    if not hasattr(one, "shape"):
        return one
    shape = tuple(m if m == n else None for m, n in zip(one.shape, two.shape, strict=True))
    return KerasTensor(shape, np.dtype(one.dtype).name)


def dry_output_shape(layer: Layer, input_shape: Any) -> Any:
    """The output's shape (or shapes) for an input's, by :func:`dry_run`."""
    outputs = dry_run(layer, (_tensors_of(input_shape, layer.compute_dtype),), {})
    if isinstance(outputs, KerasTensor):
        return outputs.shape
    return [leaf.shape for leaf in symbolic_leaves(outputs)]


def _tensors_of(shape: Any, dtype: str) -> Any:
    return KerasTensor(shape, dtype) if is_shape(shape) else [_tensors_of(item, dtype) for item in shape]


def _record(op: str, values: dict[str, Any]) -> Any:
    from recurra.layers.base.operation import record  # most models have no operations

    return record(op, values)


set_recorder(_record)
