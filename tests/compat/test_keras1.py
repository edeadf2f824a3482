"""Keras 1's arguments: the same weights and numbers as the call of today."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import recurra.compat
from recurra import layers, models, regularizers
from recurra.compat import keras1
from recurra.compat.installing import real_packages

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")


@pytest.fixture(autouse=True)
def installed():
    recurra.compat.install()
    yield
    recurra.compat.uninstall()


OLD_AND_NEW: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "Dense",
        {"output_dim": 3, "init": "normal", "bias": False},
        {
            "units": 3,
            "kernel_initializer": "normal",
            "use_bias": False,
        },
    ),
    (
        "LSTM",
        {
            "output_dim": 4,
            "inner_activation": "relu",
            "inner_init": "identity",
            "forget_bias_init": "zero",
            "consume_less": "gpu",
        },
        {"units": 4, "recurrent_activation": "relu", "recurrent_initializer": "identity", "unit_forget_bias": False},
    ),
    (
        "GRU",
        {"output_dim": 4, "dropout_W": 0.25, "dropout_U": 0.5},
        {"units": 4, "dropout": 0.25, "recurrent_dropout": 0.5},
    ),
    ("SimpleRNN", {"output_dim": 2, "U_regularizer": "l2"}, {"units": 2, "recurrent_regularizer": "l2"}),
    (
        "Conv1D",
        {"nb_filter": 5, "filter_length": 3, "border_mode": "same", "subsample_length": 2},
        {"filters": 5, "kernel_size": 3, "padding": "same", "strides": 2},
    ),
    (
        "Conv2D",
        {"nb_filter": 5, "nb_row": 3, "nb_col": 2, "subsample": (2, 1), "dim_ordering": "tf"},
        {"filters": 5, "kernel_size": (3, 2), "strides": (2, 1), "data_format": "channels_last"},
    ),
    (
        "MaxPooling1D",
        {"pool_length": 3, "stride": 2, "border_mode": "same"},
        {"pool_size": 3, "strides": 2, "padding": "same"},
    ),
    ("Dropout", {"p": 0.3}, {"rate": 0.3}),
    ("GaussianNoise", {"sigma": 0.3}, {"stddev": 0.3}),
    ("BatchNormalization", {"mode": 0, "gamma_init": "zeros"}, {"gamma_initializer": "zeros"}),
]


@pytest.mark.parametrize(("layer", "old", "new"), OLD_AND_NEW)
def test_old_names_configure_the_same_layer(layer: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    kind = getattr(layers, layer)
    assert kind(**old, name="a").get_config() == kind(**new, name="a").get_config()
    recurra.compat.uninstall()
    with pytest.raises(TypeError):
        kind(**old)
    recurra.compat.install()


def test_every_name_of_the_table_leads_to_an_argument() -> None:
    for layer, names in keras1.ARGUMENTS.items():
        config = getattr(layers, layer)(**_needed(layer)).get_config()
        assert set(names.values()) <= set(config), layer


def _needed(layer: str) -> dict[str, Any]:
    if layer.startswith(("Conv", "LocallyConnected")):
        return {"filters": 2, "kernel_size": 3}
    first = {"Dropout": "rate", "GaussianDropout": "rate", "GaussianNoise": "stddev"}
    first |= {f"SpatialDropout{rank}D": "rate" for rank in (1, 2)}
    if layer in first:
        return {first[layer]: 0.5}
    if layer == "Embedding":
        return {"input_dim": 5, "output_dim": 2}
    return {"units": 2} if layer in ("Dense", "GRU", "LSTM", "SimpleRNN") else {}


def test_both_names_are_refused() -> None:
    with pytest.raises(TypeError, match="LSTM was given units twice: as units and as output_dim"):
        layers.LSTM(units=3, output_dim=3)
    with pytest.raises(ValueError, match="consume_less must be"):
        layers.GRU(3, consume_less="fast")
    with pytest.raises(ValueError, match="forget_bias_init must be"):
        layers.LSTM(3, forget_bias_init="uniform")
    with pytest.raises(ValueError, match="mode must be 0 or 2"):
        layers.BatchNormalization(mode=1)
    with pytest.raises(TypeError, match="nb_filter"):
        layers.Dense(3, nb_filter=4)


def test_the_factor_of_a_regularizer() -> None:
    assert regularizers.l2(l=0.5).l2 == 0.5 and regularizers.l1(l=0.25).l1 == 0.25
    assert regularizers.l2(0.5).l2 == regularizers.L2(l2=0.5).l2
    recurra.compat.uninstall()
    with pytest.raises(TypeError):
        regularizers.l2(l=0.5)
    recurra.compat.install()


def test_recurrent_convolutions() -> None:
    old = layers.ConvLSTM2D(nb_filter=3, nb_row=3, nb_col=2, border_mode="same", inner_activation="relu", name="a")
    new = layers.ConvLSTM2D(3, (3, 2), padding="same", recurrent_activation="relu", name="a")
    assert old.get_config() == new.get_config()
    old = layers.Convolution2D(3, 2, 4, border_mode="same", name="a")
    assert old.get_config() == layers.Conv2D(3, (2, 4), padding="same", name="a").get_config()
    assert layers.Conv2D(3, 2, 4).strides == (4, 4)  # as today, where no name is Keras 1's


def test_slice_x() -> None:
    x, y = np.arange(12).reshape(6, 2), np.arange(6)
    assert [part.tolist() for part in keras1.slice_X([x, y], 4)] == [[[8, 9], [10, 11]], [4, 5]]
    assert keras1.slice_X(y, 1, 3).tolist() == [1, 2] and keras1.slice_X(y, [5, 0]).tolist() == [5, 0]


def test_a_subclass_hands_old_names_on() -> None:
    class Own(layers.LSTM):
        pass

    assert Own(output_dim=3, dropout_U=0.5).units == 3


def test_dropout_of_an_embedding_is_said_to_do_nothing() -> None:
    with pytest.warns(UserWarning, match="no argument dropout since Keras 2"):
        found = layers.Embedding(5, 3, dropout=0.2, W_regularizer=regularizers.l2(0.1))
    assert found.embeddings_regularizer is not None


def test_model_and_merge() -> None:
    from keras.layers import Input, merge

    rng = np.random.default_rng(3)
    a, b = Input((5, 3)), Input((5, 3))
    ends = [merge([a, b], mode=mode) for mode in ("sum", "mul", "ave", "max", "concat")]
    ends.append(merge([a, b], mode=lambda both: both[0] - both[1], output_shape=lambda shapes: shapes[0]))
    ends.append(merge([a, b], mode="concat", concat_axis=1))
    model = models.Model(input=[a, b], output=ends)
    x, y = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    found = model.predict([x, y], verbose=0)
    wanted = [x + y, x * y, (x + y) / 2, np.maximum(x, y), np.concatenate([x, y], -1), x - y, np.concatenate([x, y], 1)]
    for one, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-6)
    with pytest.raises(ValueError, match="mode must be 'ave', 'max', 'mul', 'sum', 'concat', 'dot' or a function"):
        merge([a, b], mode="cos")
    flat, other = Input((3,)), Input((3,))
    dotted = models.Model(input=[flat, other], output=merge([flat, other], mode="dot"))
    np.testing.assert_allclose(
        dotted.predict([x[:, 0], y[:, 0]], verbose=0), (x[:, 0] * y[:, 0]).sum(-1, keepdims=True), rtol=1e-5
    )


def test_generators_counted_in_samples() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 1))
    read = []

    def batches():
        while True:
            read.append(1)
            yield x, y

    model = models.Sequential([layers.Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    history = model.fit_generator(
        batches(), samples_per_epoch=20, nb_epoch=2, validation_data=batches(), nb_val_samples=7, nb_worker=1,
        max_q_size=2, verbose=0,
    )  # fmt: skip
    assert len(history.history["val_loss"]) == 2 and int(model.optimizer.iterations) == 6
    assert model.predict_generator(batches(), val_samples=14).shape == (14, 1)
    assert model.evaluate_generator(batches(), val_samples=1) == pytest.approx(model.evaluate(x, y, verbose=0))
    with pytest.raises(TypeError, match="samples_per_epoch"):
        model.fit_generator(batches(), steps_per_epoch=2, samples_per_epoch=14)


def test_uninstall_takes_the_wrappers_away() -> None:
    wrapped = layers.LSTM.__init__
    recurra.compat.uninstall()
    assert layers.LSTM.__init__ is not wrapped and not hasattr(layers.LSTM.__init__, "__wrapped__")
    assert "__init__" not in layers.MaxPooling1D.__dict__
    with pytest.raises((TypeError, ValueError)):
        models.Model(input=layers.Input((2,)), output=layers.Input((2,)))
    recurra.compat.install()
