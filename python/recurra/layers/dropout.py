"""Layers that only act in training: dropout and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from recurra import random
from recurra.config import image_data_format
from recurra.layers.base.arguments import check_positive, check_rate
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.typing import Shape, TensorLike

#: what selu tends to for large negative numbers
_SELU_LIMIT = -1.6732632423543772 * 1.0507009873554805


class _Noise(Layer):
    """A layer with a seed that hands on shapes and masks and does nothing outside of training."""

    _float_inputs = True
    _mask_passes = True
    supports_masking = True

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


class Dropout(_Noise):
    """Sets a share of the input to zero in training and scales the rest by ``1 / (1 - rate)``.

    rate : the share, in [0, 1]
    noise_shape : the shape of the mask, which then broadcasts: (B, 1, I) or (None, 1, I), say, drops the same
        features at all steps; None: the input's shape
    seed : of the masks; each call in training draws anew

    >>> import numpy as np
    >>> from recurra.layers import Dropout
    >>> Dropout(0.5)(np.ones((1, 3), "float32"))
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = check_rate(rate)
        self.noise_shape = None if noise_shape is None else _check_noise_shape(noise_shape)

    def call(self, inputs: TensorLike, training: bool = False) -> Any:
        if not training or self.rate == 0.0:
            return inputs
        return inputs * random.dropout_multiplier(
            self._mask_shape(inputs), self.rate, inputs.dtype, self.seed_generator
        )

    def _mask_shape(self, inputs: Any) -> tuple[int, ...]:
        shape = tuple(inputs.shape)
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape):
            raise ValueError(
                f"{self.name}: noise_shape must have as many axes as the input, {len(shape)}, got {self.noise_shape}"
            )
        filled = tuple(size if wanted is None else wanted for wanted, size in zip(self.noise_shape, shape, strict=True))
        if any(size not in (1, full) for size, full in zip(filled, shape, strict=True)):
            raise ValueError(f"{self.name}: noise_shape {self.noise_shape} does not broadcast to the input's {shape}")
        return filled

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape}


def _check_noise_shape(noise_shape: Sequence[int | None] | None) -> tuple[int | None, ...]:
    if not isinstance(noise_shape, (tuple, list)):
        raise ValueError(f"noise_shape must be a tuple of integers and None, got {noise_shape!r}")
    return tuple(None if size is None else check_positive(size, "each size in noise_shape") for size in noise_shape)


class SpatialDropout1D(Dropout):
    """Dropout of whole features of (B, T, I): what is dropped at one step is dropped at all steps of that row.

    rate : the share of the features, in [0, 1]
    seed : of the masks
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def _mask_shape(self, inputs: Any) -> tuple[int, ...]:
        return (inputs.shape[0], 1, inputs.shape[2])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("noise_shape", "trainable"):  # Keras's class takes neither
            config.pop(key)
        return config


class _SpatialDropout(Dropout):
    """Dropout of whole channels of images or volumes."""

    _axes = 2

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        if data_format not in (None, "channels_first", "channels_last"):
            raise ValueError(f"data_format must be None, 'channels_first' or 'channels_last', got {data_format!r}")
        self.data_format = data_format or image_data_format()
        self.input_spec = InputSpec(ndim=self._axes + 2)

    def _mask_shape(self, inputs: Any) -> tuple[int, ...]:
        rows, *sizes = inputs.shape
        ones = (1,) * self._axes
        return (rows, sizes[0], *ones) if self.data_format == "channels_first" else (rows, *ones, sizes[-1])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("noise_shape", "trainable"):  # Keras's classes take neither
            config.pop(key)
        return {**config, "data_format": self.data_format}


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images (B, H, W, C): one is dropped at all places of an image or at none.

    rate : the share of the channels, in [0, 1]
    data_format : "channels_last" or "channels_first"; None: what ``recurra.config`` says
    seed : of the masks
    """


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes (B, D, H, W, C), or (B, C, D, H, W) with "channels_first".

    rate, data_format, seed : as for :class:`SpatialDropout2D`
    """

    _axes = 3


class GaussianNoise(_Noise):
    """Adds normal numbers of mean 0 in training.

    stddev : their standard deviation, not negative
    seed : of the numbers
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        if not isinstance(stddev, (int, float)) or not stddev >= 0.0:
            raise ValueError(f"stddev must be a number that is not negative, got {stddev!r}")
        self.stddev = float(stddev)

    def call(self, inputs: TensorLike, training: bool = False) -> Any:
        if not training or self.stddev == 0.0:
            return inputs
        return inputs + random.normal(tuple(inputs.shape), 0.0, self.stddev, inputs.dtype, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev}


class GaussianDropout(_Noise):
    """Multiplies with normal numbers of mean 1 and variance ``rate / (1 - rate)`` in training.

    rate : in [0, 1)
    seed : of the numbers
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = check_rate(rate)
        if self.rate == 1.0:
            raise ValueError("rate must be below 1 in GaussianDropout: its variance is rate / (1 - rate)")

    def call(self, inputs: TensorLike, training: bool = False) -> Any:
        if not training or self.rate == 0.0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return inputs * random.normal(tuple(inputs.shape), 1.0, stddev, inputs.dtype, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class AlphaDropout(Dropout):
    """Dropout for layers with the activation "selu": it keeps the mean and the variance of its inputs in training.

    What is dropped becomes the value that selu tends to, -1.758; all is then scaled and shifted.

    rate : the share that is dropped, in [0, 1)
    noise_shape, seed : as for :class:`Dropout`
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)
        if self.rate == 1.0:
            raise ValueError("rate must be below 1 in AlphaDropout: there is no variance to keep without inputs")

    def call(self, inputs: TensorLike, training: bool = False) -> Any:
        if not training or self.rate == 0.0:
            return inputs
        chances = random.uniform(self._mask_shape(inputs), dtype="float64", seed=self.seed_generator)
        kept = (chances >= self.rate).astype(inputs.dtype)
        scale = ((1.0 - self.rate) * (1.0 + self.rate * _SELU_LIMIT**2)) ** -0.5
        shift = -scale * _SELU_LIMIT * self.rate
        return inputs * (kept * scale) + ((1 - kept) * (_SELU_LIMIT * scale) + shift)
