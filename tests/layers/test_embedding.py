"""Embeddings: ids, masks, first values, sparse gradients, and the lookup that waits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, layers, ops
from recurra.autograd import RowSparse
from recurra.layers.lazy_embedding import EmbeddedIds
from recurra.models import Sequential

IDS = np.array([[1, 2, 2, 0], [5, 1, 4, 0]])


def test_rows_of_the_table() -> None:
    layer = layers.Embedding(7, 3)
    y = layer(IDS)
    np.testing.assert_array_equal(y, layer.embeddings.value[IDS])
    assert y.dtype == np.float32 and getattr(y, "_keras_mask", None) is None
    for ids in (IDS.tolist(), IDS.astype("uint8"), IDS.astype("float32"), IDS.astype("int64")):
        np.testing.assert_array_equal(layer(ids), y)
    assert layer.compute_output_shape((None, 9)) == (None, 9, 3)
    values = np.arange(21.0).reshape(7, 3)
    for weights in (values, [values]):
        np.testing.assert_array_equal(layers.Embedding(7, 3, weights=weights)(IDS), values[IDS])
    assert np.abs(layers.Embedding(50, 30)(np.arange(50))).max() <= 0.05


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[7]], r"must be in \[0, .*7\), got 7|7"),
        ([[-1]], "-1"),
        ([[2**40]], str(2**40)),
        ([[float("nan")]], "NaN"),
        ([["a"]], "must be integers"),
    ],
)
def test_ids_outside_the_vocabulary(ids: Any, message: str) -> None:
    layer = layers.Embedding(7, 3)
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        layer(np.array(ids))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="input_dim must be a positive integer, got 0"):
        layers.Embedding(0, 3)
    with pytest.raises(ValueError, match="lora_rank is not supported"):
        layers.Embedding(7, 3, lora_rank=2)
    with pytest.raises(ValueError, match=r"weight embeddings must have shape \(7, 3\), got \(3, 7\)"):
        layers.Embedding(7, 3, weights=np.zeros((3, 7)))(IDS)


def test_input_length_gives_the_shape_of_the_input() -> None:
    assert layers.Embedding(7, 3, input_length=4)._batch_input_shape == (None, 4)
    assert layers.Embedding(7, 3, batch_input_shape=[2, None])._batch_input_shape == (2, None)


def test_the_gradient_is_sparse() -> None:
    layer = layers.Embedding(7, 3)
    with GradientTape() as tape:
        loss = ops.sum(layer(IDS) * np.arange(24, dtype="float32").reshape(2, 4, 3))
    gradient = tape.gradient(loss, layer.embeddings if layer.built else None)
    assert isinstance(gradient, RowSparse) and gradient.ids.tolist() == [0, 1, 2, 4, 5]
    dense = np.zeros((7, 3), "float32")
    np.add.at(dense, IDS, np.arange(24, dtype="float32").reshape(2, 4, 3))
    np.testing.assert_allclose(np.asarray(gradient), dense)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize(
    "options",
    [{}, {"dropout": 0.4, "recurrent_dropout": 0.3, "seed": 3}, {"activation": "elu"}, {"go_backwards": True}],
)
def test_a_lookup_that_waits_gives_the_same(kind: str, options: dict[str, Any]) -> None:
    embedding = layers.Embedding(7, 3, mask_zero=True)
    layer = getattr(layers, kind)(5, return_sequences=True, **options)
    layer(embedding(IDS))
    results = []
    for look in (embedding, embedding.lookup):
        layer.cell.seed_generator.state = (9, 0)
        with GradientTape() as tape:
            y = layer(look(IDS), training=True)
            loss = ops.sum(ops.square(y))
        gradients = tape.gradient(loss, [embedding.embeddings, *layer.trainable_weights])
        results.append([y.value, y._keras_mask, *[np.asarray(g) for g in gradients]])
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_what_waits_is_gathered_only_when_asked_for() -> None:
    embedding = layers.Embedding(7, 3)
    assert not isinstance(embedding.lookup(IDS), EmbeddedIds), "the first call builds"
    lazy = embedding.lookup(IDS)
    assert isinstance(lazy, EmbeddedIds) and lazy._gathered is None
    assert lazy.shape == (2, 4, 3) and lazy.ndim == 3 and lazy.size == 24 and len(lazy) == 2
    assert lazy.dtype == np.float32 and lazy._gathered is None
    layers.LSTM(2)(lazy)
    assert lazy._gathered is None
    np.testing.assert_array_equal(layers.Dense(2, weights=[np.eye(3, 2), np.zeros(2)])(lazy), lazy.numpy()[..., :2])
    assert lazy._gathered is not None


def test_two_readers_of_one_lookup() -> None:
    embedding, one, two = layers.Embedding(7, 3), layers.LSTM(2), layers.Dense(2)
    embedding(IDS), one(embedding(IDS)), two(embedding(IDS))
    gradients = []
    for look in (embedding, embedding.lookup):
        with GradientTape() as tape:
            x = look(IDS)
            loss = ops.sum(ops.square(one(x))) + ops.sum(ops.square(two(x)))
        gradients.append(np.asarray(tape.gradient(loss, embedding.embeddings)))
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-7)


def test_both_directions_of_a_bidirectional_layer_share_a_lookup() -> None:
    embedding, layer = layers.Embedding(7, 3, mask_zero=True), layers.Bidirectional(layers.GRU(2))
    layer(embedding(IDS))
    np.testing.assert_array_equal(layer(embedding.lookup(IDS)), layer(embedding(IDS)))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_fractions_are_no_ids(kind: str) -> None:
    """In `predict` and in a call as in `fit`."""
    model = Sequential([layers.Input((3,)), layers.Embedding(5, 2), layers.GRU(2)])
    x = np.array([[0, 1, 4], [2, 1.5, 3]], kind)
    for use in (model.predict, model, model.predict_on_batch):
        with pytest.raises(ValueError, match=r"ids must be whole numbers, got 1\.5"):
            use(x)
    np.testing.assert_array_equal(model.predict(np.trunc(x)), model.predict(np.trunc(x).astype("int32")))
