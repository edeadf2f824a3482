"""Symbolic tensors carry symbolic masks where arrays carry real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.layers import (
    GRU,
    LSTM,
    Attention,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    Input,
    Lambda,
    Layer,
    Masking,
)
from recurra.models import Model


def test_where_masks_go() -> None:
    ids = Input((None,), dtype="int32")
    x = Embedding(9, 4, mask_zero=True)(ids)
    assert ids._keras_mask is None
    assert x._keras_mask.shape == (None, None) and x._keras_mask.dtype == "bool"
    assert Embedding(9, 4)(ids)._keras_mask is None
    assert Dense(3)(x)._keras_mask is not None
    assert LSTM(3)(x)._keras_mask is None
    out, h, c = Bidirectional(LSTM(3, return_sequences=True), merge_mode="sum")(x), *LSTM(3, return_state=True)(x)[1:]
    assert out._keras_mask is not None and h._keras_mask is None and c._keras_mask is None
    assert GRU(3, return_sequences=True)(x, mask=Masking().compute_mask(x))._keras_mask is not None
    assert Lambda(lambda t: t * 2)(x)._keras_mask is None
    masked = Masking()(Input((7, 3)))
    assert masked._keras_mask.shape == (None, 7)
    assert Concatenate()([x, x])._keras_mask.shape == (None, None)


class Softmax(Layer):
    """A softmax over the steps that the mask keeps, which will not do without one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        assert mask is not None
        kept = ops.exp(inputs) * ops.expand_dims(ops.cast(mask, "float32"), -1)
        return kept / (ops.sum(kept, axis=1, keepdims=True) + 1e-9)


def test_a_layer_that_needs_its_mask(rng: np.random.Generator) -> None:
    ids = Input((None,), dtype="int32")
    model = Model(ids, Softmax()(Dense(1)(Embedding(9, 4, mask_zero=True)(ids))))
    assert model.output_shape == (None, None, 1)
    x = rng.integers(1, 9, (3, 6))
    x[0, 4:] = 0
    out = model(x)
    assert not out[0, 4:].any() and (out[1:] > 0).all()
    np.testing.assert_allclose(np.sum(out, axis=1), np.ones((3, 1)), rtol=1e-5)


class Halves(Layer):
    """The first and the second half of the steps."""

    def call(self, inputs: Any) -> Any:
        return ops.split(inputs, 2, axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else ops.split(mask, 2, axis=1)


def test_masks_taken_apart() -> None:
    layer = Halves()
    layer.supports_masking = True
    first, second = layer(Masking()(Input((8, 2))))
    assert first.shape == (None, 4, 2) and first._keras_mask.shape == second._keras_mask.shape == (None, 4)


def test_one_mask_of_several_outputs_is_the_first_ones() -> None:
    """As in Keras: the scores of an attention carry no mask, so a loss on them counts all rows."""
    ids = Input((4,), dtype="int32")
    x = Embedding(2, 3, mask_zero=True, embeddings_initializer="ones")(ids)
    result, scores = Attention()([x, x], return_attention_scores=True)
    assert result._keras_mask is not None and scores._keras_mask is None
    given = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
    model = Model(ids, [result, scores])
    result, scores = model(given)
    assert result._keras_mask.sum() == 7 and getattr(scores, "_keras_mask", None) is None
    model = Model(ids, model.outputs[1])
    model.compile("sgd", "mse")
    rows = np.repeat([[1 / 2, 1, 1 / 4]], 4, axis=0)  # a row of n equal weights: n squares of 1 / n, over four
    assert model.test_on_batch(given, np.zeros((3, 4, 4))) == pytest.approx(rows.mean() / 4, rel=1e-6)
