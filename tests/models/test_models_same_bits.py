"""Whole models give the same bits: a row alone or in any batch, any number of threads, the same seed twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from recurra import get_num_threads, layers, set_num_threads
from recurra.models import Model, Sequential
from recurra.utils import set_random_seed
from tests.support.recurrent_layers import KINDS, dropouts_of

KIND_NAMES = tuple(KINDS)


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)


def chance(rng: np.random.Generator) -> bool:
    return bool(rng.integers(2))


def recurrent(rng: np.random.Generator, kind: str, sequences: bool) -> Any:
    rate = 0.3 * chance(rng)
    layer = KINDS[kind](
        int(rng.choice([1, 7, 18, 33, 70])), return_sequences=sequences, **dict.fromkeys(dropouts_of(kind), rate)
    )
    return layers.Bidirectional(layer) if chance(rng) else layer


def random_model(kind: str, seed: int) -> tuple[Any, Any, Any]:
    """(a model with a layer of that kind, its inputs, labels)"""
    set_random_seed(seed)
    rng = np.random.default_rng(seed)
    rows, steps, features = rng.integers(2, 23), int(rng.integers(1, 21)), int(rng.integers(1, 9))
    real = np.arange(steps) < rng.integers(0, steps + 1, (rows, 1))
    stack: list[Any] = []
    if chance(rng):
        x: Any = np.where(real, rng.integers(1, 13, (rows, steps)), 0)
        stack += [layers.Input((steps,)), layers.Embedding(13, features, mask_zero=chance(rng))]
    else:
        x = np.where(real[..., None], rng.normal(size=(rows, steps, features)), 0).astype("f4")
        stack.append(layers.Input((steps, features)))
        if chance(rng):
            stack.append(layers.Masking())
    if chance(rng):
        stack.append(recurrent(rng, str(rng.choice(KIND_NAMES)), True))
    if chance(rng):
        stack += [layers.TimeDistributed(layers.Dense(11, "relu")), layers.LayerNormalization(), layers.Dropout(0.2)]
    sequences = chance(rng)
    stack.append(recurrent(rng, kind, sequences))
    if sequences:
        stack.append(layers.GlobalAveragePooling1D() if chance(rng) else layers.GlobalMaxPooling1D())
    stack.append(layers.Dense(5, "softmax"))
    return Sequential(stack), x, rng.integers(0, 5, rows)


@pytest.mark.filterwarnings("ignore:.*was given a mask but does not support masks")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_row_is_predicted_the_same_in_any_batch(kind: str, seed: int) -> None:
    model, x, _ = random_model(kind, seed)
    together = model.predict(x, batch_size=len(x), verbose=0)
    for batch_size in (1, 3, 32):
        with threads(batch_size):
            np.testing.assert_array_equal(model.predict(x, batch_size=batch_size, verbose=0), together)
    order = np.random.default_rng(seed).permutation(len(x))
    np.testing.assert_array_equal(model.predict(x[order], batch_size=len(x), verbose=0), together[order])
    np.testing.assert_array_equal(model(x[order[:1]]), together[order[:1]])


@pytest.mark.parametrize("seed", range(100, 104))
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_training_is_the_same_with_any_threads_and_repeats(kind: str, seed: int) -> None:
    def train(n: int) -> list[Any]:
        model, x, labels = random_model(kind, seed)
        optimizer = ("sgd", "adam", "rmsprop", "nadam")[seed % 4]
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        with threads(n):
            history = model.fit(x, labels, batch_size=7, epochs=2, verbose=0).history
        return [*model.get_weights(), *map(np.asarray, history.values())]

    expected = train(1)
    for n in (1, 2, 3, 8):
        for found, wanted in zip(train(n), expected, strict=True):
            np.testing.assert_array_equal(found, wanted, err_msg=f"{n} threads")


def attentive() -> tuple[Any, Any, Any]:
    set_random_seed(3)
    rng = np.random.default_rng(4)
    words = np.where(np.arange(30) < rng.integers(1, 31, (24, 1)), rng.integers(1, 300, (24, 30)), 0)
    inputs = layers.Input((30,))
    embedded = layers.Embedding(300, 64, mask_zero=True)(inputs)
    read = layers.Bidirectional(layers.LSTM(96, return_sequences=True, dropout=0.1, recurrent_dropout=0.1))(embedded)
    attended = layers.Attention()([read, read])
    added = layers.AdditiveAttention()([read, read])
    joined = layers.Concatenate()([read, attended, added])
    outputs = layers.Dense(200, "softmax")(layers.GRU(130)(layers.BatchNormalization()(joined)))
    return Model(inputs, outputs), words, rng.integers(0, 200, 24)


def test_a_large_model_with_attention() -> None:
    """Large enough for every kernel to use all its threads."""
    model, x, labels = attentive()
    together = model.predict(x, batch_size=24, verbose=0)
    for n, batch_size in ((1, 24), (2, 17), (3, 1), (8, 23)):
        with threads(n):
            np.testing.assert_array_equal(model.predict(x, batch_size=batch_size, verbose=0), together)
    results = []
    for n in (1, 2, 3, 8):
        model, x, labels = attentive()
        model.compile("adam", "sparse_categorical_crossentropy")
        with threads(n):
            model.fit(x, labels, batch_size=20, epochs=1, verbose=0)
        results.append(model.get_weights())
    for weights in results[1:]:
        for found, wanted in zip(weights, results[0], strict=True):
            np.testing.assert_array_equal(found, wanted)
