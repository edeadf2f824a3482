"""Losses that compute the last layer's scores themselves: the same training, bit for bit, and less memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from recurra import Input, layers
from recurra.layers.base import context
from recurra.losses import SparseCategoricalCrossentropy
from recurra.models import Model, Sequential
from recurra.ops.projection import ProjectedScores
from recurra.optimizers import SGD
from recurra.training.step import Stepper
from recurra.utils import set_random_seed

V, H = 1031, 6


def _network(kind: str) -> Any:
    set_random_seed(3)
    inputs = Input((None,), dtype="int32")
    if kind == "tied":
        table = layers.ReversibleEmbedding(V, H, mask_zero=True)
        outputs = table(layers.GRU(H, return_sequences=True)(table(inputs)), reverse=True)
        return Model(inputs, outputs)
    activation = "softmax" if kind == "softmax" else None
    stack = [
        layers.Embedding(V, 5, mask_zero=kind != "functional"),
        layers.LSTM(H, return_sequences=True),
        layers.Dense(V, activation, bias_initializer="random_normal"),
    ]
    if kind == "functional":
        value = inputs
        for layer in stack:
            value = layer(value)
        return Model(inputs, value)
    return Sequential([inputs, *stack])


def _data(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    x = rng.integers(1, V, (9, 7)).astype(np.int32)
    x[2, 4:] = 0
    return x, rng.integers(0, V, (9, 7)), rng.uniform(0.2, 3, 9).astype(np.float32)


@pytest.mark.parametrize("kind", ["sequential", "functional", "softmax", "tied"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"ignore_class": 3}, {"reduction": "sum"}, {"reduction": "mean_with_sample_weight"}]
)
def test_training_is_that_of_scores_computed_first(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, kind: str, weighted: bool, settings: dict[str, Any]
) -> None:
    x, y, weight = _data(rng)
    y[0, 1] = 3
    found = []
    used: list[Any] = []
    plain = ProjectedScores.cross_entropy
    monkeypatch.setattr(
        ProjectedScores, "cross_entropy", lambda self, *args, **more: used.append(1) or plain(self, *args, **more)
    )
    for many in (V, V + 1):  # the second time no layer has so many classes
        monkeypatch.setattr(context, "_MANY_CLASSES", many)
        model = _network(kind)
        loss = SparseCategoricalCrossentropy(from_logits=kind != "softmax", **settings)
        model.compile(SGD(0.5), loss, loss_weights=[0.7] if kind == "functional" else None)
        history = model.fit(
            x, y, sample_weight=weight if weighted else None, batch_size=4, epochs=2, validation_data=(x, y), verbose=0
        )
        found.append((history.history["loss"], history.history["val_loss"], model.get_weights()))
        assert len(used) == 12  # two epochs of three batches, each followed by three of validation
    (loss, val_loss, weights), (loss_expected, val_expected, weights_expected) = found
    assert loss == loss_expected and val_loss == val_expected
    for got, expected in zip(weights, weights_expected, strict=True):
        if kind == "tied":  # there the table's gradient is another product
            np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        ({}, True),
        ({"metrics": ["accuracy"]}, False),
        ({"loss": "sparse_categorical_crossentropy"}, False),
        ({"optimizer": SGD(0.5, loss_scale_factor=8.0)}, False),
    ],
)
def test_scores_wait_only_for_a_loss_that_is_their_one_reader(
    rng: np.random.Generator, change: dict[str, Any], waits: bool
) -> None:
    x, y, _ = _data(rng)
    model = _network("sequential")
    model.compile(**{"optimizer": SGD(0.5), "loss": SparseCategoricalCrossentropy(from_logits=True), **change})
    model.fit(x, y, verbose=0)
    stepper = Stepper(model, True)
    outputs = stepper.forward(x, stepper._logits_for(y))
    assert isinstance(outputs, ProjectedScores) == waits
    assert not isinstance(model(x), ProjectedScores)


def test_gradients_are_right_under_a_loss_that_scales(rng: np.random.Generator) -> None:
    x, y, _ = _data(rng)
    weights = []
    for factor in (None, 4.0):
        model = _network("sequential")
        model.compile(SGD(0.5, loss_scale_factor=factor), SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, epochs=2, verbose=0)
        weights.append(model.get_weights())
    for got, expected in zip(*weights, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_the_scores_of_a_batch_are_never_whole_in_memory(rng: np.random.Generator) -> None:
    rows, classes = (64, 100), 5003
    x = rng.integers(0, 50, rows).astype(np.int32)
    y = rng.integers(0, classes, rows)
    model = Sequential([Input((None,), dtype="int32"), layers.Embedding(50, 4), layers.GRU(5, return_sequences=True),
                        layers.Dense(classes)])  # fmt: skip
    model.compile("sgd", SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(x, y)
    tracemalloc.start()
    try:
        model.train_on_batch(x, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.25 * 4 * classes * x.size
