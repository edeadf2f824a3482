"""Models that the tests of files save and load: every layer, every optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import layers as L
from recurra import optimizers
from recurra.models import Sequential

X = np.random.RandomState(3).normal(size=(3, 5, 4)).astype("float32")
IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 1, 0], [2, 2, 1, 3, 5]], "int32")


def randomize(model: Any) -> None:
    rng = np.random.RandomState(4)
    model.set_weights([rng.uniform(0.3, 0.9, w.shape) for w in model.get_weights()])


LAYERS: dict[str, Callable[[], Any]] = {
    "LSTM": lambda: L.LSTM(3, return_sequences=True, go_backwards=True, unit_forget_bias=False, implementation=1),
    "LSTM_functions": lambda: L.LSTM(2, activation="softsign", recurrent_activation="hard_sigmoid", dropout=0.1),
    "GRU": lambda: L.GRU(3, return_sequences=True, zero_output_for_mask=True),
    "GRU_before": lambda: L.GRU(3, reset_after=False, recurrent_dropout=0.2, seed=3),
    "SimpleRNN": lambda: L.SimpleRNN(
        3, use_bias=False, kernel_regularizer="l1", recurrent_constraint="unit_norm", kernel_initializer="he_normal"
    ),
    "RNN": lambda: L.RNN([L.LSTMCell(2), L.GRUCell(3), L.SimpleRNNCell(5)], return_sequences=True),
    "RNN_nested": lambda: L.RNN(L.StackedRNNCells([L.StackedRNNCells([L.LSTMCell(2)]), L.GRUCell(3)])),
    "RNN_one": lambda: L.RNN(L.GRUCell(3, reset_after=False)),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="mul"),
    "Bidirectional_two": lambda: L.Bidirectional(L.GRU(2), backward_layer=L.SimpleRNN(2, go_backwards=True)),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(2, activation="relu")),
    "TimeDistributed_model": lambda: L.TimeDistributed(Sequential([L.Input((4,)), L.Dense(3), L.Dense(2)])),
    "Dense": lambda: L.Dense(3, activation="gelu", bias_constraint="non_neg", bias_initializer="ones"),
    "Masking": lambda: L.Masking(0.5),
    "Dropout": lambda: L.Dropout(0.5, noise_shape=(None, 1, 4), seed=2),
    "SpatialDropout1D": lambda: L.SpatialDropout1D(0.2),
    "GaussianNoise": lambda: L.GaussianNoise(0.3),
    "GaussianDropout": lambda: L.GaussianDropout(0.3),
    "AlphaDropout": lambda: L.AlphaDropout(0.3, noise_shape=(None, 1, 4), seed=2),
    "LocallyConnected1D": lambda: L.LocallyConnected1D(3, 2, strides=2, activation="tanh", bias_initializer="ones"),
    "Discretization": lambda: L.Discretization([-0.5, 0.25], output_mode="one_hot"),
    "RMSNormalization": lambda: L.RMSNormalization(epsilon=0.01),
    "UnitNormalization": lambda: L.UnitNormalization(axis=1),
    "GroupNormalization": lambda: L.GroupNormalization(2, epsilon=0.01, center=False),
    "LayerNormalization": lambda: L.LayerNormalization(epsilon=0.01, center=False),
    "BatchNormalization": lambda: L.BatchNormalization(momentum=0.9, scale=False),
    "Activation": lambda: L.Activation("softmax"),
    "ReLU": lambda: L.ReLU(max_value=0.5),
    "LeakyReLU": lambda: L.LeakyReLU(0.1),
    "ELU": lambda: L.ELU(0.5),
    "PReLU": lambda: L.PReLU(shared_axes=[1]),
    "Softmax": lambda: L.Softmax(axis=1),
    "Flatten": lambda: L.Flatten(),
    "Reshape": lambda: L.Reshape((2, 10)),
    "Permute": lambda: L.Permute((2, 1)),
    "GlobalAveragePooling1D": lambda: L.GlobalAveragePooling1D(keepdims=True),
    "GlobalMaxPooling1D": lambda: L.GlobalMaxPooling1D(),
    "Conv1D": lambda: L.Conv1D(6, 3, padding="causal", dilation_rate=2, groups=2, activation="relu"),
    "Conv1DTranspose": lambda: L.Conv1DTranspose(3, 2, strides=3, output_padding=1, padding="same"),
    "DepthwiseConv1D": lambda: L.DepthwiseConv1D(2, depth_multiplier=3, depthwise_regularizer="l2"),
    "SeparableConv1D": lambda: L.SeparableConv1D(3, 2, pointwise_initializer="ones", use_bias=False),
    "MaxPooling1D": lambda: L.MaxPooling1D(3, strides=1, padding="same"),
    "AveragePooling1D": lambda: L.AveragePooling1D(2, data_format="channels_first"),
    "ZeroPadding1D": lambda: L.ZeroPadding1D((1, 2)),
    "Cropping1D": lambda: L.Cropping1D((0, 2)),
    "UpSampling1D": lambda: L.UpSampling1D(3),
    "Identity": lambda: L.Identity(),
    "ActivityRegularization": lambda: L.ActivityRegularization(l1=0.1, l2=0.2),
    "Rescaling": lambda: L.Rescaling(2.0, offset=0.5),
    "Normalization": lambda: L.Normalization(axis=(1, 2)),
    "EinsumDense": lambda: L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", activation="tanh"),
    "Sequential": lambda: Sequential([L.GRU(2, return_sequences=True), L.Dense(3)]),
}


PAIRS: dict[str, Callable[[], Any]] = {
    "Attention": lambda: L.Attention(use_scale=True, score_mode="concat"),
    "AdditiveAttention": lambda: L.AdditiveAttention(),
    "BilinearAttention": lambda: L.BilinearAttention(),
    "Add": lambda: L.Add(),
    "Subtract": lambda: L.Subtract(),
    "Multiply": lambda: L.Multiply(),
    "Average": lambda: L.Average(),
    "Maximum": lambda: L.Maximum(),
    "Minimum": lambda: L.Minimum(),
    "Concatenate": lambda: L.Concatenate(axis=1),
    "Dot": lambda: L.Dot(axes=(2, 2), normalize=True),
}


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "sgd_plain": lambda: optimizers.SGD(0.05),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda: optimizers.Adam(0.01, amsgrad=True, clipnorm=1.0),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.02, use_ema=True, ema_overwrite_frequency=2),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "adadelta": lambda: optimizers.Adadelta(0.5),
    "nadam": lambda: optimizers.Nadam(0.01),
    "adamax": lambda: optimizers.Adamax(0.01),
    "lion": lambda: optimizers.Lion(0.01),
    "decay": lambda: optimizers.Adam(0.01, decay=0.5),
    "accumulate": lambda: optimizers.SGD(0.05, momentum=0.9, gradient_accumulation_steps=2),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.05, 10, alpha=0.1)),
}
