"""Both ways with the installed Keras 3: it loads what we wrote, we load what it wrote, and both train on alike."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers as L
from recurra.models import Model, Sequential
from recurra.saving import load_model
from tests.support.saving_cases import as_list, one_or_all, predict, train
from tests.support.saving_models import IDS, LAYERS, OPTIMIZERS, PAIRS, X, randomize

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", minversion="3.0")

pytestmark = pytest.mark.filterwarnings("default")
#: layers that Keras lacks, and one that its JAX backend cannot run
OURS_ALONE = {"BilinearAttention", "RNN_nested"}
FORMATS = ["a.keras", "a.h5"]
#: Keras cannot read its own file: of the axes of a Normalization its legacy format keeps the last
KERAS_CANNOT = {("Normalization", "a.h5")}


def keras_predict(model: Any, x: list[Any]) -> list[Any]:
    return [np.asarray(y) for y in as_list(model.predict_on_batch(one_or_all(x)))]


def compare(model: Any, other: Any, x: list[Any]) -> None:
    for ours, theirs in zip(predict(model, x), keras_predict(other, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", [name for name in LAYERS if name not in OURS_ALONE])
def test_every_layer(tmp_path: Path, name: str, format: str) -> None:
    if (name, format) in KERAS_CANNOT:
        with pytest.raises(ValueError, match="Shape mismatch"):
            there_and_back(tmp_path, name, format)
    else:
        there_and_back(tmp_path, name, format)


def there_and_back(tmp_path: Path, name: str, format: str) -> None:
    model = Sequential([L.Input((5, 4)), LAYERS[name]()])
    randomize(model)
    model.save(tmp_path / format)
    theirs = keras.models.load_model(tmp_path / format)
    compare(model, theirs, [X])
    theirs.save(tmp_path / f"back_{format}")
    back = load_model(tmp_path / f"back_{format}")
    compare(back, theirs, [X])
    for expected, found in zip(model.get_weights(), back.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", [name for name in PAIRS if name not in OURS_ALONE])
def test_every_layer_of_two_inputs(tmp_path: Path, name: str, format: str) -> None:
    a, b = L.Input((5, 4), name="a"), L.Input((5, 4), name="b")
    model = Model([a, b], PAIRS[name]()([a, b]))
    randomize(model)
    x = [X, X[:, ::-1].copy()]
    model.save(tmp_path / format)
    theirs = keras.models.load_model(tmp_path / format)
    compare(model, theirs, x)
    theirs.save(tmp_path / f"back_{format}")
    compare(load_model(tmp_path / f"back_{format}"), theirs, x)


@pytest.mark.parametrize("format", FORMATS)
def test_a_graph(tmp_path: Path, format: str) -> None:
    words, numbers = L.Input((5,), dtype="int32", name="words"), L.Input((5, 4), name="numbers")
    embedded = L.Embedding(7, 3, mask_zero=True)(words)
    sequence, h, c = L.LSTM(4, return_sequences=True, return_state=True)(embedded)
    other = L.LSTM(4, return_sequences=True, name="decoder")(numbers, initial_state=[h, c])
    shared = L.Dense(2, name="shared")
    inner_input = L.Input((4,))
    inner = Model(inner_input, L.Dense(3)(inner_input), name="inner")
    stack = Sequential([L.Input((4,)), L.Dense(5)], name="stack")
    # in its legacy format Keras takes the score mode "dot" for a function
    context = (L.Attention if format == "a.keras" else L.AdditiveAttention)()([other, sequence])
    mixed = 1.0 - (context + other * 2.0) / 3.0
    first = shared(mixed[:, -1, :]) - shared(other[:, 0])
    second = L.Concatenate()([inner(h) + inner(c) ** 2, stack(h), stack(c)])
    third = -context[:, :, None] if format == "a.h5" else -context[..., None]  # nor does it read an Ellipsis there
    model = Model([words, numbers], [first, second, third, inner(h * c), stack(h * c)])
    randomize(model)
    model.save(tmp_path / format)
    theirs = keras.models.load_model(tmp_path / format)
    compare(model, theirs, [IDS, X])
    if format == "a.keras":  # in its legacy format Keras itself cannot read operations again
        theirs.save(tmp_path / "back.keras")
        compare(load_model(tmp_path / "back.keras"), theirs, [IDS, X])


@pytest.mark.parametrize("format", FORMATS)
def test_heads(tmp_path: Path, format: str) -> None:
    words = L.Input((5,), dtype="int32")
    x = L.Embedding(7, 4, mask_zero=True)(words)
    model = Model(words, L.LSTM(3)(L.MultiHeadAttention(2, 3, value_dim=5, use_gate=format == "a.keras")(x, x)))
    randomize(model)
    model.save(tmp_path / format)
    theirs = keras.models.load_model(tmp_path / format)
    compare(model, theirs, [IDS])
    theirs.save(tmp_path / f"back_{format}")
    compare(load_model(tmp_path / f"back_{format}"), theirs, [IDS])


@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_that_is_the_output_too(tmp_path: Path, tied: bool) -> None:
    if not hasattr(keras.layers, "ReversibleEmbedding"):
        pytest.skip("this Keras has no ReversibleEmbedding")
    words = L.Input((None,), dtype="int32")
    table = L.ReversibleEmbedding(7, 4, tie_weights=tied)
    model = Model(words, table(L.LSTM(4, return_sequences=True)(table(words)), reverse=True))
    randomize(model)
    model.save(tmp_path / "a.keras")
    theirs = keras.models.load_model(tmp_path / "a.keras")
    compare(model, theirs, [IDS])
    theirs.save(tmp_path / "b.keras")
    compare(load_model(tmp_path / "b.keras"), theirs, [IDS])


def small(framework: Any, optimizer: Any) -> Any:
    layers = framework.layers
    model = framework.Sequential([layers.Input((5, 4)), layers.LSTM(3), layers.Dense(2)])
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "decay"])
def test_both_go_on_training_alike(tmp_path: Path, name: str) -> None:
    import recurra

    model, t = small(recurra, OPTIMIZERS[name]()), X[:, 0, :2]
    randomize(model)
    train(model, [X], [t])
    model.save(tmp_path / "a.keras")
    theirs = keras.models.load_model(tmp_path / "a.keras")
    compare(model, theirs, [X])

    def go_on(steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            theirs.reset_metrics()
            losses.append(float(np.ravel(theirs.train_on_batch(X, t))[0]))
        return losses

    np.testing.assert_allclose(go_on(4), train(model, [X], [t], steps=4), rtol=1e-5, atol=1e-6)
    compare(model, theirs, [X])
    backs = []
    for format in FORMATS:  # Keras itself does not restore the optimizer from its legacy format; recurra does
        theirs.save(tmp_path / format)
        backs.append(load_model(tmp_path / format))
    losses = go_on(4)
    for back in backs:
        np.testing.assert_allclose(train(back, [X], [t], steps=4), losses, rtol=1e-5, atol=1e-6)
        compare(back, theirs, [X])


def test_weights_alone(tmp_path: Path) -> None:
    import recurra

    ours, theirs, t = small(recurra, "adam"), small(keras, "adam"), X[:, 0, :2]
    randomize(ours)
    train(ours, [X], [t])
    for name in ("a.weights.h5", "a.h5"):
        ours.save_weights(tmp_path / name)
        theirs.set_weights([np.zeros_like(w) for w in theirs.get_weights()])
        theirs.load_weights(tmp_path / name)
        compare(ours, theirs, [X])
    theirs.save_weights(tmp_path / "b.weights.h5")
    again = small(recurra, "adam")
    again.load_weights(tmp_path / "b.weights.h5")
    compare(again, theirs, [X])


class Plain(Model):
    """A model of one's own, with layers in attributes, lists and dicts."""

    def __init__(self, framework: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        fill(self, L)
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return run(self, inputs)


def fill(model: Any, layers: Any) -> None:
    model.words = layers.Embedding(7, 2)
    model.blocks = [layers.Dense(4), layers.Dense(3), [layers.Dense(3)]]
    model.ahead = layers.GRU(3, return_sequences=True)
    model.table = {"x": layers.Dense(3)}
    model._hidden = layers.Dense(3)
    model.zeta = layers.Bidirectional(layers.LSTM(2))


def run(model: Any, inputs: Any) -> Any:
    x = model.ahead(model.words(inputs))
    x = model.blocks[2][0](model.blocks[1](model.blocks[0](x)))
    return model.blocks[1](model.zeta(model._hidden(model.table["x"](x)))[:, :4]) * model.scale


def test_a_subclass_keeps_its_weights_where_keras_does(tmp_path: Path) -> None:
    class Theirs(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            fill(self, keras.layers)
            self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

        def call(self, inputs: Any) -> Any:
            return run(self, inputs)

    ours, theirs = Plain(), Theirs()
    ours(IDS)
    theirs(IDS)
    randomize(ours)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(np.asarray(ours(IDS)), keras.ops.convert_to_numpy(theirs(IDS)), rtol=1e-5, atol=1e-6)
    theirs.set_weights([w * 1.5 for w in theirs.get_weights()])
    theirs.save_weights(tmp_path / "b.weights.h5")
    ours.load_weights(tmp_path / "b.weights.h5")
    np.testing.assert_allclose(np.asarray(ours(IDS)), keras.ops.convert_to_numpy(theirs(IDS)), rtol=1e-5, atol=1e-6)
