"""What Keras 1 and 2 wrote differently."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra import layers as L
from recurra import optimizers
from recurra.models import Sequential
from recurra.saving import FileFormatError, keras2, load_model
from recurra.saving.configs import prepare
from tests.golden import GOLDEN
from tests.support.saving_cases import predict

X = np.random.RandomState(6).normal(size=(3, 5, 4)).astype("float32")


def upgraded(kind: str, /, version: int = 2, **config: Any) -> dict[str, Any]:
    found: dict[str, Any] = prepare({"class_name": kind, "config": config}, None, version)["config"]
    return found


# --- configurations ---------------------------------------------------------------------------------------------------


def test_arguments_that_keras_3_dropped() -> None:
    found = upgraded("LSTM", units=3, time_major=False, implementation=1, name="a", trainable=True, dtype="float32")
    assert found["units"] == 3
    layer = L.LSTM.from_config(found)
    assert (layer.name, layer.units) == ("a", 3)
    assert "input_length" not in upgraded("Embedding", input_dim=5, output_dim=2, input_length=7)
    assert upgraded("BatchNormalization", axis=[2], renorm=False, fused=True)["axis"] == 2
    assert upgraded("InputLayer", batch_input_shape=[2, None])["batch_shape"] == [2, None]
    policy = {"class_name": "Policy", "config": {"name": "float64"}}
    assert upgraded("Dense", units=2, dtype=policy)["dtype"] == "float64"


def test_defaults_of_older_times() -> None:
    assert upgraded("LSTM", units=2)["recurrent_activation"] == "hard_sigmoid_keras2"
    assert upgraded("GRU", units=2)["reset_after"] is False
    assert upgraded("GRU", units=2, recurrent_activation="sigmoid", reset_after=True) == {
        "units": 2,
        "recurrent_activation": "sigmoid",
        "reset_after": True,
    }
    assert "reset_after" not in upgraded("GRU", version=3, units=2)
    assert upgraded("Dense", units=2, activation="hard_sigmoid")["activation"] == "hard_sigmoid_keras2"
    assert upgraded("Dense", version=3, units=2, activation="hard_sigmoid")["activation"] == "hard_sigmoid"


def test_optimizers() -> None:
    found = upgraded("Adam", name="Adam", lr=0.02, decay=0.5, amsgrad=False, epsilon=None)
    optimizer = optimizers.Adam.from_config(found)
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    assert optimizer.decay == 0.5
    assert optimizer.epsilon == 1e-7
    found = upgraded("Custom>SGD", learning_rate=0.1, decay=0.0, momentum=0.9, is_legacy_optimizer=False)
    assert found == {"learning_rate": 0.1, "momentum": 0.9}
    schedule = {"class_name": "ExponentialDecay", "config": {
        "initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5, "staircase": True, "name": None,
    }}  # fmt: skip
    optimizer = optimizers.SGD.from_config(upgraded("SGD", learning_rate=schedule))
    assert optimizer.learning_rate == pytest.approx(0.1)


def test_what_a_model_was_compiled_with() -> None:
    found = keras2.compile_arguments(
        {
            "optimizer_config": {"class_name": "Adam", "config": {}},
            "loss": "mse",
            "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "acc", "fn": "binary_accuracy"}}]],
            "weighted_metrics": [
                {"class_name": "MeanMetricWrapper", "config": {"name": "x", "fn": "mean_squared_error"}}
            ],
            "loss_weights": [],
            "sample_weight_mode": None,
        }
    )
    assert found == {
        "optimizer": {"class_name": "Adam", "config": {}},
        "loss": "mse",
        "loss_weights": None,
        "metrics": ["acc"],
        "weighted_metrics": ["mean_squared_error"],
    }


def layer(name: str, nodes: Any, kind: str = "Dense", **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "name": name, "inbound_nodes": nodes, "config": {"name": name, **config}}


def test_calls_in_lists() -> None:
    model = {
        "class_name": "Model",
        "config": {
            "name": "m",
            "layers": [
                layer("x", [], "InputLayer", batch_input_shape=[None, 5, 4], sparse=False, ragged=False),
                layer("rnn", [[["x", 0, 0, {}]]], "LSTM", units=4, return_state=True, recurrent_activation="sigmoid"),
                layer("next", [[["x", 0, 0, {}], ["rnn", 0, 1, {}], ["rnn", 0, 2, {}]]], "LSTM", units=4,
                      recurrent_activation="sigmoid"),
                layer("by_keyword", [[["x", 0, 0, {"initial_state": [["rnn", 0, 1], ["rnn", 0, 2]]}]]], "LSTM", units=4,
                      recurrent_activation="sigmoid"),
                layer("stack", [[["rnn", 0, 0, {}]]], "Sequential", layers=[
                    {"class_name": "Dense", "config": {"units": 3, "batch_input_shape": [None, 4], "name": "inner"}},
                ]),
                layer("all", [[["next", 0, 0, {}], ["by_keyword", 0, 0, {}], ["stack", 1, 0, {}]]], "Concatenate"),
            ],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["all", 0, 0]],
        },
    }  # fmt: skip
    from recurra.registry import deserialize_keras_object

    found = deserialize_keras_object(prepare(model, None, 2))
    assert found.output_shape == (None, 11)
    weights = found.get_weights()
    found.set_weights([*weights[:3], *weights[3:6], *weights[3:6], *weights[9:]])
    y = predict(found, [X])[0]
    np.testing.assert_array_equal(y[:, :4], y[:, 4:8])
    h, c = found.get_layer("rnn")(X)[1:]
    np.testing.assert_allclose(found.get_layer("next")(X, initial_state=[h, c]), y[:, :4], rtol=1e-6)


def test_unsupported_layers_are_named() -> None:
    with pytest.raises(FileFormatError, match=r"TFOpLambda 'tf\.math\.multiply' is not supported"):
        upgraded("TFOpLambda", name="tf.math.multiply", function="math.multiply")
    with pytest.raises(FileFormatError, match="LocallyConnected2D 'frames' is not supported"):
        upgraded("LocallyConnected2D", name="frames", filters=3)
    with pytest.raises(FileFormatError, match=r"Dense 'a': its inbound_nodes cannot be read"):
        upgraded("Model", layers=[layer("a", [[3]])], input_layers=[["a", 0, 0]], output_layers=[["a", 0, 0]])


# --- files ------------------------------------------------------------------------------------------------------------


def write(path: Path, model: Any, layers: list[tuple[str, dict[str, Any]]], names: list[str] | None = None) -> None:
    """A file as Keras 2.0 wrote it: no version of the format, names of fixed length, a list of layers."""
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": [{"class_name": k, "config": c} for k, c in layers]}
        file.attrs["model_config"] = np.bytes_(json.dumps(config).encode())
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([layer.name.encode() for layer in model.layers])
        for layer in model.layers:
            inner = group.create_group(layer.name)
            inner.attrs["weight_names"] = np.array([f"{layer.name}/{w.name}:0".encode() for w in layer.weights])
            for weight in layer.weights:
                inner[f"{layer.name}/{weight.name}:0"] = weight.numpy()


def randomize(model: Any) -> None:
    rng = np.random.RandomState(9)
    model.set_weights([rng.normal(0, 1, w.shape) for w in model.get_weights()])


@pytest.mark.parametrize("reset_after", [False, True])
def test_a_file_of_keras_2_0(tmp_path: Path, reset_after: bool) -> None:
    """Gates and reset_after are not in the configuration: the gates were hard, and the bias tells the form."""
    old = "hard_sigmoid_keras2"
    model = Sequential(
        [
            L.Input((5, 4)),
            L.LSTM(3, recurrent_activation=old, return_sequences=True, name="lstm_1"),
            L.GRU(2, recurrent_activation=old, reset_after=reset_after, name="gru_1"),
            L.Dense(2, name="dense_1"),
        ]
    )
    randomize(model)
    lstm = {"name": "lstm_1", "units": 3, "return_sequences": True, "batch_input_shape": [None, 5, 4], "unroll": False}
    gru = {"name": "gru_1", "units": 2, "implementation": 0, "return_state": False}
    write(tmp_path / "a.h5", model, [("LSTM", lstm), ("GRU", gru), ("Dense", {"name": "dense_1", "units": 2})])
    again = load_model(tmp_path / "a.h5")
    assert again.get_layer("gru_1").cell.reset_after is reset_after
    np.testing.assert_array_equal(predict(again, [X])[0], predict(model, [X])[0])
    model.load_weights(tmp_path / "a.h5")


def test_cudnn_weights() -> None:
    """Each gate's (H, I) matrix lies in memory as it is; the loader transposes what the blocks hold."""
    rng, inputs, units = np.random.RandomState(1), 3, 2
    for gates in (3, 4):
        matrices = [rng.normal(size=(units, inputs)) for _ in range(gates)]
        recurrent = [rng.normal(size=(units, units)) for _ in range(gates)]
        biases = rng.normal(size=(2, gates * units))
        kernel = np.concatenate([m.reshape(inputs, units) for m in matrices], axis=1)
        shapes = [
            (inputs, gates * units),
            (units, gates * units),
            (gates * units,) if gates == 4 else (2, gates * units),
        ]
        found = keras2.convert_weights([kernel, np.concatenate(recurrent, axis=1), biases.reshape(-1)], shapes)
        np.testing.assert_array_equal(found[0], np.concatenate([m.T for m in matrices], axis=1))
        np.testing.assert_array_equal(found[1], np.concatenate([m.T for m in recurrent], axis=1))
        np.testing.assert_array_equal(found[2], biases.sum(0) if gates == 4 else biases)
        plain = [np.zeros(shape) for shape in shapes]
        assert keras2.convert_weights(plain, shapes) is plain


# --- Nadam ------------------------------------------------------------------------------------------------------------

NADAM = GOLDEN / "keras2_nadam.zip"
NADAM_X = np.random.RandomState(0).normal(size=(8, 3)).astype("float32")


def nadam_losses(model: Any) -> list[float]:
    return [float(np.ravel(model.train_on_batch(NADAM_X, NADAM_X[:, :2]))[0]) for _ in range(3)]


def test_nadam_before_2_11_goes_on_as_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(NADAM) as files:
        files.extractall(tmp_path)
    model = load_model(tmp_path / "legacy.h5")
    assert (model.optimizer.schedule_decay, model.optimizer.decay) == (0.004, 0.0)
    model.save(tmp_path / "again.keras")
    expected = json.loads((tmp_path / "losses.json").read_text())
    np.testing.assert_allclose(nadam_losses(model), expected, rtol=2e-6)
    np.testing.assert_allclose(nadam_losses(load_model(tmp_path / "again.keras")), expected, rtol=2e-6)


@pytest.mark.parametrize("name", ["new.h5", "new.keras"])
def test_nadam_since_2_11_finds_the_product_that_its_files_lack(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(NADAM) as files:
        files.extractall(tmp_path)
    model = load_model(tmp_path / name)
    optimizer = model.optimizer
    assert (optimizer.schedule_decay, int(optimizer.iterations)) == (1.0, 4)
    momenta = [0.9 * (1 - 0.5 * 0.96**step) for step in (1, 2, 3, 4)]
    assert float(optimizer.variables[-1]) == pytest.approx(np.prod(momenta))
    assert all(np.abs(variable.numpy()).min() > 0 for variable in optimizer.variables)
    with h5py.File(tmp_path / "new.h5") as file:
        stored = file["optimizer_weights/Nadam/v/dense/kernel:0"][()]
    np.testing.assert_array_equal(optimizer.variables[3].numpy(), stored)
    losses = nadam_losses(model)
    assert losses == sorted(losses, reverse=True)


def test_nadam_s_schedule() -> None:
    assert "schedule_decay" not in optimizers.Nadam().get_config()
    optimizer = optimizers.Nadam(0.1, schedule_decay=0.5)
    assert optimizers.Nadam.from_config(optimizer.get_config()).schedule_decay == 0.5
    assert optimizer.product_after(2) == pytest.approx(0.81 * (1 - 0.5 * 0.96**0.5) * (1 - 0.5 * 0.96))
    assert optimizer.product_after(10**9) == 0.0
    assert upgraded("Nadam", lr=0.1, schedule_decay=0.003)["schedule_decay"] == 0.003
    assert "schedule_decay" not in upgraded("Adam", lr=0.1)
