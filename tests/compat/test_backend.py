"""recurra.backend: the functions that custom layers of Keras 2 call as ``K.``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import recurra
from recurra import backend as K
from recurra.compat import backend
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
    for name in backend.__all__:
        assert callable(getattr(K, name)) and getattr(K, name) is getattr(backend, name) and name in dir(K)
    assert K.int_shape(np.zeros((2, 3))) == (2, 3)
    assert K.permute_dimensions(np.zeros((2, 3, 4)), (1, 0, 2)).shape == (3, 2, 4)
    with pytest.raises(AttributeError, match=r"no attribute 'placeholder'.*recurra\.ops"):
        K.placeholder  # noqa: B018


def test_the_public_module_hands_on_functions_alone() -> None:
    """What compat/backend.py imports for itself is not part of ``recurra.backend``."""
    for name in ("np", "math", "ops", "Variable", "_LETTERS"):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'"):
            getattr(K, name)
    assert K.sum is recurra.ops.sum and K.eval is K.get_value
    assert set(K.__all__) <= set(dir(K))
    with pytest.raises(ImportError, match="cannot import name 'placeholder'"):
        exec("from recurra.backend import placeholder")


def test_defaults_of_keras_2(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_array_equal(K.argmax(x), x.argmax(-1))
    np.testing.assert_array_equal(K.argmin(x), x.argmin(-1))
    np.testing.assert_allclose(K.cumsum(x), x.cumsum(0), rtol=1e-6)
    assert K.concatenate([x, x]).shape == (2, 3, 8) and K.stack([x, x]).shape == (2, 2, 3, 4)
    assert K.expand_dims(x).shape == (2, 3, 4, 1)
    assert K.batch_flatten(x).shape == (2, 12) and K.flatten(x).shape == (24,)
    assert K.ndim(x) == 3 and K.ndim([1, 2]) == 1 and K.int_shape([[1, 2]]) == (1, 2) and K.dtype(x) == "float32"
    np.testing.assert_array_equal(K.reverse(x, axes=1), x[:, ::-1])
    np.testing.assert_array_equal(K.gather(x, [1, 1]), x[[1, 1]])
    np.testing.assert_array_equal(K.repeat(x[:, 0], 5), np.repeat(x[:, :1], 5, axis=1))
    np.testing.assert_array_equal(K.repeat_elements(x, 2, axis=2), np.repeat(x, 2, axis=2))
    np.testing.assert_array_equal(K.clip(x, min_value=-0.5, max_value=0.5), np.clip(x, -0.5, 0.5))
    expected = np.minimum(np.where(x > 0, x, 0.1 * x), 1.0)
    np.testing.assert_allclose(K.relu(x, alpha=0.1, max_value=1.0), expected, rtol=1e-6)
    np.testing.assert_allclose(np.sum(K.l2_normalize(x, axis=-1) ** 2, -1), np.ones((2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(K.switch(x > 0, x, lambda: -x), np.abs(x))
    np.testing.assert_array_equal(K.switch(x[:, :, 0] > 0, x, -x), np.where(x[:, :, :1] > 0, x, -x))
    assert K.one_hot(np.array([2]), 4).tolist() == [[0, 0, 1, 0]]


def test_batch_dot(rng: np.random.Generator) -> None:
    x, y, v = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 4))
    np.testing.assert_allclose(K.batch_dot(x, y, axes=2), np.einsum("bid,bjd->bij", x, y), rtol=1e-6)
    np.testing.assert_allclose(K.batch_dot(x, y, axes=(2, 2)), np.einsum("bid,bjd->bij", x, y), rtol=1e-6)
    np.testing.assert_allclose(K.batch_dot(x, y.swapaxes(1, 2)), np.einsum("bid,bjd->bij", x, y), rtol=1e-6)
    np.testing.assert_allclose(K.batch_dot(x, v), np.einsum("bid,bd->bi", x, v), rtol=1e-6)
    np.testing.assert_allclose(K.batch_dot(v, v, axes=1), np.einsum("bd,bd->b", v, v)[:, None], rtol=1e-6)
    with pytest.raises(ValueError, match="axes must not be those of the samples, got 0"):
        K.batch_dot(x, y, axes=0)


def test_variables_and_phases() -> None:
    v = K.variable([1.0, 2.0])
    K.update(v, v + 1)
    assert K.eval(v).tolist() == [2.0, 3.0] and v.dtype == np.float32
    assert K.constant(3, shape=(2,)).tolist() == [3, 3] and K.cast_to_floatx(True).dtype == np.float32
    assert K.learning_phase() == 0
    with pytest.raises(ValueError, match="constraint must be None"):
        K.variable(1.0, constraint="nonneg")
    seen = []
    layer = recurra.layers.Lambda(lambda x: seen.append(K.learning_phase()) or K.in_train_phase(lambda: 2 * x, x))
    assert layer(np.ones((1, 2)), training=True).tolist() == [[2, 2]]
    assert layer(np.ones((1, 2))).tolist() == [[1, 1]]
    assert seen == [1, 0]


def test_a_metric_of_keras_2(rng: np.random.Generator) -> None:
    """Accuracy that leaves out the steps predicted as padding."""

    def accuracy_without_padding(y_true: Any, y_pred: Any) -> Any:
        true, predicted = K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)
        counted = K.cast(K.not_equal(predicted, 0), "int32")
        matches = K.cast(K.equal(true, predicted), "int32") * counted
        return K.sum(matches) / K.maximum(K.sum(counted), 1)

    x, y = rng.normal(size=(6, 5, 3)), np.eye(4)[rng.integers(0, 4, (6, 5))]
    model = recurra.Sequential([LSTM(7, return_sequences=True), Dense(4, activation="softmax")])
    model.compile("adam", K.categorical_crossentropy, metrics=[accuracy_without_padding])
    found = model.evaluate(x, y, return_dict=True, verbose=0)
    guess, true = model(x).argmax(-1), y.argmax(-1)
    expected = (guess == true)[guess > 0].mean() if (guess > 0).any() else 0.0
    assert found["accuracy_without_padding"] == pytest.approx(expected, abs=1e-6)


def test_a_function_between_tensors(rng: np.random.Generator) -> None:
    model = recurra.Sequential([LSTM(4, return_sequences=True, input_shape=(5, 3)), LSTM(2), Dense(1)])
    x = rng.normal(size=(6, 5, 3)).astype("float32")
    middle, last = K.function([model.input], [model.layers[1].output, model.output])([x])
    assert middle.shape == (6, 2)
    np.testing.assert_allclose(last, model.predict(x, verbose=0), rtol=1e-6)
    with pytest.raises(ValueError, match="one list of 1 arrays"):
        K.function([model.input], [model.output])([x, 0])
    with pytest.raises(TypeError, match="must be lists of symbolic tensors"):
        K.function(model.input, model.output)


def test_int_shape_of_what_the_call_keeps() -> None:
    """Keras 2 called a layer before it asked for its output shape: a distance layer that keeps its result."""

    class Distance(recurra.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            self.result = None
            super().__init__(**kwargs)

        def call(self, x: Any, **kwargs: Any) -> Any:
            self.result = K.exp(-K.sum(K.abs(x[0] - x[1]), axis=1, keepdims=True))
            return self.result

        def compute_output_shape(self, input_shape: Any) -> Any:
            return K.int_shape(self.result)

    left, right = recurra.Input((5,)), recurra.Input((5,))
    model = recurra.Model([left, right], Distance()([left, right]))
    assert model.output_shape == (None, 1)
    x = np.random.default_rng(1).normal(size=(2, 3, 5)).astype("float32")
    wanted = np.exp(-np.abs(x[0] - x[1]).sum(1, keepdims=True))
    np.testing.assert_allclose(model.predict([x[0], x[1]], verbose=0), wanted, rtol=1e-5)
    with pytest.raises(TypeError, match="must be a tensor, got None"):
        K.int_shape(None)


def test_function_with_the_learning_phase() -> None:
    model = recurra.Sequential([recurra.layers.Input((4, 3)), recurra.layers.Dropout(0.5), recurra.layers.LSTM(2)])
    function = K.function([model.input, K.learning_phase()], [model.layers[0].output])
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    np.testing.assert_array_equal(function([x, 0])[0], x)
    dropped = function([x, 1])[0]
    assert 0.2 < (np.asarray(dropped) == 0).mean() < 0.8
    with pytest.raises(ValueError, match="one list of 2 arrays"):
        function([x])
