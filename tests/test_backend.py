"""recurra.backend: the functions that custom layers of Keras 2 call as ``K.``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import recurra
from recurra import backend as K
from recurra.layers import LSTM, Dense, Layer


class WordAttention(Layer):
    """Weights for words from one score each, with a bias for each step."""

    def build(self, input_shape: Any) -> None:
        self.W = self.add_weight(name="W", shape=(input_shape[-1], 1), initializer="normal")
        self.b = self.add_weight(name="b", shape=(input_shape[1], 1), initializer="zeros")
        super().build(input_shape)

    def call(self, x: Any) -> Any:
        scores = K.squeeze(K.tanh(K.dot(x, self.W) + self.b), axis=-1)
        weights = K.expand_dims(K.softmax(scores), axis=-1)
        return K.sum(x * weights, axis=1)


def test_a_layer_of_keras_2(rng: np.random.Generator) -> None:
    recurra.utils.set_random_seed(0)
    layer = WordAttention()
    x = rng.normal(size=(2, 5, 3)).astype("float32")
    out = layer(x)
    W, b = layer.get_weights()
    scores = np.tanh(x @ W + b)
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(out, (weights * x).sum(axis=1), rtol=1e-5, atol=1e-6)

    model = recurra.Sequential([LSTM(4, return_sequences=True, input_shape=(5, 3)), WordAttention(), Dense(1)])
    model.compile(recurra.optimizers.Adam(0.05), "mse")
    x = rng.normal(size=(32, 5, 3))
    losses = model.fit(x, x[:, 2, :1], epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


def test_names() -> None:
    for name in (*K._SAME, *K._RENAMED):
        assert callable(getattr(K, name))
    assert K.int_shape(np.zeros((2, 3))) == (2, 3)
    assert K.permute_dimensions(np.zeros((2, 3, 4)), (1, 0, 2)).shape == (3, 2, 4)
    with pytest.raises(AttributeError, match=r"no attribute 'batch_dot'.*recurra\.ops"):
        K.batch_dot  # noqa: B018


@pytest.mark.parametrize("name", ["Adafactor", "Ftrl", "Lamb", "Muon"])
def test_optimizers_out_of_scope(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is not supported; there are SGD, .*RMSprop$"):
        getattr(recurra.optimizers, name)(0.1)


def test_registration_is_in_utils_too() -> None:
    from recurra.utils import CustomObjectScope, get_custom_objects, register_keras_serializable

    @register_keras_serializable(package="backend_test")
    class Registered(WordAttention):
        pass

    assert get_custom_objects()["backend_test>Registered"] is Registered
    with CustomObjectScope({"Mine": WordAttention}):
        assert recurra.utils.get_registered_object("Mine") is WordAttention
    assert set(recurra.utils.__all__) <= set(dir(recurra.utils))
    for attribute in recurra.utils.__all__:
        getattr(recurra.utils, attribute)
