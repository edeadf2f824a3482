"""Convolution, pooling and padding in the tests that go over all layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import layers

RANDOM = np.random.RandomState(4)
SERIES = RANDOM.standard_normal((3, 7, 4)).astype("float32")
IMAGE = RANDOM.standard_normal((2, 5, 7, 4)).astype("float32")
CUBE = RANDOM.standard_normal((2, 4, 5, 3, 4)).astype("float32")
OF_RANK = {1: SERIES, 2: IMAGE, 3: CUBE}
FIRST = {"data_format": "channels_first"}
WINDOW = {"strides": 2, "padding": "same", **FIRST}
COMMON = {**WINDOW, "dilation_rate": 2, "activation": "tanh", "use_bias": False, "activity_regularizer": "l2"}


def _weights(*kinds: str) -> dict[str, Any]:
    values = {"initializer": "ones", "regularizer": "l2", "constraint": "non_neg"}
    made = {f"{kind}_{key}": value for kind in kinds for key, value in values.items()}
    made["bias_regularizer"] = ({"bias_initializer": "ones"}, "l2")
    return made


def _arguments() -> dict[str, Any]:
    found: dict[str, Any] = {}
    conv = {"filters": 4, "kernel_size": 3, **COMMON, **_weights("kernel", "bias")}
    depth = {"kernel_size": 3, "depth_multiplier": 2, **COMMON, **_weights("depthwise", "bias")}
    separable = {**depth, "filters": 4, **_weights("depthwise", "pointwise", "bias")}
    filters = {"filters": 6, "kernel_size": 2}
    for rank, x in OF_RANK.items():
        plain = {**conv, "groups": 2, "lora_rank": 4, "lora_alpha": 1}
        found[f"Conv{rank}D"] = (filters, x, {}, plain)
        back = {**conv, "output_padding": ({"strides": 3}, 2)}
        found[f"Conv{rank}DTranspose"] = (filters, x, {}, back)
        pool = ({}, x, {}, {"pool_size": 3, **WINDOW, "strides": 1})
        found[f"MaxPooling{rank}D"] = found[f"AveragePooling{rank}D"] = pool
        found[f"ZeroPadding{rank}D"] = ({}, x, {}, {"padding": 2, **FIRST})
    for rank in (1, 2):
        found[f"DepthwiseConv{rank}D"] = ({"kernel_size": 2}, OF_RANK[rank], {}, depth)
        found[f"SeparableConv{rank}D"] = (filters, OF_RANK[rank], {}, separable)
    for kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        found[kind] = ({}, IMAGE, {}, {**FIRST, "keepdims": True})
    heads = {
        "num_heads": 1, "key_dim": 3, "value_dim": 5, "dropout": 0.5, "use_bias": False, "output_shape": 3,
        "attention_axes": "not axes", "sliding_window": 1, "flash_attention": True, "use_gate": True,
        "activity_regularizer": "l2", "seed": ({"dropout": 0.5}, 3), **_weights("kernel", "bias"),
    }  # fmt: skip
    found["MultiHeadAttention"] = ({"num_heads": 2, "key_dim": 4}, SERIES, {"value": SERIES[:, ::-1].copy()}, heads)
    found["EinsumDense"] = (
        {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, SERIES, {},
        {
            "equation": "abc,dc->abd", "output_shape": (None, 3), "activation": "tanh",
            "bias_axes": None, **_weights("kernel", "bias"), "lora_rank": 4, "lora_alpha": 1,
            "quantization_config": "int8",
        },
    )  # fmt: skip
    lstm = {
        "filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST, "dilation_rate": 2,
        "activation": "relu", "recurrent_activation": "hard_sigmoid", "use_bias": False, "unit_forget_bias": False,
        "activity_regularizer": "l2", "dropout": 0.5, "recurrent_dropout": 0.5, "seed": ({"dropout": 0.5}, 3),
        "return_sequences": True, "return_state": True, "go_backwards": True, "stateful": True,
        **_weights("kernel", "recurrent", "bias"), "bias_regularizer": "l2",
    }  # fmt: skip
    for rank, x in {
        1: IMAGE[..., :2],
        2: CUBE[..., :2],
        3: np.stack([CUBE[:1, ..., :1], CUBE[1:, ..., :1]], 1),
    }.items():
        found[f"ConvLSTM{rank}D"] = ({"filters": 2, "kernel_size": 2}, x, {}, lstm)
    found["Identity"] = ({}, SERIES, {}, {})
    found["ActivityRegularization"] = ({}, SERIES, {}, {"l1": 0.5, "l2": 0.5})
    found["Rescaling"] = ({"scale": 2.0}, SERIES, {}, {"scale": [1.0, 2.0, 3.0, 4.0], "offset": 0.5})
    given = {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [4.0] * 4}
    found["Normalization"] = (
        given, SERIES, {},
        {"axis": None, "mean": [2.0] * 4, "variance": [9.0] * 4, "invert": True},
    )  # fmt: skip
    ids = np.array([[1, 0, 2], [2, 2, 1]], "int32")
    found["CategoryEncoding"] = ({"num_tokens": 3}, ids, {}, {"num_tokens": 4, "output_mode": "count", "sparse": True})
    bins = {"bin_boundaries": [-0.5, 0.5]}
    found["Discretization"] = (
        bins, SERIES, {},
        {
            "bin_boundaries": [0.0], "num_bins": 4, "epsilon": 2.0, "output_mode": "one_hot", "sparse": True,
        },
    )  # fmt: skip
    found["Hashing"] = (
        {"num_bins": 5}, ids, {},
        {"num_bins": 4, "mask_value": 2, "salt": 7, "output_mode": "multi_hot", "sparse": True},
    )  # fmt: skip
    local = {
        "filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST, "activation": "tanh",
        "use_bias": False, "activity_regularizer": "l2", **_weights("kernel", "bias"), "implementation": 2,
    }  # fmt: skip
    found["LocallyConnected1D"] = ({"filters": 2, "kernel_size": 2}, SERIES, {}, local)
    sound = SERIES[:, :, :1].reshape(1, 21)
    found["MelSpectrogram"] = (
        {"fft_length": 12, "sequence_stride": 4, "num_mel_bins": 2}, sound, {},
        {
            "fft_length": 16, "sequence_stride": 3, "sequence_length": 8, "window": "hamming", "sampling_rate": 8000,
            "num_mel_bins": 3, "min_freq": 900.0, "max_freq": 5000.0, "power_to_db": False, "top_db": 1e-3,
            "mag_exp": 1.0, "min_power": 1.0, "ref_power": 2.0,
        },
    )  # fmt: skip
    found["STFTSpectrogram"] = (
        {"mode": "magnitude", "frame_length": 4}, SERIES, {},
        {
            "mode": "log", "frame_length": 6, "frame_step": 1, "fft_length": 8, "window": "blackman", "periodic": True,
            "scaling": None, "padding": "same", "expand_dims": True, **FIRST,
        },
    )  # fmt: skip
    size = {"height": 3, "width": 4}
    found["CenterCrop"] = (size, IMAGE, {}, {"height": 2, "width": 9, **FIRST})
    found["Resizing"] = (
        size, IMAGE, {},
        {
            "height": 2, "width": 9, "interpolation": "nearest", "crop_to_aspect_ratio": True, "antialias": True,
            "pad_to_aspect_ratio": True, "fill_mode": "reflect", "fill_value": 1.0, **FIRST,
        },
    )  # fmt: skip
    found["Cropping1D"] = ({}, SERIES, {}, {"cropping": 2})
    found["Cropping2D"] = ({}, IMAGE, {}, {"cropping": 1, "data_format": ({"cropping": 1}, "channels_first")})
    volume = np.stack([IMAGE, IMAGE + 1, IMAGE - 2, IMAGE * 3], axis=1)
    found["Cropping3D"] = ({}, volume, {}, {"cropping": 0, "data_format": ({"cropping": 1}, "channels_first")})
    found["UpSampling1D"] = ({}, SERIES, {}, {"size": 3})
    found["UpSampling2D"] = ({}, IMAGE, {}, {"size": (2, 3), **FIRST, "interpolation": "bilinear"})
    return found


#: for test_layers_arguments.py
ARGUMENTS = _arguments()


def _gradients() -> dict[str, Any]:
    f64 = {"dtype": "float64"}
    x64 = {rank: x.astype("float64") for rank, x in OF_RANK.items()}
    made: dict[str, tuple[int, tuple[Any, ...], dict[str, Any]]] = {}
    for rank in OF_RANK:
        sizes = (2, 3, 2)[:rank]
        made[f"Conv{rank}D"] = (rank, (6, sizes), {"groups": 2, "strides": 2, "padding": "same", "activation": "tanh"})
        made[f"Conv{rank}DTranspose"] = (rank, (3, sizes), {"strides": 3, "padding": "same"})
        made[f"MaxPooling{rank}D"] = (rank, (sizes, 1), {"padding": "same"})
        made[f"AveragePooling{rank}D"] = (rank, (sizes, 1), {"padding": "same"})
        made[f"ZeroPadding{rank}D"] = (rank, (2,), {})
    for rank in (1, 2):
        made[f"DepthwiseConv{rank}D"] = (rank, (3,), {"depth_multiplier": 2, "dilation_rate": 2})
        made[f"SeparableConv{rank}D"] = (rank, (5, 3), {"depth_multiplier": 2, "padding": "same"})
    made.update(Identity=(1, (), {}), ActivityRegularization=(1, (0.1, 0.2), {}), Rescaling=(1, (2.0, 0.5), {}))
    made["Normalization"] = (1, (-1, [1.0, 2.0, 3.0, 4.0], [4.0] * 4), {})
    made["EinsumDense"] = (1, ("abc,cde->abde", (None, 2, 3)), {"bias_axes": "de", "activation": "tanh"})
    for kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        made[kind] = (2, (), {})
    made.update(
        Cropping1D=(1, ((2, 1),), {}), Cropping2D=(2, ((1, 2),), {}), Cropping3D=(3, ((1, (0, 2), (0, 1)),), {})
    )
    made["LocallyConnected1D"] = (1, (3, 2, 2), {"activation": "tanh"})
    made.update(CenterCrop=(2, (3, 9), {}), Resizing=(2, (3, 9, "bicubic", True), {}))
    made.update(UpSampling1D=(1, (3,), {}), UpSampling2D=(2, ((2, 3),), {}))

    def maker(kind: str, args: Any, options: Any) -> Any:
        return lambda: getattr(layers, kind)(*args, **options, **f64)

    found = {kind: (maker(kind, args, options), x64[rank], {}) for kind, (rank, args, options) in made.items()}
    for rank, x in {1: x64[2][..., :2], 2: x64[3][:1, :3, ..., :2], 3: x64[3][:1, :2, :, :, :, None]}.items():
        more = {"return_sequences": True, "return_state": True, "padding": "same", "dropout": 0.2}
        made_lstm = maker(f"ConvLSTM{rank}D", (2, 2), {**more, "recurrent_dropout": 0.3, "seed": 1})
        found[f"ConvLSTM{rank}D"] = (made_lstm, x, {"training": True})
    mel = {"fft_length": 8, "sequence_stride": 3, "num_mel_bins": 2, "min_power": 1e-6, "top_db": 300.0}
    found["MelSpectrogram"] = (maker("MelSpectrogram", (), mel), x64[1][:, :, 0], {})
    found["STFTSpectrogram"] = (maker("STFTSpectrogram", ("magnitude", 4), {"window": "hamming"}), x64[1], {})
    heads = maker("MultiHeadAttention", (2, 3), {"value_dim": 5, "use_gate": True})
    found["MultiHeadAttention"] = (heads, x64[1], {"value": x64[1][:, ::-1].copy()})
    return found


#: for test_layers_gradients.py
GRADIENTS = _gradients()
