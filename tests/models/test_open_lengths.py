"""Stacks without an Input whose layers have weights for one length: they are saved so that they load again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import layers, naming, ops
from recurra.models import Sequential, clone_model, load_model
from recurra.models.open_lengths import builds_alike
from recurra.utils import set_random_seed

T, I = 5, 3


class Weighted(layers.Layer):
    """As attention layers of tutorials; the shapes of its call fit any length."""

    def build(self, input_shape: Any) -> None:
        self.b = self.add_weight((input_shape[1], 1), "normal", name="b")

    def call(self, inputs: Any) -> Any:
        return ops.einsum("btf,to->bf", inputs, self.b)


ONE_LENGTH: dict[str, Callable[[], list[Any]]] = {
    "PReLU": lambda: [layers.PReLU("normal"), layers.GRU(2)],
    "PReLU after Dense": lambda: [layers.Dense(4), layers.PReLU("normal"), layers.GRU(2)],
    "BatchNormalization": lambda: [layers.BatchNormalization(axis=1), layers.LSTM(2)],
    "LayerNormalization": lambda: [layers.LayerNormalization(axis=[1, 2]), layers.LSTM(2)],
    "RMSNormalization": lambda: [layers.RMSNormalization(axis=1), layers.LSTM(2)],
    "EinsumDense": lambda: [layers.EinsumDense("btf,tg->bgf", output_shape=(4, None)), layers.LSTM(2)],
    "nested": lambda: [Sequential([layers.PReLU("normal"), layers.GRU(2)]), layers.Dense(2)],
    "a class of the user's": lambda: [Weighted(), layers.Dense(2)],
}
ANY_LENGTH: dict[str, Callable[[], list[Any]]] = {
    "units as many as steps": lambda: [layers.LSTM(T, return_sequences=True), layers.Dense(T), layers.GRU(2)],
    "shared axes": lambda: [layers.PReLU(shared_axes=[1]), layers.GRU(2)],
    "wrappers": lambda: [layers.Bidirectional(layers.LSTM(T, return_sequences=True)), layers.SimpleRNN(T)],
    "Conv1D": lambda: [layers.Conv1D(T, T, padding="same"), layers.LSTM(2)],
}


@pytest.mark.parametrize("kind", ONE_LENGTH)
def test_a_stack_with_weights_for_one_length_loads(kind: str, tmp_path: Any) -> None:
    x = np.random.default_rng(1).normal(size=(4, T, I)).astype("float32")
    model = Sequential(ONE_LENGTH[kind]())
    model.compile("adam", "mse")
    model.fit(x, x[:, 0, :2], verbose=0)
    assert model.layers[0].input.shape == (None, T, I)
    expected = model.predict(x, verbose=0)
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        same = load_model(tmp_path / name, custom_objects={"Weighted": Weighted})
        np.testing.assert_array_equal(same.predict(x, verbose=0), expected)
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict(x, verbose=0), expected)
    with pytest.raises(ValueError, match=r"must have shape \(any, 5, 3\), got \(4, 4, 3\)"):
        model.predict(x[:, 1:], verbose=0)


@pytest.mark.parametrize("kind", ANY_LENGTH)
def test_a_stack_for_any_length_takes_any(kind: str, tmp_path: Any) -> None:
    x = np.random.default_rng(1).normal(size=(4, T, I)).astype("float32")
    model = Sequential(ANY_LENGTH[kind]())
    model.predict(x, verbose=0)
    assert model.input_shape == (None, None, I)
    model.save(tmp_path / "m.keras")
    same = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(same.predict(x[:, 1:], verbose=0), model.predict(x[:, 1:], verbose=0))


def test_looking_takes_no_name_and_no_random_number() -> None:
    def weights_of_the_next(kind: str) -> tuple[str, Any]:
        naming.reset_names()
        set_random_seed(4)
        Sequential((ONE_LENGTH if kind in ONE_LENGTH else ANY_LENGTH)[kind]()).predict(np.ones((2, T, I)), verbose=0)
        layer = layers.Dense(2)
        layer.build((None, 7))
        return layer.name, layer.get_weights()[0]

    for kind in ("PReLU after Dense", "units as many as steps"):
        naming.reset_names()
        set_random_seed(4)
        stack = (ONE_LENGTH if kind in ONE_LENGTH else ANY_LENGTH)[kind]()
        Sequential([layers.Input((T, I)), *stack])
        layer = layers.Dense(2)
        layer.build((None, 7))
        name, kernel = weights_of_the_next(kind)
        assert name == layer.name
        np.testing.assert_array_equal(kernel, layer.get_weights()[0])


def test_what_cannot_be_made_again_is_taken_to_be_alike() -> None:
    class Closed(layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = units

        def build(self, input_shape: Any) -> None:
            self.b = self.add_weight((input_shape[1], self.units), name="b")

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError

    layer = Closed(4)
    layer.build((None, T, I))
    assert builds_alike(layer, (None, None, I))
    assert builds_alike(layers.Dense(3), (None, None, I))  # not built
