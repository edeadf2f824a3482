"""Files made by real Keras predict what they did there, and go on training as they would have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Sequential
from recurra.saving import FileFormatError, load_model
from tests.support.saving_cases import predict, train

KERAS3 = [
    "lstm_adam.keras", "gru_rmsprop.keras", "bidirectional_sgd.keras", "cells_adamw.keras", "functional_nadam.keras",
    "adagrad.keras", "bidirectional_sgd.h5", "cells_adamw.h5", "functional_nadam.h5",
]  # fmt: skip
KERAS2 = ["stateful.h5", "old_gates.h5", "functional.h5", "functional.keras"]
FILES = [f"keras_files/{name}" for name in KERAS3] + [f"keras2_files/{name}" for name in KERAS2]


@pytest.mark.parametrize("name", FILES)
def test_predicts_and_goes_on_training_as_in_keras(golden: Any, name: str) -> None:
    case = golden(name)
    model = load_model(case.path)
    for found, expected in zip(predict(model, case.x), case.y, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(train(model, case.x, case.t), case.losses, rtol=1e-5, atol=1e-6)
    for found, expected in zip(predict(model, case.x), case.after, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["keras_files/cells_adamw.keras", "keras2_files/functional.h5"])
def test_without_compiling(golden: Any, name: str) -> None:
    case = golden(name)
    model = load_model(case.path, compile=False)
    assert not model.compiled
    for found, expected in zip(predict(model, case.x), case.y, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_cudnn_layers_become_plain_ones(golden: Any) -> None:
    case = golden("keras2_files/cudnn.h5")
    model = load_model(case.path)
    kinds = [type(layer) for layer in model.layers]
    assert kinds == [layers.LSTM, layers.Bidirectional, layers.GRU, layers.Dense]
    np.testing.assert_allclose(predict(model, case.x)[0], case.y[0], rtol=1e-5, atol=1e-6)
    twin = Sequential(
        [
            layers.Input((5, 3)),
            layers.LSTM(4, return_sequences=True),
            layers.Bidirectional(layers.GRU(2, return_sequences=True)),
            layers.GRU(5),
            layers.Dense(1),
        ]
    )
    twin.load_weights(case.path)
    np.testing.assert_array_equal(predict(twin, case.x)[0], predict(model, case.x)[0])


def test_old_hard_sigmoid_is_not_the_new_one(golden: Any) -> None:
    case = golden("keras2_files/old_gates.h5")
    model = load_model(case.path, compile=False)
    assert model.layers[0].cell.recurrent_activation.__name__ == "hard_sigmoid_keras2"
    assert model.layers[0].cell.runs_in_kernel
    config = model.get_config()
    for layer in config["layers"]:
        if layer["config"].get("recurrent_activation") == "hard_sigmoid_keras2":
            layer["config"]["recurrent_activation"] = "hard_sigmoid"
    new = Sequential.from_config(config)
    new.set_weights(model.get_weights())
    assert np.abs(predict(new, case.x)[0] - case.y[0]).max() > 1e-4


def test_state_survives_only_within_a_run(golden: Any) -> None:
    case = golden("keras2_files/stateful.h5")
    model = load_model(case.path)
    first, second = (model.predict(case.x[0], verbose=0) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(load_model(case.path).predict(case.x[0], verbose=0), first)
    assert model.optimizer.decay == pytest.approx(0.1)
    assert int(model.optimizer.iterations) == 2


def test_weights_alone(golden: Any) -> None:
    case = golden("keras_files/lstm_adam.weights.h5")
    model = load_model(golden("keras_files/lstm_adam.keras").path)
    assert np.abs(predict(model, case.x)[0] - case.y[0]).max() > 1e-3  # another run of the same script
    model.load_weights(case.path)
    np.testing.assert_allclose(predict(model, case.x)[0], case.y[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(train(model, case.x, case.t), case.losses, rtol=1e-5, atol=1e-6)


def test_weights_of_an_archive(golden: Any) -> None:
    case = golden("keras_files/functional_nadam.keras")
    model = load_model(case.path)
    weights = model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in weights])
    model.load_weights(case.path)
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_keras_2_weights_alone(golden: Any) -> None:
    model = load_model(golden("keras2_files/functional.h5").path)
    case = golden("keras2_files/functional_weights.h5")
    model.load_weights(case.path)
    for found, expected in zip(predict(model, case.x), case.y, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(case.path, by_name=True)
    for found, expected in zip(predict(model, case.x), case.y, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["bidirectional_sgd.keras", "cells_adamw.keras", "functional_nadam.keras"])
def test_the_same_paths_as_in_keras(golden: Any, tmp_path: Path, name: str) -> None:
    """What is saved anew has the groups, the arrays and the names that Keras wrote."""
    h5py = pytest.importorskip("h5py")
    import zipfile

    def content(path: Path) -> dict[str, Any]:
        found = {}
        with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as raw, h5py.File(raw) as file:
            file.visititems(lambda key, item: found.__setitem__(key, getattr(item, "shape", dict(item.attrs))))
        return found

    path = golden(f"keras_files/{name}").path
    load_model(path).save(tmp_path / "again.keras")
    assert content(tmp_path / "again.keras") == content(path)


def test_tensorflows_own_checkpoints_are_refused(golden_folder: Path, golden: Any) -> None:
    from recurra import train as front_door

    folder = golden_folder / "keras2_files" / "checkpoint"
    latest = front_door.latest_checkpoint(folder)
    assert latest == str(folder / "ckpt_1")
    model = load_model(golden("keras_files/lstm_adam.keras").path)
    with pytest.raises(FileFormatError, match="a checkpoint in TensorFlow's own format, which only TensorFlow reads"):
        model.load_weights(latest)


#: what golden/make_keras_int8.py printed
INT8 = [[0.89314032, 0.92548627, 0.97207433], [0.56117779, 0.87598795, 0.7628141], [0.45559987, 1.23930359, 0.77198404]]


def test_8_bit_weights_of_keras(tmp_path: Path) -> None:
    model = load_model(Path(__file__).parent.parent / "golden" / "keras_int8.keras")
    assert [layer.dtype_policy for layer in model.layers] == [
        "int8_from_float32",
        "int8_from_float32",
        "float32",
        "int8_from_float32",
    ]
    ids = np.arange(12).reshape(3, 4) % 9
    np.testing.assert_allclose(model.predict(ids, verbose=0), INT8, rtol=1e-5)
    model.save(tmp_path / "again.keras")
    np.testing.assert_allclose(load_model(tmp_path / "again.keras").predict(ids, verbose=0), INT8, rtol=1e-5)
