"""Convolution and pooling layers: what the tables of all layers do not show."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

from recurra import layers, models
from recurra.layers.base.context import get_mask, set_mask

X = np.random.RandomState(0).standard_normal((3, 7, 4)).astype("float32")


def test_other_names() -> None:
    assert layers.MaxPool1D is layers.MaxPooling1D and layers.AvgPool2D is layers.AveragePooling2D
    assert (
        layers.GlobalMaxPool1D is layers.GlobalMaxPooling1D and layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    )
    assert layers.Convolution1D is layers.Conv1D and layers.SeparableConvolution2D is layers.SeparableConv2D
    assert layers.Convolution2DTranspose is layers.Conv2DTranspose


def test_masks_end_with_a_warning_as_in_keras() -> None:
    for layer in (layers.Conv1D(2, 3), layers.MaxPooling1D(2), layers.ZeroPadding1D(1), layers.UpSampling1D(2)):
        with pytest.warns(UserWarning, match="does not support masks"):
            y = layer(set_mask(X.copy(), np.ones((3, 7), bool)))
        assert get_mask(y) is None


def test_causal_steps_see_no_later_one() -> None:
    layer = layers.Conv1D(5, 3, padding="causal", dilation_rate=2)
    whole = layer(X)
    changed = X.copy()
    changed[:, 4:] += 1.0
    np.testing.assert_array_equal(layer(changed)[:, :4], whole[:, :4])
    assert not np.array_equal(layer(changed)[:, 4:], whole[:, 4:])


@pytest.mark.parametrize("shape", [(None, 4), (7, 4)])
def test_in_front_of_a_recurrent_layer(shape: Any) -> None:
    inputs = layers.Input(shape)
    y = layers.Conv1D(6, 3, activation="relu", padding="same")(inputs)
    y = layers.MaxPooling1D(2)(layers.Dropout(0.1)(y))
    model = models.Model(inputs, layers.Dense(1)(layers.LSTM(5)(y)))
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.get_layer(index=1).output.shape == (None, shape[0], 6)


def test_images_through_time_distributed() -> None:
    frames = np.random.RandomState(1).standard_normal((2, 3, 6, 5, 1)).astype("float32")
    model = models.Sequential(
        [
            layers.TimeDistributed(layers.Conv2D(4, (3, 3), activation="relu"), input_shape=(None, 6, 5, 1)),
            layers.TimeDistributed(layers.MaxPooling2D(2)),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(7),
            layers.Dense(2, activation="softmax"),
        ]
    )
    assert model.output_shape == (None, 2)
    convolution = model.layers[0]
    one_by_one = np.stack([convolution.layer(frames[:, t]) for t in range(3)], axis=1)
    np.testing.assert_array_equal(convolution(frames), one_by_one)
    assert model.predict(frames, verbose=0).shape == (2, 2)


def test_weights_of_keras() -> None:
    for layer, wanted in (
        (layers.Conv1D(6, 3, groups=2), {"kernel": (3, 2, 6), "bias": (6,)}),
        (layers.Conv1DTranspose(6, 3), {"kernel": (3, 6, 4), "bias": (6,)}),
        (layers.DepthwiseConv1D(3, depth_multiplier=2), {"kernel": (3, 4, 2), "bias": (8,)}),
        (
            layers.SeparableConv1D(6, 3, depth_multiplier=2),
            {"depthwise_kernel": (3, 4, 2), "pointwise_kernel": (1, 8, 6), "bias": (6,)},
        ),
    ):
        layer.build((None, 7, 4))
        assert {w.name: w.shape for w in layer.weights} == wanted


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Conv1D(0, 3), "filters must be a positive integer, got 0"),
        (lambda: layers.Conv1D(4, 0), "kernel_size must be a positive integer or 1 of them, got 0"),
        (lambda: layers.Conv2D(4, (1, 2, 3)), "kernel_size must be a positive integer or 2 of them"),
        (lambda: layers.Conv1D(4, 3, padding="full"), "padding must be one of 'valid', 'same', 'causal', got 'full'"),
        (lambda: layers.Conv2D(4, 3, padding="causal"), "padding must be one of 'valid', 'same', got 'causal'"),
        (lambda: layers.Conv1D(4, 3, strides=2, dilation_rate=2), "strides and dilation_rate cannot both be above 1"),
        (lambda: layers.Conv1D(4, 3, groups=3), "filters must be divisible by groups, got 4 and 3"),
        (lambda: layers.Conv1D(6, 3, groups=3)(X), "4 channels cannot be split into 3 groups"),
        (lambda: layers.Conv1D(4, 3, lora_rank=2), "lora_rank is not supported"),
        (lambda: layers.Conv1D(4, 8)(X), "covers 8 steps does not fit into an axis of 7"),
        (lambda: layers.Conv1D(4, 3)(X[0]), "inputs must have 3 axes, got shape (7, 4)"),
        (lambda: layers.Conv1D(4, 3)(layers.Input((7, None))), "must have a known number of channels"),
        (lambda: layers.Conv1D(4, 3).compute_output_shape((3, 4)), "inputs must have 3 axes"),
        (lambda: layers.Conv1DTranspose(4, 3, strides=2, output_padding=2), "output_padding must be at least 0 and"),
        (lambda: layers.MaxPooling1D(8)(X), "a pool that covers 8 steps"),
        (lambda: layers.MaxPooling1D(2, padding="causal"), "padding must be one of 'valid', 'same'"),
        (lambda: layers.ZeroPadding1D(-1), "padding must be an integer of at least 0, or (before, after)"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), "padding must be an integer of at least 0"),
        (lambda: layers.Cropping1D((4, 3))(X), "cropping (4, 3) leaves nothing of an axis of 7"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), "interpolation must be one of 'nearest'"),
        (lambda: layers.AveragePooling1D(2, data_format="first"), "data_format must be one of"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with warnings.catch_warnings(), pytest.raises(ValueError, match=re.escape(message)):
        warnings.simplefilter("error")
        call()


def test_no_rows_and_float64() -> None:
    for layer in (layers.Conv1D(5, 3, dtype="float64"), layers.MaxPooling1D(2), layers.SeparableConv1D(5, 3)):
        assert layer(X[:0]).shape == layer.compute_output_shape((0, 7, 4))
        assert str(layer(X).dtype) == layer.dtype
