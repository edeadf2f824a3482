"""Losses of a model's own: symbolic tensors, functions, where they are kept and where they are lost."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Model, Sequential, layers, losses, ops
from recurra.layers import LSTM, Dense, Lambda
from recurra.models import clone_model, load_model

X = np.random.RandomState(0).rand(6, 3, 1).astype("float32")
Y = np.zeros((6, 1), "float32")


def made(factor: float = 100.0) -> tuple[Any, Any, Any]:
    x = Input((3, 1))
    h = LSTM(2)(x)
    model = Model(x, Dense(1)(h))
    model.add_loss(factor * ops.mean(ops.square(h)) + factor)
    return x, h, model


def wanted(model: Any, factor: float = 100.0) -> float:
    """What `made`'s loss must be, beside that of the outputs."""
    h = model.layers[1](X)
    return float(factor * np.mean(np.square(h)) + factor + np.mean(np.square(model.predict(X))))


def test_a_tensor_is_part_of_every_loss() -> None:
    _, _, model = made()
    model.compile("sgd", "mse")
    value = wanted(model)
    assert value >= 100
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(value, rel=1e-6)
    assert model.test_on_batch(X, Y) == pytest.approx(value, rel=1e-6)
    assert [float(loss) for loss in model.losses] == pytest.approx([value - np.mean(np.square(model.predict(X)))])
    assert model.train_on_batch(X, Y) == pytest.approx(value, rel=1e-6)
    assert wanted(model) < value
    history = model.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0).history
    assert history["loss"][0] > history["loss"][-1] > 100
    assert history["val_loss"][-1] == pytest.approx(wanted(model), rel=1e-6)


def test_a_model_without_another_loss_trains_on_it() -> None:
    _, _, model = made(1.0)
    model.compile("sgd")
    before = [w.copy() for w in model.get_weights()]
    with GradientTape() as tape:
        h = model.layers[1](X)
        loss = ops.mean(ops.square(h))
    gradients = tape.gradient(loss, model.layers[1].trainable_variables)
    with pytest.warns(UserWarning, match="no gradient"):  # Dense has no part in the loss
        history = model.fit(X, batch_size=6, verbose=0).history
    assert history["loss"] == [pytest.approx(float(loss.value) + 1.0, rel=1e-6)]
    for new, old, gradient in zip(model.get_weights(), before, gradients, strict=False):
        np.testing.assert_allclose(new, old - 0.01 * np.asarray(gradient), atol=1e-7)
    np.testing.assert_array_equal(model.get_weights()[3], before[3])


def test_layers_that_only_the_loss_needs_become_part_of_the_model() -> None:
    x = Input((3, 1))
    h = LSTM(2, name="main")(x)
    aside = Dense(4, name="aside")
    model = Model(x, Dense(1, name="out")(h))
    count = model.count_params()
    model.add_loss(ops.mean(ops.square(aside(h) - 1.0)))
    assert [layer.name for layer in model.layers][:4] == [x.node.layer.name, "main", "out", "aside"]
    assert model.count_params() == count + 12
    model.compile("sgd", "mse")
    before = aside.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(np.any(new != old) for new, old in zip(aside.get_weights(), before, strict=True))
    assert model.predict(X).shape == (6, 1)
    with pytest.raises(ValueError, match="not among the inputs"):
        model.add_loss(ops.mean(Input((3, 1))))


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "clone", "config", "json"])
def test_copies_keep_it(way: str) -> None:
    from recurra.models import model_from_json

    _, _, model = made()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin = {
            "deepcopy": copy.deepcopy,
            "pickle": lambda m: pickle.loads(pickle.dumps(m)),
            "clone": clone_model,
            "config": lambda m: type(m).from_config(m.get_config()),
            "json": lambda m: model_from_json(m.to_json()),
        }[way](model)
    twin.set_weights([w + 0.5 for w in model.get_weights()])
    twin.compile("sgd", "mse")
    assert twin.evaluate(X, Y, verbose=0) == pytest.approx(wanted(twin), rel=1e-6)
    assert twin.evaluate(X, Y, verbose=0) != pytest.approx(wanted(model), rel=1e-6)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_files_of_functional_models_keep_it(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    _, h, model = made()
    model.add_loss(ops.mean(Dense(4, name="aside")(h)))
    model.compile("sgd", "mse")
    model.save(tmp_path / f"model{ending}")
    loaded = load_model(tmp_path / f"model{ending}")
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-6)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


def test_what_files_and_copies_cannot_hold_is_said(tmp_path: Path) -> None:
    model = Sequential([Input((3, 1)), LSTM(2), Dense(1)])
    model.add_loss(ops.mean(model.layers[0].output))
    with pytest.warns(UserWarning, match="the JSON text lacks them"):
        model.to_json()
    _, _, other = made()
    other.add_loss(lambda: ops.sum(ops.square(other.weights[0])))
    with pytest.warns(UserWarning, match="functions given to add_loss"):
        other.to_json()
    with pytest.warns(UserWarning, match="the copy lacks the functions"):
        clone_model(other)
    pytest.importorskip("h5py")
    with pytest.warns(UserWarning, match="the file lacks them"):
        model.save(tmp_path / "model.keras")


def test_sequential_models() -> None:
    model = Sequential([Input((3, 1)), LSTM(2)])
    model.add_loss(50.0 + ops.mean(ops.square(model.layers[0].output)))
    model.add(Dense(1))
    model.compile("sgd", "mse")

    def check(model: Any) -> None:
        h = model.layers[0](X)
        value = 50.0 + np.mean(np.square(h)) + np.mean(np.square(model.predict(X)))
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(value, rel=1e-6)

    check(model)
    assert len(model.layers) == 2
    for twin in (clone_model(model), copy.deepcopy(model)):
        twin.set_weights([w + 0.5 for w in model.get_weights()])
        twin.compile("sgd", "mse")
        check(twin)
    with pytest.raises(ValueError, match="no input shape yet"):
        Sequential([Dense(1)]).add_loss(ops.mean(Input((3,))))


def test_a_sequential_model_connected_anew_keeps_it() -> None:
    model = Sequential([layers.Embedding(5, 3), LSTM(2), Dense(1)])
    model.summary(print_fn=lambda text: None)  # takes the input to be ids
    model.add_loss(7.0 + ops.mean(model.layers[1].output))
    model.build((None, 4))
    ids = np.arange(8).reshape(2, 4) % 5
    model.compile("sgd")
    h = model.layers[1](model.layers[0](ids))
    assert model.evaluate(ids, verbose=0) == pytest.approx(7.0 + float(np.mean(h)), rel=1e-6)


def test_functions_and_lists() -> None:
    x = Input((3, 1))
    h = LSTM(2)(x)
    dense = Dense(1)
    model = Model(x, dense(h))
    model.add_loss([ops.mean(h), lambda: 0.5 * ops.sum(ops.square(dense.kernel))])
    model.compile("sgd")
    kernel = dense.kernel.numpy()
    expected = float(np.mean(model.layers[1](X))) + 0.5 * float(np.sum(kernel**2))
    assert model.evaluate(X, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert float(sum(map(float, model.losses))) == pytest.approx(expected, rel=1e-5)
    with pytest.warns(UserWarning, match="no gradient"):
        model.train_on_batch(X)
    np.testing.assert_allclose(dense.kernel.numpy(), kernel * 0.99, rtol=1e-5)
    outer = Model(x, model(x))  # counted within another model too
    outer.compile("sgd")
    assert outer.evaluate(X, verbose=0) == pytest.approx(model.evaluate(X, verbose=0), rel=1e-6)


@pytest.mark.parametrize("value", [3.0, np.float32(3.0), np.ones(4)])
def test_numbers_outside_of_calls_are_refused(value: Any) -> None:
    _, _, model = made()
    with pytest.raises(ValueError, match="same for every batch"):
        model.add_loss(value)
    with pytest.raises(ValueError, match="same for every batch"):
        Dense(1).add_loss(value)
    with pytest.raises(TypeError, match="got None"):
        model.add_loss(None)


def test_more_than_one_number_is_summed() -> None:
    x = Input((3, 1))
    h = LSTM(2)(x)
    model = Model(x, Dense(1)(h))
    model.add_loss(ops.sum(ops.square(h), axis=-1))
    model.compile("sgd")
    assert model.evaluate(X, batch_size=6, verbose=0) == pytest.approx(
        float(np.sum(np.square(model.layers[1](X)))), rel=1e-5
    )


def test_a_model_within_a_model_counts_once() -> None:
    x, _, inner = made()
    inner.compile("sgd")
    value = inner.evaluate(X, verbose=0)  # leaves losses behind, which are not those of the next call
    outer = Model(x, inner(x))
    outer.compile("sgd")
    assert outer.evaluate(X, verbose=0) == pytest.approx(value, rel=1e-6)
    assert inner.evaluate(X, verbose=0) == pytest.approx(value, rel=1e-6)


def test_a_variational_autoencoder_of_series() -> None:
    x = Input((5, 2))
    h = LSTM(4)(x)
    mean, log_var = Dense(3, name="mean")(h), Dense(3, name="log_var")(h)
    z = Lambda(lambda pair: pair[0] + ops.exp(0.5 * pair[1]) * 0.0, output_shape=(3,))([mean, log_var])
    encoder = Model(x, [mean, log_var, z], name="encoder")
    latent = Input((3,))
    decoder = Model(latent, LSTM(2, return_sequences=True)(layers.RepeatVector(5)(latent)), name="decoder")
    y = decoder(encoder(x)[2])
    model = Model(x, y)
    reconstruction = ops.mean(losses.mean_squared_error(x, y)) * 10.0
    kl = -0.5 * ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=-1)
    model.add_loss(ops.mean(reconstruction + kl))
    model.compile("adam")
    data = np.random.RandomState(1).standard_normal((16, 5, 2)).astype("float32")
    m, v, _ = encoder.predict(data)
    expected = 10.0 * np.mean(np.square(data - model.predict(data)))
    expected += np.mean(-0.5 * np.sum(1 + v - m**2 - np.exp(v), axis=-1))
    assert model.evaluate(data, verbose=0) == pytest.approx(float(expected), rel=1e-5)
    history = model.fit(data, epochs=8, verbose=0, validation_data=(data, None)).history
    assert history["loss"][-1] < history["loss"][0]
    assert len(model.trainable_weights) == len(encoder.trainable_weights) + len(decoder.trainable_weights)


def test_a_model_with_its_own_call_adds_losses_there() -> None:
    class Own(Model):
        def call(self, inputs: Any) -> Any:
            self.add_loss(ops.mean(inputs) * 2.0, inputs=inputs)
            return inputs

    model = Own()
    model.compile("sgd", "mse")
    assert model.evaluate(X, X, verbose=0) == pytest.approx(2.0 * float(X.mean()), rel=1e-5)
    with pytest.raises(ValueError, match="has its own call"):
        model.add_loss(ops.mean(Input((3, 1))))
