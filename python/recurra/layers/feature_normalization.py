"""Features shifted and scaled by the mean and variance of the data: :class:`Normalization`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Array, value_of
from recurra.config import epsilon
from recurra.layers.base.arguments import check_flag
from recurra.layers.base.layer import Layer
from recurra.typing import ArrayLike, Data, Shape, TensorLike


class Normalization(Layer):
    """``(x - mean) / sqrt(variance)``, with mean and variance of data (`adapt`), or given.

    axis : the axes that have a mean of their own, each; None: one mean for all numbers
    mean, variance : given, of a shape that broadcasts to these axes
    invert : ``x * sqrt(variance) + mean``

    >>> import numpy as np
    >>> from recurra.layers import Normalization
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 1.0], [2.0, 5.0]]))
    >>> layer(np.array([[1.0, 7.0]], "float32"))
    array([[0., 2.]], dtype=float32)
    """

    _float_inputs = True
    supports_masking = True
    _mask_passes = True

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: ArrayLike | None = None,
        variance: ArrayLike | None = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"mean and variance must be given both or neither, got {mean!r} and {variance!r}")
        self.input_mean = None if mean is None else np.asarray(value_of(mean))
        self.input_variance = None if variance is None else np.asarray(value_of(variance))
        if self.input_mean is not None and self.input_variance is not None:
            shape, other = self.input_mean.shape, self.input_variance.shape
            if shape != other:
                raise ValueError(f"mean and variance must have one shape, got {shape} and {other}")
            if len(shape) > len(self.axis):
                raise ValueError(f"mean may have {len(self.axis)} axes for axis={self.axis}, got shape {shape}")
        self.invert = check_flag(invert, "invert")

    def _kept(self, rank: int) -> list[int]:
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(f"{self.name}: axis {self.axis} is outside of inputs of {rank} axes")
        return sorted(axis % rank for axis in self.axis)

    def build(self, input_shape: Shape) -> None:
        kept = self._kept(len(input_shape))
        shape = tuple(input_shape[axis] for axis in kept)
        if any(size is None for size in shape):
            raise ValueError(f"{self.name}: the sizes along axis {self.axis} must be known, got shape {input_shape}")
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(shape, "zeros", name="mean", trainable=False)
            self.adapt_variance = self.add_weight(shape, "ones", name="variance", trainable=False)
            self.count = self.add_weight((), "zeros", dtype="int32", name="count", trainable=False)

    def adapt(self, data: Data, steps: int | None = None) -> None:
        """Take mean and variance from `data`, forgetting those from before.

        data : an array, or an iterable of batches (a Dataset, a generator); of pairs the first is taken
        steps : how many batches to take from an iterable; None takes all
        """
        if self.input_mean is not None:
            raise ValueError(f"{self.name}: mean and variance were given: adapt is for a layer made without them")
        single = isinstance(data, (np.ndarray, list)) or hasattr(data, "__array__")
        total: Any = 0.0
        squares: Any = 0.0
        count = 0
        for item in islice([data] if single else _batches(data), steps):
            batch = np.asarray(value_of(item), np.float64)
            if not self.built:
                self.build((None, *batch.shape[1:]) if 0 not in self._kept(batch.ndim) else batch.shape)
            rest = tuple(axis for axis in range(batch.ndim) if axis not in self._kept(batch.ndim))
            number = int(np.prod([batch.shape[axis] for axis in rest], dtype=np.int64)) if rest else 1
            if not number:
                continue
            mean, spread = batch.mean(rest), batch.var(rest) * number
            apart = mean - total
            squares = squares + spread + apart**2 * (count * number / (count + number))
            total = total + apart * (number / (count + number))
            count += number
        if not count:
            raise ValueError(f"{self.name}: data must hold something to adapt to")
        self.adapt_mean.assign(np.broadcast_to(total, self.adapt_mean.shape))
        self.adapt_variance.assign(np.broadcast_to(squares / count, self.adapt_variance.shape))

    def _statistics(self, shape: Shape) -> tuple[Array, Array]:
        """Mean and variance, to broadcast to inputs of `shape`."""
        kept = self._kept(len(shape))
        if self.input_mean is None:
            mean, variance = self.adapt_mean.value, self.adapt_variance.value
        else:
            assert self.input_variance is not None
            mean, variance = self.input_mean, self.input_variance
        sizes = tuple(1 if size is None else size for size in shape)
        full = [1] * len(sizes)
        for axis, size in zip(reversed(kept), reversed(mean.shape), strict=False):
            full[axis] = size
        return mean.reshape(full).astype(self.dtype), variance.reshape(full).astype(self.dtype)

    def call(self, inputs: TensorLike) -> Any:
        mean, variance = self._statistics(tuple(inputs.shape))
        scale = np.maximum(np.sqrt(variance), np.asarray(epsilon(), self.dtype))
        if self.invert:
            return ops.add(mean, ops.multiply(inputs, scale))
        return ops.divide(ops.subtract(inputs, mean), scale)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {
            **config,
            "axis": self.axis,
            "invert": self.invert,
            "mean": None if self.input_mean is None else self.input_mean.tolist(),
            "variance": None if self.input_variance is None else self.input_variance.tolist(),
        }


def _batches(data: Any) -> Iterable[Any]:
    for item in data:
        yield item[0] if isinstance(item, tuple) else item
