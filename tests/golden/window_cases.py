"""Convolution, pooling and padding among the cases of layer_cases.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

B, I = 3, 4


def cases(case: Any) -> dict[str, Any]:
    """All of them by name; `case` makes one from a function of `layers` and the shape of the input."""
    found = {}

    def make(kind: str, *args: Any, **options: Any) -> Callable[[Any], Any]:
        return lambda layers: getattr(layers, kind)(*args, **options)

    series, image, cube = (B, 7, I), (B, 5, 7, I), (2, 4, 5, 3, I)
    first = {"data_format": "channels_first"}
    for name, kind, shape, options in (
        ("conv1d/valid", "Conv1D", series, {"strides": 2, "activation": "relu"}),
        ("conv1d/same", "Conv1D", series, {"padding": "same", "use_bias": False}),
        ("conv1d/same_strides", "Conv1D", series, {"padding": "same", "strides": 2}),
        ("conv1d/causal", "Conv1D", series, {"padding": "causal", "dilation_rate": 2}),
        ("conv1d/causal_strides", "Conv1D", series, {"padding": "causal", "strides": 3}),
        ("conv1d/groups", "Conv1D", series, {"groups": 2, "dilation_rate": 2}),
        ("conv1d/channels_first", "Conv1D", series, {"padding": "same", **first}),
        ("conv2d/valid", "Conv2D", image, {"strides": (1, 2)}),
        ("conv2d/same", "Conv2D", image, {"padding": "same", "strides": 2, "groups": 2, "activation": "tanh"}),
        ("conv2d/dilation", "Conv2D", image, {"dilation_rate": (2, 1), "padding": "same"}),
        ("conv3d", "Conv3D", cube, {"padding": "same", "strides": (2, 1, 1)}),
        ("conv1d_transpose/valid", "Conv1DTranspose", series, {"strides": 2}),
        ("conv1d_transpose/gaps", "Conv1DTranspose", series, {"strides": 5, "use_bias": False}),
        ("conv1d_transpose/same", "Conv1DTranspose", series, {"strides": 2, "padding": "same", "activation": "relu"}),
        ("conv1d_transpose/dilation", "Conv1DTranspose", series, {"dilation_rate": 2, "padding": "same"}),
        ("conv1d_transpose/more", "Conv1DTranspose", series, {"strides": 3, "padding": "same", "output_padding": 2}),
        ("conv2d_transpose", "Conv2DTranspose", image, {"strides": (2, 1), "padding": "same"}),
        ("conv3d_transpose", "Conv3DTranspose", cube, {"strides": (1, 2, 1)}),
        ("separable_conv1d", "SeparableConv1D", series, {"depth_multiplier": 2, "padding": "same"}),
        ("separable_conv2d", "SeparableConv2D", image, {"strides": 2, "activation": "tanh"}),
    ):
        found[name] = case(make(kind, 6, (2, 3, 2)[: len(shape) - 2], **options), inputs=shape)
    found["depthwise_conv1d"] = case(make("DepthwiseConv1D", 3, strides=2, depth_multiplier=2), inputs=series)
    found["depthwise_conv1d/dilation"] = case(
        make("DepthwiseConv1D", 3, dilation_rate=2, use_bias=False, activation="relu"), inputs=series
    )
    found["depthwise_conv2d"] = case(make("DepthwiseConv2D", (2, 3), padding="same"), inputs=image)
    for kind in ("Max", "Average"):
        for name, shape, options in (
            ("1d", series, {"pool_size": 2}),
            ("1d_overlapping", series, {"pool_size": 3, "strides": 2, "padding": "same"}),
            ("1d_channels_first", series, {"pool_size": 2, "strides": 1, **first}),
            ("2d", image, {"pool_size": (2, 3)}),
            ("2d_same", image, {"pool_size": 3, "strides": (2, 1), "padding": "same"}),
            ("3d", cube, {"pool_size": (2, 2, 3)}),
        ):
            rank = f"{len(shape) - 2}D"
            found[f"{kind.lower()}_pooling{name}"] = case(make(f"{kind}Pooling{rank}", **options), inputs=shape)
        found[f"global_{kind.lower()}_pooling2d"] = case(make(f"Global{kind}Pooling2D"), inputs=image)
        found[f"global_{kind.lower()}_pooling2d/kept"] = case(
            make(f"Global{kind}Pooling2D", keepdims=True, **first), inputs=image
        )
    found["zero_padding1d"] = case(make("ZeroPadding1D", (2, 1)), inputs=series)
    found["zero_padding1d/channels_first"] = case(make("ZeroPadding1D", 2, **first), inputs=series)
    found["zero_padding2d"] = case(make("ZeroPadding2D", ((1, 0), (2, 3))), inputs=image)
    found["zero_padding3d"] = case(make("ZeroPadding3D", (1, 0, 2)), inputs=cube)
    found["cropping1d"] = case(make("Cropping1D", (2, 1)), inputs=series)
    found["cropping2d"] = case(make("Cropping2D", ((1, 0), (2, 3))), inputs=image)
    found["cropping2d/channels_first"] = case(make("Cropping2D", ((0, 2), (1, 1)), **first), inputs=image)
    found["up_sampling1d"] = case(make("UpSampling1D", 3), inputs=series)
    found["up_sampling2d"] = case(make("UpSampling2D", (2, 3)), inputs=image)
    steps = {1: (2, 3, 7, I), 2: (2, 3, 5, 4, I)}
    whole = {"return_sequences": True, "return_state": True}
    for name, rank, options, mask in (
        ("1d", 1, {"strides": 2, **whole}, None),
        ("1d_last", 1, {"padding": "same", "activation": "relu", "recurrent_activation": "hard_sigmoid"}, None),
        ("1d_mask", 1, {"padding": "same", "unroll": True, **whole}, "right"),
        ("2d", 2, {"padding": "same", "go_backwards": True, **whole}, None),
        ("2d_plain", 2, {"use_bias": False, "dilation_rate": (2, 1)}, None),
        ("2d_channels_first", 2, {"padding": "same", **first}, None),
    ):
        kept = np.array([[True, True, False], [True, False, False]])
        found[f"conv_lstm/{name}"] = case(
            make(f"ConvLSTM{rank}D", 2, (2, 3, 2)[:rank], **options),
            inputs=steps[rank],
            call={} if mask is None else {"mask": kept},
        )
    return found
