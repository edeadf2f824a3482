"""Normalisation of each sample by itself: by its root mean square, its length, or within groups of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import ops
from recurra.layers.base.arguments import check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.normalization import _Normalization
from recurra.typing import ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class RMSNormalization(Layer):
    """``scale * x / sqrt(mean(x ** 2) + epsilon)``, the mean over `axis`; a scale for each number along it.

    axis : an axis or several; the last unless given
    epsilon : keeps the division finite

    >>> import numpy as np
    >>> from recurra.layers import RMSNormalization
    >>> RMSNormalization(epsilon=0.0)(np.array([[1.0, 7.0]]))
    array([[0.2, 1.4]], dtype=float32)
    """

    _float_inputs = True
    _mask_passes = True
    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else int(axis)  # type: ignore[arg-type]
        self.epsilon = float(epsilon)

    def build(self, input_shape: Any) -> None:
        axes = sorted(axis % len(input_shape) for axis in np.atleast_1d(self.axis))
        shape = tuple(input_shape[axis] for axis in axes)
        if any(size is None for size in shape):
            raise ValueError(f"{self.name}: the sizes along axis {self.axis} must be known, got shape {input_shape}")
        self.scale = self.add_weight(shape, "ones", name="scale")
        self._scale_shape = [input_shape[k] if k in axes else 1 for k in range(len(input_shape))]

    def call(self, inputs: TensorLike) -> Any:
        scale = ops.reshape(self.scale, self._scale_shape)
        return ops.rms_normalization(inputs, scale, self.axis, self.epsilon)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """``x / sqrt(max(sum(x ** 2), 1e-12))``, the sum over `axis`: each sample has length 1.

    axis : an axis or several; the last unless given
    """

    _float_inputs = True
    _mask_passes = True
    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else int(axis)  # type: ignore[arg-type]

    def call(self, inputs: TensorLike) -> Any:
        squares = ops.sum(ops.square(inputs), self.axis, keepdims=True)
        return inputs * ops.rsqrt(ops.maximum(squares, 1e-12))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class GroupNormalization(_Normalization):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, the statistics over a group of features and all steps.

    groups : how many, a divisor of the features; -1: as many as there are features
    axis : of the features
    epsilon : keeps the division finite
    center, scale : whether there is a beta, a gamma; both have the size of `axis`
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint :
        of them
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = -1 if groups == -1 else check_positive(groups, "groups")
        self.axis = int(axis)
        self._settings(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: Shape) -> None:
        features = input_shape[self.axis]
        if features is None:
            raise ValueError(f"{self.name}: the size along axis {self.axis} must be known, got shape {input_shape}")
        if self.groups == -1:
            self.groups = features
        if features % self.groups:
            raise ValueError(f"{self.name}: groups must divide the {features} features, got {self.groups}")
        self._add_scale_and_offset((features,))

    def call(self, inputs: TensorLike) -> Any:
        place = self.axis % len(inputs.shape)
        x = ops.moveaxis(inputs, place, -1)
        batch, *steps, features = x.shape
        groups = ops.reshape(x, (-1, int(np.prod(steps)), self.groups, features // self.groups))
        mean, variance = ops.moments(groups, [1, 3], keepdims=True)
        y = ops.reshape((groups - mean) * ops.rsqrt(variance + self.epsilon), (batch, *steps, features))
        y = y if self.gamma is None else y * self.gamma
        y = y if self.beta is None else y + self.beta
        return ops.moveaxis(y, -1, place)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "axis": self.axis}
