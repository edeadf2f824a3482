"""Layers that only move numbers about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import ops
from recurra.layers.base.arguments import check_choice, check_positive
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.typing import Shape, TensorLike


class Shaping(Layer):
    """A layer whose output has the dtype of its input."""

    def _output_dtype(self, *args: Any, **kwargs: Any) -> str:
        return str(args[0].dtype)


class Flatten(Shaping):
    """(B, ...) becomes (B, product of the rest).

    data_format : "channels_last" (None) or "channels_first", where axis 1 is moved to the end before
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        choices = ("channels_last", "channels_first")
        self.data_format = check_choice(data_format or choices[0], "data_format", choices)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: TensorLike) -> Any:
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Any) -> Any:
        rest = input_shape[1:]
        return (input_shape[0], None if any(size is None for size in rest) else math.prod(rest))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Shaping):
    """(B, ...) becomes (B, *target_shape).

    target_shape : sizes without the batch axis; one of them may be -1, which is then derived
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            self.target_shape = tuple(int(size) for size in np.atleast_1d(np.asarray(target_shape, dtype=np.int64)))
        except (TypeError, ValueError):
            raise ValueError(f"target_shape must hold whole numbers, got {target_shape!r}") from None
        if sum(size == -1 for size in self.target_shape) > 1 or any(size < -1 for size in self.target_shape):
            raise ValueError(f"target_shape must hold sizes and at most one -1, got {target_shape}")

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, self.compute_output_shape(tuple(inputs.shape)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        rest = input_shape[1:]
        if any(size is None for size in rest):
            return (input_shape[0], *[None if size == -1 else size for size in self.target_shape])
        total = math.prod(rest)
        known = math.prod(size for size in self.target_shape if size != -1)
        if (-1 not in self.target_shape and known != total) or (known and total % known) or (not known and total):
            raise ValueError(
                f"{self.name}: target_shape must hold as many numbers as the input's {rest}, got {self.target_shape}"
            )
        return (input_shape[0], *[total // known if size == -1 else size for size in self.target_shape])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Shaping):
    """Puts the axes in another order.

    dims : for each axis after the batch's, which one comes there, counted from 1: (2, 1) swaps time and features
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims must hold the numbers from 1 to {len(self.dims)}, each once, got {dims}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: TensorLike) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *[input_shape[axis] for axis in self.dims])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Shaping):
    """(B, I) becomes (B, n, I): the same vector at n steps."""

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, (int, np.integer)) or isinstance(n, bool):
            raise TypeError(f"n must be an integer, got {n!r}")
        self.n = check_positive(n, "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: TensorLike) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}
