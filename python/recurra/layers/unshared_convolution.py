"""A convolution whose kernel is another one at each place: :class:`LocallyConnected1D`, of Keras 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import activations, constraints, initializers, ops, regularizers
from recurra.layers.base.arguments import check_choice, check_flag, check_positive
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.layers.convolution import FORMATS
from recurra.ops.windows import output_size
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class LocallyConnected1D(Layer):
    """A convolution along a sequence with weights of its own at each place, so that the number of steps is fixed.

    ``y[b, t] = activation(x[b, s t : s t + k] . kernel[t] + bias[t])`` with k = kernel_size and s = strides; inputs
    (B, T, C) become (B, L, filters) with ``L = (T - k) // s + 1``.

    filters : how many channels come out
    kernel_size, strides : k and s, an integer or a sequence of one
    padding : "valid"; "same" is for Keras's implementations 2 and 3
    data_format : "channels_last" (None): (B, T, C) and (B, L, filters); "channels_first": (B, C, T) and (B, filters, L)
    activation : of the sums
    use_bias : whether there is a bias, of shape (L, filters)
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint : as in :class:`Dense`; the kernel has shape (L, k C, filters)
    implementation : 1; weights of the others have other shapes

    >>> import numpy as np
    >>> from recurra.layers import LocallyConnected1D
    >>> LocallyConnected1D(5, 3)(np.zeros((2, 10, 4), "float32")).shape
    (2, 8, 5)
    """

    _float_inputs = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = check_positive(filters, "filters")
        self.kernel_size = (_one(kernel_size, "kernel_size"),)
        self.strides = (_one(strides, "strides"),)
        if implementation != 1:
            raise ValueError(f"implementation must be 1, whose weights these are, got {implementation!r}")
        if padding != "valid":
            raise ValueError(
                f'padding must be "valid" in LocallyConnected1D, got {padding!r}: put a ZeroPadding1D in front of it'
            )
        self.padding, self.implementation = padding, implementation
        self.data_format = check_choice(data_format or FORMATS[0], "data_format", FORMATS)
        self.activation = activations.get(activation)
        self.use_bias = check_flag(use_bias, "use_bias")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=3)

    @property
    def _axes(self) -> tuple[int, int]:
        """The axes of steps and of channels."""
        return (1, 2) if self.data_format == "channels_last" else (2, 1)

    def _length(self, size: int | None) -> int | None:
        return output_size(size, self.kernel_size[0], self.strides[0], "valid", 1, "kernel")

    def build(self, input_shape: Shape) -> None:
        steps, channels = (input_shape[axis] for axis in self._axes)
        if steps is None or channels is None:
            raise ValueError(
                f"{self.name}: the numbers of steps and channels must be known, as each step has weights of its own, "
                f"got shape {tuple(input_shape)}"
            )
        length = self._length(steps)
        self.kernel = self.add_weight(
            (length, self.kernel_size[0] * channels, self.filters),
            self.kernel_initializer,
            name="kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (length, self.filters),
                self.bias_initializer,
                name="bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        axis, other = self._axes
        self.input_spec = InputSpec(ndim=3, axes={axis: steps, other: channels})

    def call(self, inputs: TensorLike) -> Any:
        last = self.data_format == "channels_last"
        length, size = self.kernel.shape[0], self.kernel_size[0]
        places = np.arange(length)[:, None] * self.strides[0] + np.arange(size)
        windows = ops.take(inputs, places, axis=self._axes[0])  # (B, L, k, C), or (B, C, L, k)
        if not last:
            windows = ops.transpose(windows, (0, 2, 1, 3))
        flat = ops.reshape(windows, (inputs.shape[0], length, self.kernel.shape[1]))
        sums = ops.einsum("blk,lkf->blf", flat, self.kernel)
        if self.bias is not None:
            sums = ops.add(sums, self.bias)
        return self.activation(sums if last else ops.transpose(sums, (0, 2, 1)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        length = self._length(input_shape[self._axes[0]])
        inner = (length, self.filters) if self.data_format == "channels_last" else (self.filters, length)
        return (input_shape[0], *inner)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "implementation": self.implementation,
        }


def _one(value: Any, name: str) -> int:
    """`value`, an integer or a sequence of one."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return check_positive(value, name)
