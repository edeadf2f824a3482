"""Convolutions of each channel by itself, alone or followed by one of window size 1."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra.layers.base.arguments import check_positive
from recurra.layers.convolution import Convolution, Sizes
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class _DepthwiseConv(Convolution):
    _kernels = ("depthwise_kernel",)

    def __init__(
        self,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows("kernel_size", kernel_size, strides, padding, data_format)
        self._set(None, dilation_rate, activation, use_bias)
        self._set_weights(
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
        )
        self.depth_multiplier = check_positive(depth_multiplier, "depth_multiplier")

    def build(self, input_shape: Shape) -> None:
        channels = self._open(input_shape)
        self.kernel = self._weight("depthwise", (*self.kernel_size, channels, self.depth_multiplier), "kernel")
        self._add_bias(channels * self.depth_multiplier)

    def _filters(self, shape: Shape) -> int | None:
        channels = self._channels(shape)
        return None if channels is None else channels * self.depth_multiplier

    def call(self, inputs: TensorLike) -> Any:
        y = ops.depthwise_conv(inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        if self.bias is not None:
            last = self.data_format == "channels_last"
            y = ops.add(y, self.bias if last else ops.reshape(self.bias, (-1, *(1,) * self.rank)))
        return self._activated(y)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class DepthwiseConv1D(_DepthwiseConv):
    """A convolution over time of each channel by itself.

    depth_multiplier : kernels for each channel; the output has C * depth_multiplier channels
    depthwise_initializer, depthwise_regularizer, depthwise_constraint : of the kernel, which is
        (kernel_size, C, depth_multiplier)

    The other arguments are those of :class:`recurra.layers.Conv1D`; padding is "valid" or "same".
    """


class DepthwiseConv2D(_DepthwiseConv):
    """A convolution over two axes of each channel by itself; arguments as for :class:`DepthwiseConv1D`."""

    rank = 2


class _SeparableConv(Convolution):
    _kernels = ("depthwise_kernel", "pointwise_kernel")

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        depth_multiplier: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        pointwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows("kernel_size", kernel_size, strides, padding, data_format)
        self._set(filters, dilation_rate, activation, use_bias)
        self._set_weights(
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
        )
        self.depth_multiplier = check_positive(depth_multiplier, "depth_multiplier")

    def build(self, input_shape: Shape) -> None:
        channels = self._open(input_shape)
        many = channels * self.depth_multiplier
        self.depthwise_kernel = self._weight(
            "depthwise", (*self.kernel_size, channels, self.depth_multiplier), "depthwise_kernel"
        )
        self.pointwise_kernel = self._weight("pointwise", (*(1,) * self.rank, many, self.filters), "pointwise_kernel")
        self._add_bias(self.filters)

    def call(self, inputs: TensorLike) -> Any:
        y = ops.separable_conv(
            inputs, self.depthwise_kernel, self.pointwise_kernel, self.strides, self.padding, self.data_format,
            self.dilation_rate, self.bias,
        )  # fmt: skip
        return self._activated(y)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "depth_multiplier": self.depth_multiplier}


class SeparableConv1D(_SeparableConv):
    """A convolution over time of each channel by itself, then one of window size 1 that mixes the channels.

    depth_multiplier : kernels for each channel in the first
    depthwise_initializer, depthwise_regularizer, depthwise_constraint : of its kernel
        (kernel_size, C, depth_multiplier)
    pointwise_initializer, pointwise_regularizer, pointwise_constraint : of the second's kernel
        (1, C * depth_multiplier, filters)

    The other arguments are those of :class:`recurra.layers.Conv1D`; padding is "valid" or "same".
    """


class SeparableConv2D(_SeparableConv):
    """:class:`SeparableConv1D` over two axes: inputs (B, H, W, C), or (B, C, H, W) with "channels_first"."""

    rank = 2
