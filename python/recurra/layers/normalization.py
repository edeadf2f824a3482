"""Normalisation over features and over batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra import constraints, initializers, ops, regularizers
from recurra.autograd import value_of
from recurra.config import epsilon as tiny
from recurra.layers.base.arguments import check_flag
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.typing import ConstraintLike, DType, InitializerLike, RegularizerLike, Shape, TensorLike

if TYPE_CHECKING:
    from recurra.autograd import Variable


class _Normalization(Layer):
    """Scale gamma and offset beta."""

    _float_inputs = True
    _mask_passes = True
    supports_masking = True

    def _settings(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: InitializerLike,
        gamma_initializer: InitializerLike,
        beta_regularizer: RegularizerLike,
        gamma_regularizer: RegularizerLike,
        beta_constraint: ConstraintLike,
        gamma_constraint: ConstraintLike,
    ) -> None:
        self.epsilon = float(epsilon)
        self.center, self.scale = check_flag(center, "center"), check_flag(scale, "scale")
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Any = None
        self.beta: Any = None

    def _add_scale_and_offset(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


class LayerNormalization(_Normalization):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, mean and variance of each sample over `axis`.

    axis : an axis or several; the last unless given
    epsilon : keeps the division finite
    center, scale : whether there is a beta, a gamma; both have the sizes of `axis`
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint :
        of them

    >>> import numpy as np
    >>> from recurra.layers import LayerNormalization
    >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]]))
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        *,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if rms_scaling:
            raise ValueError("rms_scaling=True is not supported: Keras withdrew it because it scaled by the variance")
        if not isinstance(axis, (int, np.integer, list, tuple)) or isinstance(axis, bool):
            raise TypeError(f"axis must be an integer or several, got {axis!r}")
        self.axis = sorted(axis) if isinstance(axis, (list, tuple)) else int(axis)
        self._settings(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint,
        )  # fmt: skip

    def _axes(self, rank: int) -> list[int]:
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        if any(not -rank <= axis < rank for axis in axes):
            raise ValueError(f"{self.name}: axis {self.axis} is outside of an input of {rank} axes")
        return sorted(axis % rank for axis in axes)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[axis] for axis in self._axes(len(input_shape)))
        if any(size is None for size in shape):
            raise ValueError(f"{self.name}: the sizes along axis {self.axis} must be known, got shape {input_shape}")
        self._add_scale_and_offset(shape)

    def call(self, inputs: TensorLike) -> Any:
        return ops.layer_normalization(inputs, self.gamma, self.beta, self._axes(len(inputs.shape)), self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class BatchNormalization(_Normalization):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, each feature by the statistics of the batch.

    axis : the features' axis; statistics are over all others
    momentum : of the moving mean and variance, which take the batch's place outside of training
    epsilon : keeps the division finite
    center, scale : whether there is a beta, a gamma
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : first values
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : of beta and gamma
    renorm : corrects the batch's statistics towards moving ones in training too (Ioffe 2017)
    renorm_clipping : dict with "rmax", "rmin", "dmax", limits of that correction
    renorm_momentum : of the moving statistics that renorm uses
    synchronized : statistics over several processes: not supported

    Called as ``layer(inputs, training=False, mask=None)``: steps that the mask excludes do not count in the
    statistics. With ``trainable = False`` the moving statistics are used in training too, and stay as they are.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if synchronized:
            raise ValueError("synchronized=True is not supported: statistics are those of this process")
        self.axis = int(axis[0] if isinstance(axis, (list, tuple)) else axis)
        self.momentum = float(momentum)
        self._settings(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint,
        )  # fmt: skip
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = check_flag(renorm, "renorm")
        self.renorm_clipping = dict(renorm_clipping or {}) if renorm else renorm_clipping
        if renorm and set(self.renorm_clipping or {}) - {"rmax", "rmin", "dmax"}:
            raise ValueError(f"renorm_clipping may hold 'rmax', 'rmin' and 'dmax', got {renorm_clipping}")
        self.renorm_momentum = float(renorm_momentum)

    def build(self, input_shape: Shape) -> None:
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ValueError(f"{self.name}: axis {self.axis} is outside of an input of {len(input_shape)} axes")
        size = input_shape[self.axis]
        if size is None:
            raise ValueError(f"{self.name}: the size along axis {self.axis} must be known, got shape {input_shape}")
        self._add_scale_and_offset((size,))

        def statistic(name: str, initializer: InitializerLike) -> Any:
            return self.add_weight((size,), initializer, trainable=False, name=name)

        def deviation(shape: Any, dtype: DType | None = None) -> Any:
            return np.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

        self.moving_mean = statistic("moving_mean", self.moving_mean_initializer)
        self.moving_variance = statistic("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = statistic("moving_stddev", deviation)
            self.renorm_mean = statistic("renorm_mean", self.moving_mean_initializer)
            self.renorm_stddev = statistic("renorm_stddev", deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                f"{self.name}: mask must have one axis less than the inputs {tuple(inputs.shape)}, "
                f"got {tuple(mask.shape)}"
            )
        gamma, beta = self.gamma, self.beta
        if not (training and self.trainable):
            mean, variance = self.moving_mean, self.moving_variance
        else:
            mean, variance = self._moments(inputs, mask)
            if self.renorm:
                gamma, beta = self._renormalize(value_of(mean), value_of(variance), gamma, beta)
            else:
                _move(self.moving_mean, value_of(mean), self.momentum)
                _move(self.moving_variance, value_of(variance), self.momentum)
        return ops.batch_normalization(inputs, mean, variance, self.axis, beta, gamma, self.epsilon)

    def _moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        rank = len(inputs.shape)
        axes = tuple(axis for axis in range(rank) if axis != self.axis % rank)
        if mask is None:
            mean, variance = ops.moments(inputs, axes)
            return mean, variance
        keep = np.broadcast_to(np.asarray(value_of(mask)).astype(bool)[..., None], tuple(inputs.shape))
        count = keep.sum(axis=axes, keepdims=True).astype(inputs.dtype) + np.asarray(tiny(), inputs.dtype)
        mean = ops.sum(ops.where(keep, inputs, 0.0), axis=axes, keepdims=True) / count
        variance = ops.sum(ops.square(ops.where(keep, inputs - mean, 0.0)), axis=axes, keepdims=True) / count
        size = (inputs.shape[self.axis],)
        return ops.reshape(mean, size), ops.reshape(variance, size)

    def _renormalize(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """The scale and the offset that hold the correction, a constant for the gradient; moves the statistics."""
        limits = self.renorm_clipping or {}
        deviation = np.sqrt(variance + self.epsilon).astype(mean.dtype)
        reference = np.maximum(self.renorm_stddev.value, np.sqrt(self.epsilon).astype(mean.dtype))
        r = np.clip(deviation / reference, limits.get("rmin", 0.0), limits.get("rmax", np.inf))
        d = (mean - self.renorm_mean.value) / reference
        if "dmax" in limits:
            d = np.clip(d, -limits["dmax"], limits["dmax"])
        r, d = r.astype(mean.dtype), d.astype(mean.dtype)
        new_gamma, new_beta = (r, d) if gamma is None else (r * gamma, d * gamma)
        new_beta = new_beta if beta is None else new_beta + beta
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, self.renorm_momentum)
        _move(self.moving_mean, mean, self.momentum)
        _move(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(np.maximum(np.square(self.moving_stddev.value) - self.epsilon, 0.0))
        return new_gamma, new_beta

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "synchronized": False,
            **(
                {
                    "renorm": True,
                    "renorm_clipping": self.renorm_clipping,
                    "renorm_momentum": self.renorm_momentum,
                }
                if self.renorm
                else {}
            ),
        }


def _move(variable: Variable, value: Any, momentum: float) -> None:
    variable.assign(variable.value * momentum + value * (1.0 - momentum))
