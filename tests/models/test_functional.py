"""Models of graphs: several inputs and outputs, shared layers, nested models, subclasses."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from recurra.layers import (
    LSTM,
    Add,
    Concatenate,
    Dense,
    Embedding,
    Input,
    Layer,
    ReversibleEmbedding,
    TimeDistributed,
)
from recurra.models import Functional, Model, Sequential, clone_model, model_from_json
from recurra.utils import set_random_seed
from tests.support.siamese import ids, siamese

RNG = np.random.default_rng(0)


def test_shared_layers_have_their_weights_once() -> None:
    model = siamese()
    assert type(model) is Functional and len(model.weights) == 1 + 3 + 2
    assert model.count_params() == 9 * 4 + 4 * 3 * (4 + 3 + 1) + 7
    assert model.input_names == ["a", "b"] and model.output_names == ["same", "sum"]
    assert [layer.name for layer in model.layers] == ["a", "b", "table", "shared", "both", "s", "add"]


def test_values_and_ways_to_give_inputs() -> None:
    model = siamese()
    x = ids()
    table, shared = model.get_layer("table"), model.get_layer("shared")
    left, right = np.asarray(shared(table(x[0]))), np.asarray(shared(table(x[1])))
    for given in (x, tuple(x), {"a": x[0], "b": x[1]}):
        found = model(given)
        np.testing.assert_allclose(found["sum"], left + right, rtol=1e-5, atol=1e-7)
    assert model.predict(x, batch_size=2, verbose=0)["same"].shape == (5, 1)


def test_gradients_reach_shared_layers_from_both_sides() -> None:
    from recurra import gradcheck, ops

    set_random_seed(1)
    a, b = Input((4, 3), dtype="float64"), Input((4, 3), dtype="float64")
    shared = LSTM(2, dtype="float64")
    model = Model([a, b], Dense(1, dtype="float64")(ops_free_product(shared(a), shared(b))))
    x = [RNG.normal(size=(3, 4, 3)), RNG.normal(size=(3, 4, 3))]
    assert gradcheck(lambda: ops.sum(ops.square(model(x))), variables=model.trainable_weights)


def ops_free_product(one: Any, two: Any) -> Any:
    return one * two


def test_configurations_make_the_same_model() -> None:
    model = siamese()
    config = model.get_config()
    again = Model.from_config(config)
    assert again.get_config() == config
    again.set_weights(model.get_weights())
    x = ids()
    one, two = model.predict(x, verbose=0), again.predict(x, verbose=0)
    for key in one:
        np.testing.assert_array_equal(one[key], two[key])
    assert model_from_json(model.to_json()).get_config() == config
    node = config["layers"][3]["inbound_nodes"]
    assert len(node) == 2
    assert node[1]["args"][0]["config"]["keras_history"] == ["table", 1, 0]


def test_keras_2_configurations_are_read() -> None:
    config = {
        "name": "old",
        "layers": [
            {"class_name": "InputLayer", "name": "x",
             "config": {"batch_input_shape": [None, 3], "dtype": "float32", "name": "x"}, "inbound_nodes": []},
            {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 3, "activation": "tanh"},
             "inbound_nodes": [[["x", 0, 0, {}]], [["d", 0, 0, {}]]]},
            {"class_name": "Concatenate", "name": "c", "config": {"name": "c", "axis": -1},
             "inbound_nodes": [[["d", 0, 0, {}], ["d", 1, 0, {}]]]},
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["c", 0, 0]],
    }  # fmt: skip
    model = Model.from_config(config)
    x = RNG.normal(size=(4, 3)).astype("float32")
    once = np.tanh(x @ model.weights[0].value + model.weights[1].value)
    twice = np.tanh(once @ model.weights[0].value + model.weights[1].value)
    np.testing.assert_allclose(model(x), np.concatenate([once, twice], -1), rtol=1e-5, atol=1e-6)


def test_a_configuration_that_runs_in_a_circle() -> None:
    config = siamese().get_config()
    config["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["shared", 0, 0]
    with pytest.raises(ValueError, match="circle"):
        Model.from_config(config)


@pytest.mark.parametrize("key", ["input_layers", "output_layers"])
def test_a_configuration_that_names_a_call_it_does_not_hold(key: str) -> None:
    config = siamese().get_config()
    places = config[key]
    (places["sum"] if isinstance(places, dict) else places[1])[1] = 7
    with pytest.raises(ValueError, match="inputs or outputs name a call that it does not hold"):
        Functional.from_config(config)


def test_models_within_models() -> None:
    x = Input((5, 3))
    encoder = Model(x, LSTM(4)(x), name="encoder")
    a, b = Input((5, 3), name="a"), Input((5, 3), name="b")
    model = Model([a, b], Concatenate()([encoder(a), encoder(b)]))
    assert [layer.name for layer in model.layers][:3] == ["a", "b", "encoder"]
    assert len(model.weights) == 3 and model.output_shape == (None, 8)
    data = [RNG.normal(size=(2, 5, 3)), RNG.normal(size=(2, 5, 3))]
    np.testing.assert_allclose(
        model(data), np.concatenate([encoder(data[0]), encoder(data[1])], -1), rtol=1e-6, atol=1e-7
    )
    config = model.get_config()
    again = Model.from_config(config)
    assert again.get_config() == config
    places = [node["args"][0]["config"]["keras_history"] for node in config["layers"][2]["inbound_nodes"]]
    assert places == [["a", 0, 0], ["b", 0, 0]]
    assert config["layers"][3]["inbound_nodes"][0]["args"][0][1]["config"]["keras_history"] == ["encoder", 1, 0]
    free = Input((None, 3))
    wide = Model(free, LSTM(4, return_sequences=True)(free))
    assert wide(Input((7, 3))).shape == (None, 7, 4)


def test_models_without_open_ends() -> None:
    a, b = Input((3,)), Input((3,), name="other")
    y = Dense(2)(a)
    with pytest.raises(ValueError, match=r"depend on 'input_layer.*', which is not among the inputs"):
        Model(b, y)
    with pytest.raises(TypeError, match="outputs must be symbolic tensors"):
        Model(a, np.zeros(3))
    with pytest.raises(ValueError, match="got one of them twice"):
        Model([a, a], y)
    with pytest.raises(ValueError, match="different names"):
        Model(a, [Dense(1, name="d")(a), Dense(1, name="d")(a)])
    unused = Model([a, b], y)
    assert unused([np.ones((2, 3)), np.ones((2, 3))]).shape == (2, 2)
    part = Model(y, Dense(1)(y))  # from the middle of a graph
    assert part(np.ones((4, 2))).shape == (4, 1)
    assert len(part.weights) == 2


def test_encoder_and_decoder_with_states() -> None:
    source, target = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    _, h, c = LSTM(4, return_state=True, name="encode")(Embedding(9, 3)(source))
    decoder = LSTM(4, return_sequences=True, return_state=True, name="decode")
    out, _, _ = decoder(Embedding(9, 3)(target), initial_state=[h, c])
    model = Model([source, target], Dense(9, "softmax")(out))
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = RNG.integers(0, 9, (8, 6)), RNG.integers(0, 9, (8, 4))
    history = model.fit([x, y], y, epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]
    assert model.predict([x[:, :3], y[:, :2]], verbose=0).shape == (8, 2, 9)
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict([x, y], verbose=0), model.predict([x, y], verbose=0))


def test_weight_tying() -> None:
    words = Input((None,), dtype="int32")
    table = ReversibleEmbedding(11, 5, mask_zero=True, logit_soft_cap=30.0)
    model = Model(words, table(LSTM(5, return_sequences=True)(table(words)), reverse=True))
    assert sum(w.shape == (11, 5) for w in model.weights) == 1
    x = RNG.integers(1, 11, (6, 7))
    z = table.layers if hasattr(table, "layers") else table
    h = LSTM.from_config(model.layers[2].get_config())
    h.build((None, None, 5))
    h.set_weights(model.layers[2].get_weights())
    hidden = np.asarray(h(np.asarray(table(x))))
    logits = hidden @ table.embeddings.value.T
    np.testing.assert_allclose(model(x), 30 * np.tanh(logits / 30), rtol=1e-5, atol=1e-6)
    assert model(x)._keras_mask.all() and z is table
    again = Model.from_config(model.get_config())
    assert len(again.weights) == 4
    with pytest.raises(ValueError, match="logit_soft_cap"):
        ReversibleEmbedding(5, 2, logit_soft_cap=0)
    apart = ReversibleEmbedding(11, 5, tie_weights=False)
    assert apart(apart(x), reverse=True).shape == (6, 7, 11) and len(apart.weights) == 2


def test_subclasses() -> None:
    class Tagger(Model):
        def __init__(self, units: int, classes: int = 4) -> None:
            super().__init__()
            self.embed = Embedding(9, 3, mask_zero=True)
            self.blocks = [LSTM(units, return_sequences=True), LSTM(units, return_sequences=True)]
            self.head = TimeDistributed(Dense(classes))

        def call(self, inputs: Any, training: bool = False) -> Any:
            x = self.embed(inputs)
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    model = Tagger(3)
    assert model.name == "tagger" and len(model.layers) == 4 and not model.built
    model.build((None, 6))
    assert model.built and len(model.weights) == 1 + 3 + 3 + 2
    x = RNG.integers(0, 9, (5, 6))
    assert model(x).shape == (5, 6, 4)
    again = Tagger.from_config(model.get_config())
    again(x)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert len(clone_model(model).layers) == 4
    inputs = Input((6,), dtype="int32")
    joined = Model(inputs, Dense(1)(model(inputs)))
    assert joined.output_shape == (None, 6, 1)

    class Named(Model):
        def __init__(self) -> None:
            x = Input((3,))
            super().__init__(inputs=x, outputs=Dense(2)(x), name="named")

    named = Named()
    assert named.name == "named" and named.output_shape == (None, 2) and named(np.ones((4, 3))).shape == (4, 2)
    with pytest.raises(TypeError, match="must define call"):
        Model()(np.ones(3))


def test_layers_made_of_layers_in_a_graph() -> None:
    class Residual(Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.inner = Dense(units)

        def call(self, x: Any) -> Any:
            return self.inner(x) + x

    x = Input((None, 3))
    model = Model(x, Residual(3)(Residual(3)(x)))
    assert model.output_shape == (None, None, 3) and len(model.weights) == 4
    model.compile("sgd", "mse")
    data = RNG.normal(size=(6, 2, 3))
    assert model.fit(data, data, verbose=0, epochs=2).history["loss"][0] > 0


def test_looking_up_layers() -> None:
    model = siamese()
    assert model.get_layer(index=0).name == "a" and model.get_layer("both") is model.layers[4]
    with pytest.raises(ValueError, match="no layer is named 'spam'; there are"):
        model.get_layer("spam")
    with pytest.raises(ValueError, match="index must be in"):
        model.get_layer(index=9)
    with pytest.raises(ValueError, match="either name or index"):
        model.get_layer()


def test_freezing() -> None:
    model = siamese()
    model.get_layer("table").trainable = False
    assert len(model.trainable_weights) == 5
    model.compile("sgd", {"same": "binary_crossentropy"})
    before = model.get_layer("table").get_weights()[0]
    x = ids(12)
    model.fit(x, {"same": RNG.integers(0, 2, 12)}, verbose=0)
    np.testing.assert_array_equal(model.get_layer("table").get_weights()[0], before)
    model.trainable = False
    assert model.trainable_weights == []
    model.compile("sgd", {"same": "binary_crossentropy"})
    with pytest.warns(UserWarning, match="no trainable weights"):
        model.fit(x, {"same": RNG.integers(0, 2, 12)}, verbose=0, batch_size=12)


def test_masks_travel_through_the_graph() -> None:
    words = Input((None,), dtype="int32")
    model = Model(words, Dense(2)(LSTM(3, return_sequences=True)(Embedding(9, 4, mask_zero=True)(words))))
    x = np.array([[1, 2, 0], [3, 0, 0]])
    np.testing.assert_array_equal(model(x)._keras_mask, x > 0)
    assert type(model.predict(x)) is np.ndarray


def test_shapes_of_outputs_for_other_inputs() -> None:
    a, b = Input((None, 3), name="a"), Input((None, 3), name="b")
    model = Model([a, b], {"one": LSTM(2, return_sequences=True)(a), "two": LSTM(4)(b)})
    assert model.compute_output_shape([(2, 5, 3), (2, 7, 3)]) == {"one": (2, 5, 2), "two": (2, 4)}
    assert model.compute_output_shape({"a": (2, 5, 3), "b": (2, 7, 3)}) == {"one": (2, 5, 2), "two": (2, 4)}
    single = Model(a, LSTM(2, return_sequences=True)(a))
    assert single.compute_output_shape((None, 9, 3)) == (None, 9, 2)
    assert single.input_shape == (None, None, 3) and model.input_shape == [(None, None, 3)] * 2
    with pytest.raises(AttributeError, match="has no symbolic inputs and outputs: it is not built yet"):
        _ = Sequential([Dense(1)]).output_shape
    with pytest.raises(ValueError, match="must be given together"):
        Model(inputs=a)


def test_masks_given_to_a_model() -> None:
    x = RNG.normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[True, True, False, False], [True, False, False, True]])
    i, layer = Input((4, 3)), LSTM(2)
    model, stack = Model(i, layer(i)), Sequential([Input((4, 3)), layer])
    wanted = layer(x, mask=mask)
    assert np.abs(wanted - layer(x)).max() > 1e-3
    for found in (model(x, mask=mask), model([x], mask=[mask]), stack(x, mask=mask)):
        np.testing.assert_array_equal(found, wanted)
    j, m = Input((4, 3)), Input((4,), dtype="bool")
    np.testing.assert_array_equal(Model([j, m], model(j, mask=m)).predict([x, mask]), wanted)
    two = Model([i, j], Add()([layer(i), layer(j)]))
    np.testing.assert_allclose(two([x, x], mask=[mask, None]), wanted + layer(x), rtol=1e-6)
    flat = Model(k := Input((4, 1)), LSTM(2)(k))  # the last axis may be left out
    np.testing.assert_array_equal(flat(x[..., 0], mask=mask), flat(x[..., :1], mask=mask))
    assert np.abs(flat(x[..., 0], mask=mask) - flat(x[..., 0])).max() > 1e-4


@pytest.mark.parametrize("form", ["list", "tuple", "dict"])
def test_one_output_in_a_structure(form: str) -> None:
    """A list or tuple of one is given as its one array; symbolic tensors keep the list, as in Keras 3."""
    x = np.ones((4, 5, 3), "float32")
    i = Input((5, 3))
    o = Dense(2, name="out")(LSTM(4)(i))
    model = Model([i], {"list": [o], "tuple": (o,), "dict": {"k": o}}[form])
    wanted = Model(i, o).predict(x)
    model.compile("sgd", "mse", metrics=["mae"])
    copies = [model, clone_model(model), copy.deepcopy(model), Model.from_config(model.get_config())]
    for each in copies:
        each.set_weights(model.get_weights())
        for found in (each(x), each([x]), each.predict(x), each.predict(x, batch_size=2), each.predict_on_batch(x)):
            found = found["k"] if form == "dict" else found
            assert isinstance(found, np.ndarray)
            np.testing.assert_allclose(found, wanted, rtol=1e-6)
    if form == "dict":
        assert list(model.output) == ["k"] and model.compute_output_shape((None, 5, 3)) == {"k": (None, 2)}
        return
    assert np.argmax(model.predict(x), -1).shape == (4,)
    kind = {"list": list, "tuple": tuple}[form]
    assert type(model.output) is kind and len(model.output) == 1
    assert type(model(Input((5, 3)))) is kind
    assert model.compute_output_shape((None, 5, 3)) == kind([(None, 2)])
    assert model.output_shape == (None, 2)
    zeros = np.zeros((4, 2), "float32")
    assert model.evaluate(x, zeros, verbose=0) == pytest.approx(model.evaluate(x, [zeros], verbose=0))
    assert model.evaluate(x, zeros, verbose=0)[0] == pytest.approx(float(np.square(wanted).mean()), rel=1e-5)
    outer = Model(i, model(i)[0] + 1.0)
    np.testing.assert_allclose(outer.predict(x), wanted + 1.0, rtol=1e-6)
    stack = Sequential([Input((5, 3)), model, Dense(3)])
    assert stack.predict(x).shape == (4, 3)
