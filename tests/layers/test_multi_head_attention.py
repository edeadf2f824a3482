"""MultiHeadAttention: masks, gradients of value and key, files, symbols, errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import gradcheck, layers, models, ops
from recurra.layers.base.context import get_mask, set_mask
from recurra.saving import load_model

RANDOM = np.random.RandomState(0)
Q, V, K = (RANDOM.standard_normal(shape) for shape in ((3, 5, 4), (3, 6, 2), (3, 6, 3)))
QM = np.array([[True] * 5, [True, True, True, False, False], [False, True, True, True, True]])
VM = np.array([[True] * 4 + [False] * 2, [False] * 2 + [True] * 4, [True, False] * 3])


def layer(**options: Any) -> Any:
    return layers.MultiHeadAttention(2, 3, dtype="float64", **options)


def test_against_one_head_after_the_other() -> None:
    made = layer(value_dim=5)
    y, weights = made(Q, V, K, return_attention_scores=True)
    total = 0.0
    for h in range(2):
        q, k, v = (
            x @ one.kernel.value[:, h] + one.bias.value[h]
            for x, one in ((Q, made.query_dense), (K, made.key_dense), (V, made.value_dense))
        )
        scores = np.einsum("btd,bsd->bts", q, k) / np.sqrt(3)
        each = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        np.testing.assert_allclose(weights[:, h], each, rtol=1e-10)
        total = total + (each @ v) @ made.output_dense.kernel.value[h]
    np.testing.assert_allclose(y, total + made.output_dense.bias.value, rtol=1e-10)


def test_gradients() -> None:
    made = layer(value_dim=5)
    made(Q, V, K)
    for options in ({}, {"attention_mask": np.arange(90).reshape(3, 5, 6) % 4 > 0}, {"use_causal_mask": True}):
        gradcheck(made, [Q, V, K], variables=made.trainable_variables, kwargs=options)


def test_masks_that_arrays_carry() -> None:
    made = layer()
    y, weights = made(set_mask(Q.copy(), QM), set_mask(V.copy(), VM), return_attention_scores=True)
    np.testing.assert_array_equal(get_mask(y), QM)
    allowed = QM[:, None, :, None] & VM[:, None, None, :]
    some = allowed.any(-1, keepdims=True)
    assert not weights[np.broadcast_to(some & ~allowed, weights.shape)].any()
    np.testing.assert_allclose(weights.sum(-1), 1)
    same = made(Q, V, query_mask=QM, value_mask=VM)
    np.testing.assert_array_equal(same, y)
    both = made(Q, V, V, key_mask=VM)
    np.testing.assert_array_equal(both, made(Q, V, value_mask=VM))


def test_no_step_sees_a_later_one() -> None:
    made = layer()
    whole = made(Q, Q, use_causal_mask=True)
    changed = Q.copy()
    changed[:, 3:] += 1
    np.testing.assert_array_equal(made(changed, changed, use_causal_mask=True)[:, :3], whole[:, :3])


def test_window() -> None:
    _, weights = layer(sliding_window=2)(Q, Q, return_attention_scores=True)
    apart = np.abs(np.arange(5)[:, None] - np.arange(5))
    np.testing.assert_array_equal(weights[0, 0] > 0, apart < 2)


def test_dropout_in_training_alone() -> None:
    made = layer(dropout=0.5, seed=1)
    _, weights = made(Q, V, return_attention_scores=True, training=True)
    assert weights.all()  # the weights before the dropout, as in Keras
    assert not np.array_equal(made(Q, V, training=True), made(Q, V, training=True))
    np.testing.assert_array_equal(made(Q, V), made(Q, V, training=False))


@pytest.mark.parametrize("format", ["a.keras", "a.h5"])
def test_in_a_model_and_its_file(tmp_path: Path, format: str) -> None:
    words = layers.Input((None,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(words)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 3, value_dim=5, dropout=0.1)(x, x)])
    model = models.Model(words, layers.Dense(2)(layers.LSTM(3)(layers.LayerNormalization()(x))))
    model.compile("adam", "mse")
    ids = np.array([[1, 2, 3, 0], [4, 5, 0, 0], [6, 7, 8, 1]])
    losses = model.fit(ids, np.ones((3, 2)), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / format)
    again = load_model(tmp_path / format)
    np.testing.assert_array_equal(again.predict(ids, verbose=0), model.predict(ids, verbose=0))
    model.save_weights(tmp_path / "a.weights.h5")
    again.load_weights(tmp_path / "a.weights.h5")


def test_weights_of_keras() -> None:
    made = layers.MultiHeadAttention(2, 3, value_dim=5, output_shape=7)
    made.build((None, 5, 4), (None, 6, 2), (None, 6, 3))
    assert [w.shape for w in made.weights] == [
        (4, 2, 3), (2, 3), (3, 2, 3), (2, 3), (2, 2, 5), (2, 5), (2, 5, 7), (7,),
    ]  # fmt: skip
    np.testing.assert_equal(np.array_equal(made.weights[0].value, made.weights[2].value), False)
    assert made(layers.Input((5, 4)), layers.Input((6, 2)), layers.Input((6, 3))).shape == (None, 5, 7)
    y, weights = made(layers.Input((None, 4)), layers.Input((6, 2)), layers.Input((6, 3)), return_attention_scores=True)
    assert y.shape == (None, None, 7) and weights.shape == (None, 2, None, 6)


def test_empty_batch() -> None:
    made = layer()
    assert made(Q[:0], V[:0]).shape == (0, 5, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "num_heads must be a positive integer"),
        (lambda: layers.MultiHeadAttention(2, -1), "key_dim must be a positive integer"),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window must be a positive integer"),
        (lambda: layers.MultiHeadAttention(2, 3, flash_attention=True), "flash_attention=True is not supported"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes="x"), "attention_axes must be an integer or several"),
        (lambda: layer()(Q, V, Q), "value and key must agree but for the last axis"),
        (lambda: layers.EinsumDense("ab,bc", 3), "equation must be like"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3)(Q), "does not fit inputs of 3 axes"),
        (lambda: layers.EinsumDense("abc,cd->abd", (7, 3))(Q), "axis 'b' of the inputs (3, 5, 4) must have size 7"),
        (lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="x")(Q), "bias_axes 'x' must be axes of"),
        (lambda: layers.EinsumDense("abc,cd->abd", (None, None))(Q), "must be known"),
        (lambda: layers.EinsumDense("abc,cd->abd", (1, 2, 3, 4))(Q), "output_shape (1, 2, 3, 4) has more sizes"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_softmax_goes_over_all_attended_axes() -> None:
    x = RANDOM.standard_normal((2, 3, 4, 5))
    _, weights = layers.MultiHeadAttention(2, 3)(x, x, return_attention_scores=True)
    assert weights.shape == (2, 2, 3, 4, 3, 4)
    np.testing.assert_allclose(ops.sum(weights, (-1, -2)), 1, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4,), (4, 5, 1), (3, 5), (4, 6)])
def test_masks_of_other_shapes_are_named(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """numpy said that operands cannot be broadcast."""
    query, value = rng.normal(size=(4, 5, 3)).astype("float32"), rng.normal(size=(4, 7, 3)).astype("float32")
    wrong = np.ones(shape, bool)
    layer = layers.MultiHeadAttention(2, 3)
    for name, sizes in (("query_mask", "4, 5"), ("value_mask", "4, 7"), ("key_mask", "4, 7")):
        with pytest.raises(ValueError, match=rf"{name} must have shape \({sizes}\), got"):
            layer(query, value, **{name: wrong})
    for kind in (layers.Attention, layers.AdditiveAttention, layers.BilinearAttention):
        attention = kind()
        with pytest.raises(ValueError, match=r"attention\w*: the mask of query must have shape \(4, 5\), got"):
            attention([query, value], mask=[wrong, None])
        if len(shape) < 3:  # one of three axes is for each step of the query
            with pytest.raises(ValueError, match=r"attention\w*: the mask of value must have shape \(4, 7\), got"):
                attention([query, value], mask=[None, wrong])
        once = attention([query, value], mask=[None, np.arange(7)[None] < 4])
        np.testing.assert_array_equal(once, attention([query, value], mask=[None, np.tile(np.arange(7) < 4, (4, 1))]))
