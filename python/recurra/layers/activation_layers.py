"""Activation functions as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import activations, constraints, initializers, ops, regularizers
from recurra.autograd import value_of
from recurra.layers.base.layer import Layer
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class _Elementwise(Layer):
    """A layer that keeps shapes and masks."""

    _float_inputs = True
    _mask_passes = True
    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class Activation(_Elementwise):
    """Applies an activation function.

    activation : a name or a function

    >>> import numpy as np
    >>> from recurra.layers import Activation
    >>> Activation("relu")(np.array([[-1.0, 2.0]], "float32"))
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self, activation: ActivationLike, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: TensorLike, *, activated: bool = True) -> Any:
        """The output; where `activated` is False without the activation, for a loss that takes logits."""
        return self.activation(inputs) if activated else inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class ReLU(_Elementwise):
    """``x`` above `threshold`, ``negative_slope * (x - threshold)`` below, at most `max_value`."""

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if (value is None and name != "max_value") or (value is not None and not value >= 0.0):
                raise ValueError(f"{name} of ReLU must not be negative, got {value!r}")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: TensorLike) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        own = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return {**super().get_config(), **own}


class LeakyReLU(_Elementwise):
    """``x`` where positive, ``negative_slope * x`` elsewhere. `alpha` is Keras 2's name of negative_slope."""

    def __init__(self, negative_slope: float = 0.3, *, alpha: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = negative_slope if alpha is None else alpha
        if self.negative_slope is None or not self.negative_slope >= 0.0:
            raise ValueError(f"negative_slope must not be negative, got {self.negative_slope!r}")

    def call(self, inputs: TensorLike) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(_Elementwise):
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere."""

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: TensorLike) -> Any:
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(_Elementwise):
    """``x`` where positive, ``alpha * x`` elsewhere, alpha being learned: one for each feature.

    alpha_initializer, alpha_regularizer, alpha_constraint : of the weight
    shared_axes : axes (from 1) along which one alpha serves for all
    """

    def __init__(
        self,
        alpha_initializer: InitializerLike = "zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        shared_axes: Sequence[int] | int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = None if shared_axes is None else [int(axis) for axis in np.atleast_1d(shared_axes)]

    def build(self, input_shape: Shape) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            shape,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )

    def call(self, inputs: TensorLike) -> Any:
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


class Softmax(_Elementwise):
    """``exp(x)`` divided by its sum along `axis` (an int or several).

    Called as ``layer(inputs, mask=None)``: where the mask, which must broadcast to the inputs, is False, the
    result is zero.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis: int | list[int] = list(axis) if isinstance(axis, Sequence) else axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            keep = np.asarray(value_of(mask))
            keep = keep if keep.dtype == bool else keep > 0.5
            try:
                keep = np.broadcast_to(keep, tuple(inputs.shape))
            except ValueError:
                raise ValueError(
                    f"{self.name}: mask must broadcast to the inputs' shape {tuple(inputs.shape)}, got {keep.shape}"
                ) from None
            inputs = ops.where(keep, inputs, -3e38)
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        if len(axes) == 1:
            return ops.softmax(inputs, axes[0])
        # The largest has no share in the gradient; beside large numbers the logarithm would lose its digits.
        shifted = inputs - np.max(value_of(inputs), tuple(axes), keepdims=True)
        return ops.exp(shifted - ops.logsumexp(shifted, tuple(axes), keepdims=True))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
