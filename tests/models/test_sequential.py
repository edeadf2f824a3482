"""Stacks of layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, SimpleRNN
from recurra.models import Sequential, model_from_json

RNG = np.random.default_rng(0)


def test_built_from_an_input_or_a_first_layer_that_says_its_shape() -> None:
    for model in (
        Sequential([Input((5, 3)), LSTM(4), Dense(2)]),
        Sequential([LSTM(4, input_shape=(5, 3)), Dense(2)]),
        Sequential([LSTM(4, batch_input_shape=(None, 5, 3)), Dense(2)]),
    ):
        assert model.built and model.input_shape == (None, 5, 3) and model.output_shape == (None, 2)
        assert [type(layer).__name__ for layer in model.layers] == ["LSTM", "Dense"]
        assert model.count_params() == 4 * 4 * (3 + 4 + 1) + 4 * 2 + 2


def test_embedding_input_length_and_batch_input_shape() -> None:
    assert Sequential([Embedding(9, 4, input_length=7), LSTM(3)]).input_shape == (None, 7)
    model = Sequential([Embedding(9, 4, batch_input_shape=[2, None]), LSTM(3, stateful=True), Dense(9)])
    assert model.input_shape == (2, None) and model.inputs[0].dtype == "int32"


def test_deferred_building() -> None:
    model = Sequential()
    model.add(Embedding(9, 4))
    model.add(LSTM(3))
    assert not model.built and model.weights == []
    model.build((1, None))
    assert model.output_shape == (1, 3)
    other = Sequential([Dense(2), Dense(1)])
    assert other(np.zeros((4, 3))).shape == (4, 1)
    assert other.built and other.output_shape == (None, 1)
    with pytest.raises(ValueError, match="does not know the shape of its input"):
        Sequential([Dense(2)]).build()


def test_add_and_pop() -> None:
    model = Sequential([Input((3,)), Dense(4), Dense(2)])
    x = RNG.normal(size=(5, 3))
    middle = model.layers[0](x)
    model.pop()
    np.testing.assert_array_equal(model.predict(x), np.asarray(middle))
    assert model.output_shape == (None, 4)
    model.add(Dense(1))
    assert model.predict(x).shape == (5, 1) and len(model.weights) == 4
    with pytest.raises(ValueError, match="no layers to take off"):
        Sequential().pop()


@pytest.mark.parametrize(
    ("layers", "kind", "said"),
    [
        ([Dense(2), "dense"], TypeError, "is made of layers, got 'dense'"),
        (Dense(2), TypeError, "layers must be a list"),
        ([Dense(2, name="a"), Dense(2, name="a")], ValueError, "different names, 'a' is there already"),
        ([Dense(2), Input((3,))], ValueError, "must come first"),
        ([Input((4, 3)), LSTM(2, return_state=True)], ValueError, "give one tensor, but lstm.* gives 3"),
    ],
)
def test_what_cannot_be_stacked(layers: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        Sequential(layers)


def test_layers_give_the_same_one_by_one() -> None:
    model = Sequential([Embedding(9, 4, mask_zero=True), GRU(3, return_sequences=True), SimpleRNN(5), Dense(2)])
    ids = RNG.integers(0, 9, (6, 7))
    value: Any = ids
    for layer in (found := model(ids), model.layers)[1]:
        value = layer(value)
    np.testing.assert_allclose(found, value, rtol=1e-6, atol=1e-7)


def test_configuration_and_json() -> None:
    model = Sequential([Input((None, 3), name="x"), LSTM(4, dropout=0.1), Dropout(0.2), Dense(2, "softmax")], name="m")
    config = model.get_config()
    assert [layer["class_name"] for layer in config["layers"]] == ["InputLayer", "LSTM", "Dropout", "Dense"]
    again = Sequential.from_config(config)
    assert again.get_config() == config and again.name == "m"
    assert model_from_json(model.to_json()).get_config() == config
    unbuilt = Sequential.from_config(Sequential([Dense(2)], name="u").get_config())
    assert not unbuilt.built and unbuilt.name == "u"
    listed = Sequential.from_config(config["layers"])  # as early Keras 2 wrote it
    assert [type(layer).__name__ for layer in listed.layers] == ["LSTM", "Dropout", "Dense"]


def test_weights_keep_the_seeds_of_layers_apart() -> None:
    model = Sequential([Input((3,)), Dense(4), Dense(4)])
    first, second = (layer.get_weights()[0] for layer in model.layers)
    assert first.shape == (3, 4) and second.shape == (4, 4)
    assert not np.array_equal(first, second[:3])


def test_stateful_models_and_reset_states() -> None:
    model = Sequential(
        [SimpleRNN(4, stateful=True, return_sequences=True, batch_input_shape=(2, None, 3)), LSTM(3, stateful=True)]
    )
    x = RNG.normal(size=(2, 10, 3)).astype("float32")
    whole = model.predict(x)
    model.reset_states()
    model.predict(x[:, :4])
    np.testing.assert_allclose(model.predict(x[:, 4:]), whole, rtol=1e-5, atol=1e-6)
    model.reset_state()
    assert not np.allclose(model.predict(x[:, 4:]), whole)
    model.compile("sgd", "mse")
    model.reset_states()
    model.fit(x, np.zeros((2, 3)), epochs=2, shuffle=False, verbose=0)
    assert np.abs(model.layers[0].states[0].value).max() > 0


def test_a_nested_model() -> None:
    inner = Sequential([Input((5, 3)), LSTM(4)], name="inner")
    model = Sequential([inner, Dense(2)])
    assert model.input_shape == (None, 5, 3)
    assert model.layers[0] is inner
    assert len(model.weights) == 5
    x = RNG.normal(size=(2, 5, 3))
    np.testing.assert_allclose(model.predict(x), np.asarray(model.layers[1](inner(x))), rtol=1e-6)


def test_float64_stays_float64() -> None:
    model = Sequential([Input((3,), dtype="float64"), Dense(2, dtype="float64")])
    x = RNG.normal(size=(4, 3))
    expected = x @ model.weights[0].value + model.weights[1].value
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-13)
    assert model.predict(x).dtype == np.float64
