"""Models whose training step is recorded, or must not be, with data: for comparison with the ordinary step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recurra import layers as L
from recurra import losses, optimizers
from recurra.models import Model, Sequential
from recurra.utils import set_random_seed, to_categorical

ROWS, STEPS, FEATURES, WORDS, CLASSES = 22, 7, 3, 11, 5


@dataclass
class Case:
    """A model, how it is compiled, and its data.

    layers : makes the layers, the Input first
    y : the kind of labels, see :func:`series`
    replays : whether later batches are replayed
    """

    layers: Callable[[], list[Any]]
    y: str = "number"
    words: bool = False
    loss: Any = "mse"
    optimizer: Any = "adam"
    replays: bool = True
    fit: dict[str, Any] = field(default_factory=dict)
    compile: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"


def series(case: Case) -> tuple[np.ndarray, Any]:
    """Inputs and labels; rows of words end in padding of unequal lengths."""
    draw = np.random.default_rng(5)
    if case.words:
        x = draw.integers(1, WORDS, (ROWS, STEPS))
        x[np.arange(STEPS) >= draw.integers(1, STEPS + 1, ROWS)[:, None]] = 0
    else:
        x = draw.standard_normal((ROWS, STEPS, FEATURES)).astype(case.dtype)
    ids = draw.integers(0, CLASSES, ROWS)
    labels: dict[str, Any] = {
        "number": draw.standard_normal(ROWS).astype(np.float32),
        "column": draw.standard_normal((ROWS, 1)),
        "numbers": draw.standard_normal((ROWS, 2)).astype(np.float32),
        "sequence": draw.standard_normal((ROWS, STEPS, 1)).astype(np.float32),
        "binary": draw.integers(0, 2, ROWS),
        "ids": ids,
        "step_ids": draw.integers(0, CLASSES, (ROWS, STEPS)),
        "one_hot": np.eye(CLASSES, dtype=np.float32)[ids],
        "step_one_hot": np.eye(CLASSES)[draw.integers(0, CLASSES, (ROWS, STEPS))],
        "lazy": to_categorical(ids, CLASSES),
    }
    return x, labels[case.y]


def made(case: Case, eagerly: bool) -> Any:
    """The compiled model, the same for each call."""
    set_random_seed(3)
    model = Sequential(case.layers())
    kind = case.optimizer() if callable(case.optimizer) else case.optimizer
    loss = case.loss() if isinstance(case.loss, type) else case.loss
    model.compile(kind, loss, run_eagerly=eagerly, **case.compile)
    return model


def numbers() -> Any:
    return L.Input((STEPS, FEATURES))


def ids() -> Any:
    return L.Input((STEPS,), dtype="int32")


def functional(case: Case, eagerly: bool) -> Any:
    """The same chain as a functional model."""
    set_random_seed(3)
    first, *others = case.layers()
    value = first
    for layer in others:
        value = layer(value)
    model = Model(first, value)
    model.compile(case.optimizer() if callable(case.optimizer) else case.optimizer, case.loss, run_eagerly=eagerly)
    return model


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    name: getattr(optimizers, name)
    for name in ("SGD", "RMSprop", "Adam", "AdamW", "LazyAdam", "Adagrad", "Adadelta", "Nadam", "Adamax", "Lion")
} | {
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "amsgrad": lambda: optimizers.Adam(amsgrad=True),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.02, 3, 0.5)),
    "function": lambda: optimizers.SGD(lambda step: 0.1 / (1 + step)),
    "clipnorm": lambda: optimizers.Adam(clipnorm=0.01),
    "global_clipnorm": lambda: optimizers.RMSprop(global_clipnorm=0.05),
    "clipvalue": lambda: optimizers.SGD(clipvalue=0.01),
    "decay": lambda: optimizers.SGD(0.1, decay=0.3),
    "ema": lambda: optimizers.Adam(use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
    "scaled": lambda: optimizers.Adam(loss_scale_factor=8.0),
    "accumulated": lambda: optimizers.SGD(0.1, gradient_accumulation_steps=2),
}


def _scaled_error(y_true: Any, y_pred: Any) -> Any:
    error = y_pred[:, 0] - np.asarray(y_true, "float32")
    return error * error * 0.3


def weight_drop(layer: Any) -> Any:
    layer.cell.weight_drop = 0.4
    return layer


def _frozen_bias() -> Any:
    layer = L.Dense(3)
    layer.build((None, 4))
    layer.built = True
    layer.bias.trainable = False
    return layer


CASES: dict[str, Case] = {
    "lstm": Case(lambda: [numbers(), L.LSTM(6), L.Dense(1)]),
    "gru": Case(lambda: [numbers(), L.GRU(6), L.Dense(1)]),
    "gru_reset_before": Case(lambda: [numbers(), L.GRU(4, reset_after=False), L.Dense(1)]),
    "simple_rnn": Case(lambda: [numbers(), L.SimpleRNN(6, activation="relu"), L.Dense(1)]),
    "float64_data": Case(lambda: [numbers(), L.LSTM(6), L.Dense(2)], y="numbers", dtype="float64"),
    "integers": Case(lambda: [numbers(), L.LSTM(6), L.Dense(1)], y="column", dtype="int64"),
    "float64_model": Case(
        lambda: [numbers(), L.LSTM(6, dtype="float64"), L.Dense(1, dtype="float64")], replays=False, dtype="float64"
    ),
    "no_bias": Case(lambda: [numbers(), L.LSTM(5, use_bias=False), L.Dense(2, use_bias=False)], y="numbers"),
    "mae": Case(lambda: [numbers(), L.GRU(5), L.Dense(2)], y="numbers", loss="mae"),
    "mae_column": Case(lambda: [numbers(), L.GRU(5), L.Dense(1)], y="column", loss="mae"),
    "huber": Case(lambda: [numbers(), L.GRU(5), L.Dense(1)], loss=losses.Huber, y="column"),
    "own_loss": Case(lambda: [numbers(), L.GRU(5), L.Dense(1)], loss=_scaled_error),
    "sum_of_errors": Case(lambda: [numbers(), L.GRU(5), L.Dense(1)], loss=losses.MeanSquaredError("sum"), y="column"),
    "loss_weight": Case(lambda: [numbers(), L.GRU(5), L.Dense(1)], compile={"loss_weights": 0.3}),
    "stacked": Case(lambda: [numbers(), L.LSTM(6, return_sequences=True), L.GRU(4), L.Dense(3, "relu"), L.Dense(1)]),
    "sequences": Case(
        lambda: [numbers(), L.GRU(4, return_sequences=True), L.Dense(3, "tanh"), L.Dense(1)], y="sequence"
    ),
    "time_distributed": Case(
        lambda: [numbers(), L.GRU(4, return_sequences=True), L.TimeDistributed(L.Dense(1))], y="sequence"
    ),
    "activations": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(6, "elu"), L.Dense(5, "sigmoid"), L.Dense(4, "swish"), L.Dense(1)]
    ),
    "softmax_inside": Case(lambda: [numbers(), L.LSTM(4), L.Dense(6, "softmax"), L.Dense(1)]),
    "dropout": Case(
        lambda: [
            numbers(),
            L.LSTM(6, dropout=0.3, recurrent_dropout=0.2, return_sequences=True),
            L.Dropout(0.4),
            L.GRU(4),
            L.Dropout(0.1),
            L.Dense(1),
        ]
    ),
    "zoneout": Case(lambda: [numbers(), L.LSTM(6, zoneout_h=0.2, zoneout_c=0.4), L.Dense(1)]),
    "dropped_words": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, mask_zero=True),
            L.GRU(6, dropout=0.3, zoneout_h=0.2),
            L.Dense(1, "sigmoid"),
        ],
        y="binary",
        words=True,
        loss="binary_crossentropy",
    ),
    "cells": Case(
        lambda: [
            numbers(),
            L.PeepholeLSTM(5, return_sequences=True),
            L.IndRNN(4, return_sequences=True),
            L.LayerNormGRU(3, return_sequences=True),
            L.ProjectionLSTM(6, return_sequences=True),
            L.MinLSTM(5),
            L.Dense(1),
        ]
    ),
    "own_activation": Case(lambda: [numbers(), L.LSTM(4, activation="elu"), L.Dense(1)]),
    "backwards": Case(lambda: [numbers(), L.LSTM(4, go_backwards=True, return_sequences=True), L.LSTM(3), L.Dense(1)]),
    "bidirectional": Case(lambda: [numbers(), L.Bidirectional(L.LSTM(4)), L.Dense(1)]),
    "words": Case(
        lambda: [ids(), L.Embedding(WORDS, 4), L.LSTM(6), L.Dense(1, "sigmoid")],
        y="binary",
        words=True,
        loss="binary_crossentropy",
        compile={"metrics": ["accuracy"]},
    ),
    "masked_words": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, mask_zero=True),
            L.LSTM(5, return_sequences=True),
            L.LSTM(3),
            L.Dense(CLASSES, "softmax"),
        ],
        y="ids",
        words=True,
        loss="sparse_categorical_crossentropy",
        compile={"metrics": ["accuracy", "crossentropy"]},
    ),
    "masked_to_the_end": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, mask_zero=True),
            L.GRU(5, return_sequences=True),
            L.Dense(CLASSES, "softmax"),
        ],
        y="step_ids",
        words=True,
        loss="sparse_categorical_crossentropy",
        compile={"metrics": ["accuracy"]},
    ),
    "masked_one_hot": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, mask_zero=True),
            L.GRU(5, return_sequences=True),
            L.Dense(CLASSES, "softmax"),
        ],
        y="step_one_hot",
        words=True,
        loss="categorical_crossentropy",
        fit={"sample_weight": np.linspace(0.1, 2.0, ROWS * STEPS).reshape(ROWS, STEPS)},
        compile={"weighted_metrics": ["accuracy"]},
    ),
    "weight_drop": Case(lambda: [numbers(), weight_drop(L.LSTM(4, return_sequences=True)), L.GRU(3), L.Dense(1)]),
    "bidirectional_words": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, mask_zero=True),
            L.Bidirectional(L.LSTM(3)),
            L.Dense(4, "relu"),
            L.Dropout(0.2),
            L.Dense(CLASSES, "softmax"),
        ],
        y="one_hot",
        words=True,
        loss="categorical_crossentropy",
        compile={"metrics": ["accuracy"]},
    ),
    "embedding_into_convolution": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4),
            L.SpatialDropout1D(0.2),
            L.Conv1D(5, 3, activation="relu"),
            L.MaxPooling1D(2),
            L.LSTM(4),
            L.Dense(1),
        ],
        words=True,
    ),
    "lazy_labels": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(CLASSES, "softmax")], y="lazy", loss="categorical_crossentropy"
    ),
    "ignored_class": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(CLASSES, "softmax")],
        y="ids",
        loss=losses.SparseCategoricalCrossentropy(ignore_class=2),
    ),
    "logits": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(CLASSES)],
        y="ids",
        loss=losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
    "binary_logits": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(1)], y="binary", loss=losses.BinaryCrossentropy(from_logits=True)
    ),
    "activation_layer": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(CLASSES), L.Activation("softmax")],
        y="ids",
        loss="sparse_categorical_crossentropy",
        compile={"weighted_metrics": ["accuracy"]},
    ),
    "normalized": Case(
        lambda: [
            numbers(),
            L.BatchNormalization(),
            L.LSTM(5),
            L.LayerNormalization(),
            L.Dense(4),
            L.BatchNormalization(),
            L.Dense(1),
        ]
    ),
    "shapes": Case(
        lambda: [
            numbers(),
            L.GRU(4),
            L.RepeatVector(3),
            L.GRU(5, return_sequences=True),
            L.Flatten(),
            L.Dense(6),
            L.Reshape((2, 3)),
            L.LSTM(3),
            L.Dense(1),
        ]
    ),
    "masking": Case(lambda: [numbers(), L.Masking(), L.LSTM(4), L.Dense(1)]),
    "pooled": Case(lambda: [numbers(), L.LSTM(4, return_sequences=True), L.GlobalMaxPooling1D(), L.Dense(1)]),
    "regularized": Case(
        lambda: [
            numbers(),
            L.LSTM(4, kernel_regularizer="l1_l2", recurrent_regularizer="l2"),
            L.Dense(1, bias_regularizer="l2"),
        ]
    ),
    "regularized_loop": Case(
        lambda: [numbers(), L.LSTM(4, activation="elu", recurrent_regularizer="l1_l2"), L.Dense(1)]
    ),
    "regularized_table": Case(
        lambda: [ids(), L.Embedding(WORDS, 4, embeddings_regularizer="l2"), L.LSTM(4), L.Dense(1)], words=True
    ),
    "constrained": Case(
        lambda: [numbers(), L.LSTM(4, kernel_constraint="max_norm"), L.Dense(1, kernel_constraint="non_neg")]
    ),
    "sample_weights": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(1)],
        fit={"sample_weight": np.linspace(0.1, 2.0, ROWS)},
        compile={"metrics": ["mae"], "weighted_metrics": ["mse"]},
    ),
    "class_weights": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(CLASSES, "softmax")],
        y="ids",
        loss="sparse_categorical_crossentropy",
        fit={"class_weight": {0: 0.2, 1: 3.0, 2: 1.0, 3: 0.5, 4: 2.0}},
    ),
    "class_weights_alone": Case(
        lambda: [numbers(), L.LSTM(4), L.Dense(1, "sigmoid")],
        y="binary",
        loss="binary_crossentropy",
        fit={"class_weight": {0: 0.2, 1: 3.0}},
    ),
    "frozen_below": Case(lambda: [numbers(), L.LSTM(4, return_sequences=True, trainable=False), L.GRU(3), L.Dense(1)]),
    "frozen_between": Case(
        lambda: [numbers(), L.LSTM(4, return_sequences=True), L.GRU(3, trainable=False), L.Dense(1)]
    ),
    "frozen_table": Case(
        lambda: [ids(), L.Embedding(WORDS, 4, mask_zero=True, trainable=False), L.GRU(3), L.Dense(1)], words=True
    ),
    "only_the_table": Case(
        lambda: [ids(), L.Embedding(WORDS, 4), L.GRU(3, trainable=False), L.Dense(1, trainable=False)], words=True
    ),
    "stateful": Case(
        lambda: [L.Input(batch_shape=(2, STEPS, FEATURES)), L.LSTM(4, stateful=True), L.Dense(1)],
        fit={"batch_size": 2, "shuffle": False},
    ),
    "many_rows": Case(
        lambda: [
            L.Input((STEPS, FEATURES)),
            L.LSTM(3, return_sequences=True),
            L.UpSampling1D(20),
            L.Dense(2, "relu"),
            L.GlobalAveragePooling1D(),
            L.Dense(1),
        ]
    ),  # of which no more than 256 are added up at once
    "frozen_bias": Case(lambda: [numbers(), L.LSTM(4), _frozen_bias(), L.Dense(1)], loss="mae", y="column"),
    "whole_batches": Case(lambda: [numbers(), L.LSTM(4), L.Dense(1)], fit={"batch_size": 1}),
    "validated": Case(
        lambda: [numbers(), L.LSTM(4), L.Dropout(0.3), L.Dense(1)],
        fit={"validation_split": 0.2},
        compile={"metrics": ["mae", "mse"]},
    ),
    "executions": Case(lambda: [numbers(), L.LSTM(4), L.Dense(1)], compile={"steps_per_execution": 2}),
    "lambda": Case(lambda: [numbers(), L.LSTM(4), L.Lambda(lambda x: x * 2.0), L.Dense(1)], replays=False),
    "activity": Case(lambda: [numbers(), L.LSTM(4, activity_regularizer="l2"), L.Dense(1)], replays=False),
    "activity_layer": Case(lambda: [numbers(), L.LSTM(4), L.ActivityRegularization(l2=0.1), L.Dense(1)], replays=False),
    "nested": Case(lambda: [numbers(), L.LSTM(4), Sequential([L.Input((4,)), L.Dense(3)]), L.Dense(1)]),
    "no_recurrent_layer": Case(lambda: [numbers(), L.Flatten(), L.Dense(4, "relu"), L.Dense(1)]),
    "only_under_a_tape": Case(
        lambda: [numbers(), L.Bidirectional(L.GRU(4), "mul"), L.Reshape((4, 1)), L.Flatten()],
        y="number",
        loss=lambda y, p: (p[:, 0] - y) ** 2,
        replays=False,
    ),
}
