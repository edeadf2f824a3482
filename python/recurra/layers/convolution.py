"""Convolutions over one, two or three axes, with the settings and the weights of Keras's.

The spatial axes lie between the batch and the channels; what is computed is in ``ops/convolution.py``. A mask that the
inputs carry ends here, with a warning, as in Keras 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra import activations, constraints, initializers, ops, regularizers
from recurra.layers.base.arguments import check_choice, check_flag, check_positive, refuse
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.ops.convolution import transposed_size
from recurra.ops.windows import output_size, per_axis
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike

Sizes = int | Sequence[int]
FORMATS = ("channels_last", "channels_first")


class Spatial(Layer):
    """Base of the layers that slide windows over `rank` axes."""

    _float_inputs = True
    rank = 1

    def _set_windows(
        self, name: str, size: Sizes, strides: Sizes | None, padding: str, data_format: str | None
    ) -> None:
        """The settings that convolutions and poolings share; `name` is that of the window's size."""
        sizes = per_axis(size, self.rank, name)
        setattr(self, name, sizes)
        self.strides = sizes if strides is None else per_axis(strides, self.rank, "strides")
        self.padding = str(padding).lower()
        self.data_format = check_choice(data_format or FORMATS[0], "data_format", FORMATS)

    def _spatial(self, shape: Shape) -> tuple[int | None, ...]:
        """The sizes of the spatial axes."""
        if len(shape) != self.rank + 2:
            raise ValueError(f"{self.name}: inputs must have {self.rank + 2} axes, got shape {shape}")
        return tuple(shape[1:-1] if self.data_format == "channels_last" else shape[2:])

    def _channels(self, shape: Shape) -> Any:
        return shape[-1] if self.data_format == "channels_last" else shape[1]

    def _with_spatial(self, shape: Shape, spatial: Sequence[int | None], channels: int | None) -> Shape:
        if self.data_format == "channels_last":
            return (shape[0], *spatial, channels)
        return (shape[0], channels, *spatial)


class Convolution(Spatial):
    """Base of all convolutions: a kernel, a bias and an activation."""

    #: names of the kernels: each has an initializer, a regularizer and a constraint
    _kernels: tuple[str, ...] = ("kernel",)
    _paddings: tuple[str, ...] = ("valid", "same")

    def _set(self, filters: int | None, dilation_rate: Sizes, activation: ActivationLike, use_bias: bool) -> None:
        if filters is not None:
            self.filters = check_positive(filters, "filters")
        self.dilation_rate = per_axis(dilation_rate, self.rank, "dilation_rate")
        check_choice(self.padding, "padding", self._paddings)
        self.activation = activations.get(activation)
        self.use_bias = check_flag(use_bias, "use_bias")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _refuse_both(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self.name}: strides and dilation_rate cannot both be above 1, got {self.strides} and "
                f"{self.dilation_rate}"
            )

    def _set_weights(self, **given: Any) -> None:
        """The initializers, regularizers and constraints, by their names."""
        rooms = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
        for name, value in given.items():
            setattr(self, name, rooms[name.rpartition("_")[2]].get(value))

    def _open(self, shape: Shape) -> int:
        """The channels of an input of `shape`, which must be known; the shape is checked."""
        channels = self._channels(shape)
        if channels is None:
            raise ValueError(f"{self.name}: the inputs must have a known number of channels, got shape {shape}")
        self.compute_output_shape(shape)
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return int(channels)

    def _weight(self, kind: str, shape: tuple[int, ...], name: str | None = None) -> Any:
        return self.add_weight(
            shape,
            getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
            name=name or kind,
        )

    def _add_bias(self, size: int) -> None:
        self.bias = self._weight("bias", (size,)) if self.use_bias else None

    def _activated(self, y: Any) -> Any:
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        spatial = [
            output_size(n, k, s, self.padding, d, "kernel")
            for n, k, s, d in zip(
                self._spatial(input_shape), self.kernel_size, self.strides, self.dilation_rate, strict=True
            )
        ]
        return self._with_spatial(input_shape, spatial, self._filters(input_shape))

    kernel_size: tuple[int, ...]

    def _filters(self, shape: Shape) -> int | None:
        return self.filters

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }
        for kind in (*(name.removesuffix("_kernel") for name in self._kernels), "bias"):
            config[f"{kind}_initializer"] = initializers.serialize(getattr(self, f"{kind}_initializer"))
            config[f"{kind}_regularizer"] = regularizers.serialize(getattr(self, f"{kind}_regularizer"))
            config[f"{kind}_constraint"] = constraints.serialize(getattr(self, f"{kind}_constraint"))
        return config


class _Conv(Convolution):
    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        **kwargs: Any,
    ) -> None:
        refuse(type(self).__name__, lora_rank=lora_rank, lora_alpha=lora_alpha)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows("kernel_size", kernel_size, strides, padding, data_format)
        self._set(filters, dilation_rate, activation, use_bias)
        self._refuse_both()
        self._set_weights(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.groups = check_positive(groups, "groups")
        if self.filters % self.groups:
            raise ValueError(f"{self.name}: filters must be divisible by groups, got {self.filters} and {self.groups}")

    def build(self, input_shape: Shape) -> None:
        channels = self._open(input_shape)
        if channels % self.groups:
            raise ValueError(f"{self.name}: {channels} channels cannot be split into {self.groups} groups")
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self._add_bias(self.filters)

    def call(self, inputs: TensorLike) -> Any:
        y = ops.conv(inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate, self.bias)
        return self._activated(y)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}


class Conv1D(_Conv):
    """A convolution over time: each output step sees `kernel_size` input steps.

    filters : size of the output's last axis
    kernel_size : how many steps a window has
    strides : from window to window
    padding : "valid": windows inside the input; "same": as many steps as the input has, with zeros around;
        "causal": the same, with all zeros before, so that no step sees a later one
    data_format : "channels_last" (None): inputs (B, T, C); "channels_first": (B, C, T)
    dilation_rate : from step to step inside a window
    groups : the channels are split into so many groups, each with its own filters
    activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint : as for Dense

    Weights: kernel (kernel_size, C / groups, filters), bias (filters,).

    >>> import numpy as np
    >>> from recurra.layers import Conv1D
    >>> Conv1D(4, 3, padding="causal")(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    _paddings = ("valid", "same", "causal")


class Conv2D(_Conv):
    """A convolution over two axes: inputs (B, H, W, C), or (B, C, H, W) with data_format "channels_first".

    The arguments are those of :class:`Conv1D`, with two sizes, strides and rates; padding is "valid" or "same".
    """

    rank = 2


class Conv3D(_Conv):
    """A convolution over three axes: inputs (B, D, H, W, C), or (B, C, D, H, W) with data_format "channels_first".

    The arguments are those of :class:`Conv1D`, with three sizes, strides and rates; padding is "valid" or "same".
    """

    rank = 3


class _ConvTranspose(Convolution):
    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        output_padding: Sizes | None = None,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows("kernel_size", kernel_size, strides, padding, data_format)
        self._set(filters, dilation_rate, activation, use_bias)
        self._refuse_both()
        self._set_weights(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.output_padding = None
        if output_padding is not None:
            more = (output_padding,) * self.rank if isinstance(output_padding, int) else tuple(output_padding)
            if len(more) != self.rank or any(not 0 <= n < s for n, s in zip(more, self.strides, strict=False)):
                raise ValueError(
                    f"{self.name}: output_padding must be at least 0 and less than strides {self.strides}, got "
                    f"{output_padding}"
                )
            self.output_padding = more

    def build(self, input_shape: Shape) -> None:
        channels = self._open(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)

    def call(self, inputs: TensorLike) -> Any:
        y = ops.conv_transpose(
            inputs, self.kernel, self.strides, self.padding, self.output_padding, self.data_format,
            self.dilation_rate, self.bias,
        )  # fmt: skip
        return self._activated(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        more = self.output_padding or (None,) * self.rank
        spatial = [
            transposed_size(n, k, s, self.padding, o, d)[0]
            for n, k, s, o, d in zip(
                self._spatial(input_shape), self.kernel_size, self.strides, more, self.dilation_rate, strict=True
            )
        ]
        return self._with_spatial(input_shape, spatial, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "output_padding": self.output_padding}


class Conv1DTranspose(_ConvTranspose):
    """The way back from :class:`Conv1D`: each input step spreads over `kernel_size` output steps.

    output_padding : steps added to the output's end; None: as few as the strides ask for

    The other arguments are those of :class:`Conv1D`; padding is "valid" or "same".
    Weights: kernel (kernel_size, filters, C), bias (filters,).
    """


class Conv2DTranspose(_ConvTranspose):
    """The way back from :class:`Conv2D`; arguments as for :class:`Conv1DTranspose`, with two sizes each."""

    rank = 2


class Conv3DTranspose(_ConvTranspose):
    """The way back from :class:`Conv3D`; arguments as for :class:`Conv1DTranspose`, with three sizes each."""

    rank = 3
