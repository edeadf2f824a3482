"""Reshaping, merging, pooling, wrapping: what golden numbers do not show — masks, shapes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, ops
from recurra.layers.base.context import get_mask, set_mask

B, T, I = 3, 5, 4
X = np.random.RandomState(0).standard_normal((B, T, I)).astype("float32")
ONE = np.array([[True, True, False, False, True]] * B)
TWO = np.array([[True, False, False, True, True]] * B)


def masked(mask: Any) -> Any:
    return set_mask(X.copy(), mask)


def test_merged_masks_are_joined_by_or() -> None:
    for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        layer = getattr(layers, kind)()
        np.testing.assert_array_equal(get_mask(layer([masked(ONE), masked(TWO)])), ONE | TWO)
        assert get_mask(layer([masked(ONE), X])) is None


def test_concatenated_masks() -> None:
    along = layers.Concatenate(axis=1)([masked(ONE), X])
    np.testing.assert_array_equal(get_mask(along), np.concatenate([ONE, np.ones_like(ONE)], axis=1))
    across = layers.Concatenate()([masked(ONE), masked(TWO)])
    np.testing.assert_array_equal(get_mask(across), ONE | TWO)
    assert get_mask(layers.Dot(2)([masked(ONE), masked(TWO)])) is None


def test_masked_steps_do_not_count_in_products_and_extremes() -> None:
    a, b = masked(ONE), masked(TWO)
    product = layers.Multiply()([a, b])
    np.testing.assert_allclose(product[:, 1], np.asarray(a)[:, 1])  # only a counts
    np.testing.assert_allclose(product[:, 3], np.asarray(b)[:, 3])
    assert not product[:, 2].any()
    low, high = set_mask(X - 9.0, ONE), masked(TWO)
    largest = layers.Maximum()([low, high])
    np.testing.assert_allclose(largest[:, 1], X[:, 1] - 9.0)
    np.testing.assert_allclose(largest[:, 3], X[:, 3])
    smallest = layers.Minimum()([low, high])
    np.testing.assert_allclose(smallest[:, 3], X[:, 3])


def test_functions_for_the_layers() -> None:
    np.testing.assert_allclose(layers.add([X, X]), X * 2)
    np.testing.assert_allclose(layers.subtract([X, X]), X * 0)
    np.testing.assert_allclose(layers.multiply([X, X]), X**2)
    np.testing.assert_allclose(layers.average([X, X * 3]), X * 2, rtol=1e-6)
    np.testing.assert_allclose(layers.maximum([X, -X]), np.abs(X))
    np.testing.assert_allclose(layers.minimum([X, -X]), -np.abs(X))
    assert layers.concatenate([X, X], axis=1).shape == (B, 2 * T, I)
    assert layers.dot([X, X], axes=2, normalize=True).shape == (B, T, T)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Add()(X), "called on a list of inputs"),
        (lambda: layers.Subtract()([X, X, X]), "exactly 2 inputs, got 3"),
        (lambda: layers.Add()([X, X[:, :2]]), "must broadcast"),
        (lambda: layers.Add()([X, X[:2]]), "same batch size"),
        (lambda: layers.Concatenate()([X, X[:, :2]]), "must agree except along axis"),
        (lambda: layers.Concatenate(axis=3)([X, X]), "cannot join shapes"),
        (lambda: layers.Dot(0)([X, X]), "axes after the batch's"),
        (lambda: layers.Dot((1, 2))([X, X]), "must have the same size, got 5 and 4"),
        (lambda: layers.Dot((1, 2, 3)), "an integer or a pair"),
        (lambda: layers.Reshape((3, 3))(X), r"as many numbers as the input's \(5, 4\), got \(3, 3\)"),
        (lambda: layers.Reshape((-1, -1)), "at most one -1"),
        (lambda: layers.Reshape((-1, 3))(X), "as many numbers"),
        (lambda: layers.Permute((1, 3)), "numbers from 1 to 2"),
        (lambda: layers.Permute((1, 2, 3))(X), "must have 4 axes"),
        (lambda: layers.RepeatVector(0), "n must be a positive integer"),
        (lambda: layers.RepeatVector(2)(X), "must have 2 axes"),
        (lambda: layers.Flatten("rows"), "data_format must be one of"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(X[:, 0]), "at least 3 axes"),
        (lambda: layers.TimeDistributed(3), "layer must be a Layer"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(X, mask=ONE[:, :2]), "must begin with"),
        (lambda: layers.Attention()(X), r"\[query, value\]"),
        (lambda: layers.Attention()([X]), "got 1 inputs"),
        (lambda: layers.AdditiveAttention()(X), r"must be called on \[query, value\]"),
        (lambda: layers.BilinearAttention()(X), r"must be called on \[query, value\]"),
        (lambda: layers.Attention(score_mode="general"), "score_mode must be one of 'dot', 'concat'"),
        (lambda: layers.Attention(dropout=2), r"dropout must be a number in \[0, 1\]"),
        (lambda: layers.LayerNormalization(axis=5)(X), "outside of an input of 3 axes"),
        (lambda: layers.BatchNormalization(synchronized=True), "synchronized"),
        (lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"r": 1}), "renorm_clipping may hold"),
        (lambda: layers.BatchNormalization()(X, mask=X > 0), "one axis less"),
        (lambda: layers.ReLU(max_value=-1.0), "max_value of ReLU must not be negative"),
        (lambda: layers.LeakyReLU(-1), "negative_slope must not be negative"),
        (lambda: layers.Activation("nope"), "unknown activation 'nope'"),
        (lambda: layers.Softmax()(X, mask=ONE), "mask must broadcast"),
        (lambda: layers.Dense(0), "units must be a positive integer, got 0"),
        (lambda: layers.Dense(2, lora_rank=4), "lora_rank is not supported"),
        (lambda: layers.Operation("_private"), "op must be the name of a function"),
        (lambda: layers.InputLayer(), "an input needs `shape`"),
        (lambda: layers.Input((2,), batch_shape=(1, 2)), "not both"),
        (lambda: layers.Input((2,), sparse=True), "sparse=True is not supported"),
        (lambda: layers.Input(batch_shape=(1, 2), batch_size=3), "leave batch_size out"),
        (lambda: layers.Dense(2, input_length=3), "needs input_dim or input_shape"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_max_pooling_with_the_steps_that_count() -> None:
    pooled = layers.GlobalMaxPooling1D()(X, valid=ONE)
    np.testing.assert_array_equal(pooled, X[:, ONE[0]].max(axis=1))
    with pytest.warns(UserWarning, match="does not support masks"):
        np.testing.assert_array_equal(layers.GlobalMaxPooling1D()(masked(ONE)), X.max(axis=1))


def test_average_pooling_ends_the_mask() -> None:
    y = layers.GlobalAveragePooling1D()(masked(ONE))
    assert get_mask(y) is None
    np.testing.assert_allclose(y, X[:, ONE[0]].mean(axis=1), rtol=1e-5)


def test_masking_marks_and_clears() -> None:
    x = X.copy()
    x[1, 3:] = -1.0
    x[0, 1, 0] = -1.0  # one feature alone masks nothing
    y = layers.Masking(-1.0)(x)
    expected = np.ones((B, T), bool)
    expected[1, 3:] = False
    np.testing.assert_array_equal(get_mask(y), expected)
    assert not y[1, 3:].any()
    np.testing.assert_array_equal(y[0], x[0])


def test_masks_of_symbolic_tensors() -> None:
    from recurra.models import Model

    ids, x = layers.Input((T,), dtype="int32"), layers.Input((T, I))
    embedding, masking, lstm = layers.Embedding(9, 2, mask_zero=True), layers.Masking(), layers.LSTM(2)
    for source, layer in ((ids, embedding), (x, masking)):
        mask = layer.compute_mask(source)
        assert mask.shape == (None, T) and mask.dtype == "bool"
    state = layers.Input((2,))
    mask = embedding.compute_mask(ids)
    model = Model([ids, state], lstm(embedding(ids), initial_state=[state, state], mask=mask))
    values = np.array([[1, 2, 0, 0, 0], [3, 0, 4, 0, 5]])
    h = np.full((2, 2), 0.3, "float32")
    expected = lstm(np.asarray(embedding(values)), initial_state=[h, h], mask=values != 0)
    np.testing.assert_allclose(model([values, h]), expected, rtol=1e-6)


def test_time_distributed_in_one_batch_and_step_by_step() -> None:
    class Dense(layers.Dense):
        """Not the class itself, so each step is called alone."""

    fast, slow = layers.TimeDistributed(layers.Dense(2)), layers.TimeDistributed(Dense(2))
    fast(X), slow(X)
    slow.set_weights(fast.get_weights())
    np.testing.assert_allclose(fast(X), slow(X), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(get_mask(fast(masked(ONE))), ONE)
    words = np.random.RandomState(1).standard_normal((B, T, 2, I)).astype("float32")
    word_mask = np.arange(B * T * 2).reshape(B, T, 2) % 3 > 0

    class Lstm(layers.LSTM):
        pass

    fast, slow = layers.TimeDistributed(layers.LSTM(2)), layers.TimeDistributed(Lstm(2))
    fast(words), slow(words)
    slow.set_weights(fast.get_weights())
    np.testing.assert_allclose(fast(words, mask=word_mask), slow(words, mask=word_mask), rtol=1e-5, atol=1e-6)


def test_dtypes_of_symbolic_outputs() -> None:
    ids = layers.Input((T,), dtype="int32")
    assert layers.Reshape((T, 1))(ids).dtype == "int32"
    assert layers.Embedding(9, 2)(ids).dtype == "float32"
    assert layers.TimeDistributed(layers.Dense(2, dtype="float64"))(layers.Input((T, I))).dtype == "float64"


def test_lambda() -> None:
    def halve(x: Any, mask: Any = None, training: bool = False, by: float = 2.0) -> Any:
        seen.append((mask is not None, training))
        return x / by

    seen: list[Any] = []

    def keep(x: Any, mask: Any) -> Any:
        return mask

    layer = layers.Lambda(halve, mask=keep, arguments={"by": 4.0})
    y = layer(masked(ONE), training=True)
    assert seen == [(True, True)]
    np.testing.assert_allclose(y, X / 4)
    np.testing.assert_array_equal(get_mask(y), ONE)
    assert layers.Lambda(lambda x: ops.sum(x, axis=1))(layers.Input((None, I))).shape == (None, I)
    assert layers.Lambda(lambda x: x[0], output_shape=(I,))([layers.Input((T, I))] * 2).shape == (None, I)
    config = layer.get_config()
    assert config["function"]["config"] == "halve"
    again = layers.Lambda.from_config(config, {"halve": halve, "keep": keep})
    assert again.function is halve and again.mask is keep and again.arguments == {"by": 4.0}
    with pytest.raises(ValueError, match="unknown function 'halve'"):
        layers.Lambda.from_config(config)
    with pytest.warns(UserWarning, match=r"holds a lambda, whose code is not saved: .* custom_objects=\{'lambda"):
        layers.Lambda(lambda x: x).get_config()
    code = {"class_name": "__lambda__", "config": {"code": "...", "defaults": None, "closure": None}}
    with pytest.raises(ValueError, match="never executed"):
        layers.Lambda.from_config({"name": "evil", "function": code})


def test_operators_on_symbolic_tensors_are_layers() -> None:
    a, b = layers.Input((T, I)), layers.Input((T, I))
    for symbolic, name in (
        (a + b, "add"),
        (1.0 - a, "subtract"),
        (a * 2, "multiply"),
        (a / b, "divide"),
        (-a, "negative"),
        (a**2, "power"),
    ):
        assert symbolic.shape == (None, T, I)
        assert symbolic.node is not None and symbolic.node.layer.op == name
    assert a[:, -1].shape == (None, I) and a[:, 1:3, None].shape == (None, 2, 1, I)
    last = a[:, -1]
    layer = last.node.layer
    again = layers.GetItem.from_config(layer.get_config())
    np.testing.assert_array_equal(again(X), X[:, -1])
    with pytest.raises(TypeError, match="has no value yet"):
        np.asarray(a)
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(a)


def test_bilinear_attention_by_hand() -> None:
    random = np.random.RandomState(2)
    query, value, key = (random.standard_normal(s).astype("float32") for s in [(B, T, I), (B, 6, 2), (B, 6, 3)])
    layer = layers.BilinearAttention()
    y, weights = layer([query, value, key], return_attention_scores=True)
    scores = np.einsum("bqi,ij,bkj->bqk", query, layer.kernel.value, key)
    expected = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(y, expected @ value, rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape([(None, T, I), (None, 6, 2), (None, 6, 3)]) == (None, T, 2)
    assert layers.BilinearAttention.from_config(layer.get_config()).get_config() == layer.get_config()


def test_attention_masks_travel() -> None:
    y = layers.Attention()([masked(ONE), masked(TWO)])
    np.testing.assert_array_equal(get_mask(y), ONE)
    assert not y[:, 2:4].any()
    whole = [layers.Input((T, I)), layers.Input((6, I))]
    result, scores = layers.Attention()(whole, return_attention_scores=True)
    assert result.shape == (None, T, I) and scores.shape == (None, T, 6)


def test_batch_normalization_uses_and_moves_statistics() -> None:
    layer = layers.BatchNormalization(momentum=0.9)
    np.testing.assert_allclose(layer(X), X / np.sqrt(1.001), rtol=1e-5)
    layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean.value, 0.1 * X.mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.value, 0.9 + 0.1 * X.var(axis=(0, 1)), rtol=1e-4)
    before = layer.get_weights()
    layer.trainable = False
    frozen = layer(X, training=True)
    np.testing.assert_array_equal(frozen, layer(X))
    for one, two in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
