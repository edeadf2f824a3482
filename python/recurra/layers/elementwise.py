"""Several tensors into one, number by number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.layers.base.context import get_mask, strip_mask
from recurra.layers.base.layer import Layer
from recurra.typing import ArrayLike, TensorLike

Shape = tuple["int | None", ...]


class Merge(Layer):
    """Base of the layers that merge a list of tensors number by number.

    Shapes broadcast; a tensor with fewer axes gets new ones after the batch axis. The output's mask is the OR of the
    inputs' masks, or none where one of them has none.
    """

    _float_inputs = True
    _mask_passes = True
    supports_masking = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Merge:
            raise TypeError(
                "Merge is the base of Add, Multiply and the others. Keras 1's Merge([a, b], mode='sum') is, in place "
                "of a Sequential model that begins with it, the output of layers.add([a.output, b.output]) (or "
                "concatenate, multiply, average, maximum, dot) in Model([a.input, b.input], output)"
            )
        return super().__new__(cls, *args, **kwargs)

    def build(self, input_shape: Sequence[Shape]) -> None:
        self.compute_output_shape(input_shape)

    def call(self, inputs: Sequence[TensorLike]) -> Any:
        tensors = check_list(inputs, self.name)
        rank = max(len(tensor.shape) for tensor in tensors)
        return self._merge([_with_rank(tensor, rank) for tensor in tensors])

    def _merge(self, inputs: list[Any]) -> Any:
        raise TypeError(f"{type(self).__name__} must define _merge(inputs)")

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shapes = check_shapes(input_shape, self.name)
        merged = shapes[0][1:]
        for shape in shapes[1:]:
            merged = _broadcast(merged, shape[1:], self.name, shapes)
        batch = {shape[0] for shape in shapes} - {None}
        if len(batch) > 1:
            raise ValueError(f"{self.name}: the inputs must have the same batch size, got shapes {shapes}")
        return (batch.pop() if batch else None, *merged)

    def compute_mask(self, inputs: Any, mask: Sequence[ArrayLike | None] | None = None) -> Any:
        if mask is None:
            return None
        masks = list(mask)
        if any(one is None for one in masks):
            return None
        return reduce(np.logical_or, (np.asarray(one) for one in masks))  # (B, T) and (B, 1) broadcast


def check_list(inputs: Any, name: str) -> list[Any]:
    """`inputs` as a list, or an error."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError(f"{name} must be called on a list of inputs, got {type(inputs).__name__}")
    return list(inputs)


def check_shapes(shapes: Any, name: str) -> list[Shape]:
    """A list of shapes, or an error."""
    if not isinstance(shapes, (list, tuple)) or not shapes or not all(isinstance(s, (list, tuple)) for s in shapes):
        raise ValueError(f"{name} must be called on a list of inputs, got one of shape {shapes}")
    return [tuple(shape) for shape in shapes]


def _with_rank(tensor: Any, rank: int) -> Any:
    missing = rank - len(tensor.shape)
    if missing == 0:
        return tensor
    return ops.reshape(tensor, (tensor.shape[0], *(1,) * missing, *tensor.shape[1:]))


def _broadcast(one: Shape, two: Shape, name: str, shapes: Any) -> Shape:
    short, long = sorted((one, two), key=len)
    merged: list[int | None] = list(long[: len(long) - len(short)])
    for a, b in zip(long[len(long) - len(short) :], short, strict=True):
        if a is not None and b is not None and a != b and 1 not in (a, b):
            raise ValueError(f"{name}: the inputs' shapes must broadcast, got {shapes}")
        merged.append(None if a is None or b is None else (b if a == 1 else a))
    return tuple(merged)


class Add(Merge):
    """The sum of the inputs.

    >>> import numpy as np
    >>> from recurra.layers import Add
    >>> Add()([np.ones((1, 2), "float32"), np.ones((1, 2), "float32")])
    array([[2., 2.]], dtype=float32)
    """

    def _merge(self, inputs: list[Any]) -> Any:
        total = inputs[0]
        for tensor in inputs[1:]:
            total = ops.add(total, tensor)
        return total


class Subtract(Merge):
    """The first of two inputs minus the second."""

    def _merge(self, inputs: list[Any]) -> Any:
        if len(inputs) != 2:
            raise ValueError(f"{self.name} takes exactly 2 inputs, got {len(inputs)}")
        return ops.subtract(inputs[0], inputs[1])


class Average(Add):
    """The mean of the inputs."""

    def _merge(self, inputs: list[Any]) -> Any:
        return super()._merge(inputs) / float(len(inputs))


class Multiply(Merge):
    """The product of the inputs. An input counts as 1 at steps that its mask excludes; where all are masked, 0."""

    def _merge(self, inputs: list[Any]) -> Any:
        masks = [_expanded(get_mask(tensor), tensor) for tensor in inputs]
        product = None
        for tensor, mask in zip(inputs, masks, strict=True):
            tensor = strip_mask(tensor) if mask is None else ops.where(mask, tensor, 1.0)
            product = tensor if product is None else ops.multiply(product, tensor)
        given = [mask for mask in masks if mask is not None]
        if len(given) < len(inputs):
            return product
        return ops.where(np.logical_or.reduce(np.broadcast_arrays(*given)), product, 0.0)


class _Extreme(Merge):
    """Maximum and Minimum: at steps that an input's mask excludes, what the other inputs hold is taken."""

    def _choose(self, one: Any, two: Any) -> Any:
        raise TypeError(f"{type(self).__name__} must define _choose(one, two)")

    def _merge(self, inputs: list[Any]) -> Any:
        result, result_mask = strip_mask(inputs[0]), _expanded(get_mask(inputs[0]), inputs[0])
        for tensor in inputs[1:]:
            mask = _expanded(get_mask(tensor), tensor)
            other = strip_mask(tensor)
            if mask is not None:
                other = ops.where(mask, other, result)
            if result_mask is not None:
                result = ops.where(result_mask, result, other)
            result_mask = None if mask is None or result_mask is None else result_mask | mask
            result = self._choose(result, other)
        return result


class Maximum(_Extreme):
    """The larger of the inputs, number by number."""

    def _choose(self, one: Any, two: Any) -> Any:
        return ops.maximum(one, two)


class Minimum(_Extreme):
    """The smaller of the inputs, number by number."""

    def _choose(self, one: Any, two: Any) -> Any:
        return ops.minimum(one, two)


def _expanded(mask: Any, tensor: Any) -> Any:
    """A mask (B, T) as (B, T, 1, ...) for a tensor of more axes."""
    if mask is None:
        return None
    mask = np.asarray(value_of(mask)).astype(bool)
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (len(tensor.shape) - mask.ndim)), tuple(tensor.shape))


def add(inputs: Sequence[ArrayLike], **kwargs: Any) -> Any:
    """``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[ArrayLike], **kwargs: Any) -> Any:
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def average(inputs: Sequence[ArrayLike], **kwargs: Any) -> Any:
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def multiply(inputs: Sequence[ArrayLike], **kwargs: Any) -> Any:
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def maximum(inputs: Sequence[ArrayLike], **kwargs: Any) -> Any:
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[ArrayLike], **kwargs: Any) -> Any:
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)
