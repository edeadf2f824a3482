"""Classes and functions of one's own, in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra import layers as L
from recurra import ops, saving
from recurra.models import Model, Sequential
from recurra.saving import FileFormatError, load_model
from tests.support.saving_cases import predict, train

X = np.random.RandomState(8).normal(size=(3, 5, 4)).astype("float32")
FORMATS = ["a.keras", "a.h5"]


class Scale(L.Layer):
    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.weight = self.add_weight(shape=(input_shape[-1],), initializer="random_normal", name="weight")

    def call(self, inputs: Any) -> Any:
        return inputs * self.weight * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class MinimalCell(L.Layer):
    """A cell with the update gate alone."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], 2 * self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, 2 * self.units), name="recurrent")

    def call(self, inputs: Any, states: Any) -> Any:
        z = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent)
        gate = ops.sigmoid(z[:, : self.units])
        h = gate * ops.tanh(z[:, self.units :]) + (1.0 - gate) * states[0]
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def shifted_relu(x: Any) -> Any:
    return ops.relu(x - 0.1)


def cubic(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(y_pred - y_true) ** 3, axis=-1)


OBJECTS = {"Scale": Scale, "MinimalCell": MinimalCell, "shifted_relu": shifted_relu, "cubic": cubic}


def build() -> Any:
    model = Sequential(
        [
            L.Input((5, 4)),
            Scale(3.0),
            L.Bidirectional(L.RNN(MinimalCell(2), return_sequences=True)),
            L.RNN([MinimalCell(3), L.GRUCell(2)]),
            L.Dense(2, activation=shifted_relu),
        ]
    )
    model.compile("adam", loss=cubic)
    return model


@pytest.mark.parametrize("format", FORMATS)
def test_custom_objects(tmp_path: Path, format: str) -> None:
    model, t = build(), X[:, 0, :2]
    train(model, [X], [t])
    model.save(tmp_path / format)
    with pytest.raises(FileFormatError, match=r"Scale 'scale\w*' is not supported: recurra has no class 'Scale'"):
        load_model(tmp_path / format)
    again = load_model(tmp_path / format, custom_objects=OBJECTS)
    np.testing.assert_array_equal(predict(again, [X])[0], predict(model, [X])[0])
    with saving.custom_object_scope(OBJECTS):
        scoped = load_model(tmp_path / format)
    assert train(again, [X], [t]) == train(model, [X], [t]) == train(scoped, [X], [t])


def test_registered_objects(tmp_path: Path) -> None:
    @saving.register_keras_serializable(package="mine", name="Doubled")
    class Doubled(L.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    try:
        assert saving.get_registered_name(Doubled) == "mine>Doubled"
        assert saving.get_registered_object("mine>Doubled") is Doubled
        model = Sequential([L.Input((5, 4)), Doubled(), L.Flatten()])
        model.save(tmp_path / "a.keras")
        np.testing.assert_array_equal(predict(load_model(tmp_path / "a.keras"), [X])[0], 2 * X.reshape(3, 20))
    finally:
        saving.get_custom_objects().pop("mine>Doubled")


@pytest.mark.parametrize("format", FORMATS)
def test_lambda_layers_by_name(tmp_path: Path, format: str) -> None:
    model = Sequential([L.Input((5, 4)), L.Lambda(shifted_relu, name="mine"), L.Dense(2)])
    model.save(tmp_path / format)
    with pytest.raises(FileFormatError, match="Lambda 'mine' holds a function of its author"):
        load_model(tmp_path / format)
    for objects in ({"mine": shifted_relu}, {"shifted_relu": shifted_relu}):
        again = load_model(tmp_path / format, custom_objects=objects)
        np.testing.assert_array_equal(predict(again, [X])[0], predict(model, [X])[0])


def test_what_has_no_name_is_not_saved(tmp_path: Path) -> None:
    model = Sequential([L.Input((5, 4)), L.Dense(2, activation=lambda x: x * 2.0)])
    for format in FORMATS:
        with pytest.raises(ValueError, match="lambda"):
            model.save(tmp_path / format)
    assert list(tmp_path.iterdir()) == []
    model.save_weights(tmp_path / "a.weights.h5")


class OwnModel(Model):
    def __init__(self, words: int = 7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words
        self.table = L.Embedding(words, 3)
        self.rnn = L.GRU(4, return_sequences=True)
        self.out = [L.Dense(2), L.Dense(3)]

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = self.rnn(self.table(inputs), training=training)
        return self.out[1](self.out[0](x))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "words": self.words}


def test_models_of_ones_own_class(tmp_path: Path) -> None:
    ids = np.array([[1, 2, 3, 4], [4, 6, 0, 1]], "int32")
    model, t = OwnModel(), np.zeros((2, 4, 3), "float32")
    model.compile("adam", loss="mse")
    train(model, [ids], [t])
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras", custom_objects={"OwnModel": OwnModel})
    np.testing.assert_array_equal(predict(again, [ids])[0], predict(model, [ids])[0])
    assert train(again, [ids], [t]) == train(model, [ids], [t])
    model.save_weights(tmp_path / "b.weights.h5")
    third = OwnModel()
    with pytest.raises(ValueError, match="is not built"):
        third.load_weights(tmp_path / "b.weights.h5")
    third(ids)
    third.load_weights(tmp_path / "b.weights.h5")
    np.testing.assert_array_equal(predict(third, [ids])[0], predict(model, [ids])[0])


def test_objects_on_their_own() -> None:
    for thing in (L.LSTM(3, kernel_regularizer="l2"), recurra.optimizers.Adam(0.5), recurra.losses.Huber(0.3)):
        config = saving.serialize_keras_object(thing)
        assert config["module"].startswith("keras.")
        again = saving.deserialize_keras_object(config)
        assert type(again) is type(thing)
        assert again.get_config() == thing.get_config()
    assert saving.deserialize_keras_object(saving.serialize_keras_object(Scale(4.0)), {"Scale": Scale}).factor == 4.0


def test_registered_classes_in_legacy_files(tmp_path: Path) -> None:
    """Keras calls them ``package>name`` there; they are found by registration, by that name or by their own."""

    class Doubled(L.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    recurra.utils.register_keras_serializable(package="Mine")(Doubled)
    model = Sequential([L.Input((5, 4)), Doubled(), L.LSTM(3)])
    model.save(tmp_path / "a.h5")
    try:
        assert isinstance(load_model(tmp_path / "a.h5").layers[0], Doubled)
    finally:
        del recurra.utils.get_custom_objects()["Mine>Doubled"]
    with pytest.raises(FileFormatError, match="Doubled"):
        load_model(tmp_path / "a.h5")
    for name in ("Doubled", "Mine>Doubled"):
        again = load_model(tmp_path / "a.h5", custom_objects={name: Doubled})
        np.testing.assert_array_equal(predict(again, X), predict(model, X))


class Block(L.Layer):
    """Makes its layers in `build`, for sizes that it knows only then, and says its output's shape itself."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.dense = L.Dense(input_shape[-1])
        self.rnn = L.GRU(self.units, return_sequences=True)

    def call(self, inputs: Any) -> Any:
        return self.rnn(self.dense(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("format", FORMATS)
def test_layers_made_in_build(tmp_path: Path, format: str) -> None:
    model = Sequential([L.Input((5, 4)), Block(3), L.Dense(2)])
    assert len(model.weights) == 7
    model.save(tmp_path / format)
    again = load_model(tmp_path / format, custom_objects={"Block": Block})
    for a, b in zip(predict(model, [X]), predict(again, [X]), strict=True):
        np.testing.assert_array_equal(a, b)
    fresh = Sequential([L.Input((5, 4)), Block(3), L.Dense(2)])
    model.save_weights(tmp_path / "a.weights.h5")
    fresh.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(predict(model, [X])[0], predict(fresh, [X])[0])
