"""Dicts, lists and tuples of float64 arrays reach a model's own call in its dtype, from wherever they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import layers, ops
from recurra.data import Dataset
from recurra.layers import LSTM, Dense
from recurra.models import Model
from recurra.tree import leaves, map_structure
from recurra.utils import set_random_seed

RNG = np.random.default_rng(7)
A, B = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 3, 4))
Y = RNG.normal(size=(6, 1))
STRUCTURES = [
    A,
    {"a": A, "b": B},
    (A, B),
    [A, B],
    (A, {"b": B}),
    {"a": A, "deep": [B, (A,)]},
    [{"a": A}, {"b": B}],
]
WITH_LISTS = (3, 5, 6)


class Own(Model):
    """Computes with its inputs before any layer sees them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense, self.lstm = Dense(1), LSTM(5)
        self.seen: list[Any] = []

    def call(self, inputs: Any) -> Any:
        found = leaves(inputs)
        self.seen += [one.dtype.name for one in found]
        flat = [self.lstm(one) if len(one.shape) == 3 else one * 2.0 for one in found]
        return self.dense(ops.concatenate(flat, axis=-1))


def made() -> Own:
    model = Own()
    model.compile("sgd", "mse")
    return model


def generator(x: Any) -> Any:
    while True:
        yield x, Y


CALLS: dict[str, Callable[[Own, Any], Any]] = {
    "call": lambda model, x: model(x),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
    "fit": lambda model, x: model.fit(x, Y, batch_size=4, validation_data=(x, Y), verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, Y, verbose=0),
    "train_on_batch": lambda model, x: model.train_on_batch(x, Y),
    "test_on_batch": lambda model, x: model.test_on_batch(x, Y),
    "dataset": lambda model, x: model.fit(Dataset.from_tensor_slices((x, Y)).batch(4), verbose=0),
    "predict dataset": lambda model, x: model.predict(Dataset.from_tensor_slices((x, Y)).batch(4), verbose=0),
    "generator": lambda model, x: model.fit(generator(x), steps_per_epoch=2, verbose=0),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("number", range(len(STRUCTURES)))
def test_own_call_sees_its_dtype(name: str, number: int) -> None:
    x = STRUCTURES[number]
    if number in WITH_LISTS and "dataset" in name:
        pytest.skip("a list of arrays is one tensor for a Dataset")
    model = made()
    CALLS[name](model, x)
    assert model.seen and set(model.seen) == {"float32"}
    assert all(one.dtype == np.float64 for one in leaves(x))


@pytest.mark.parametrize("name", CALLS)
def test_lists_of_numbers_in_a_dict(name: str) -> None:
    model, other = made(), made()
    x = {"a": A, "b": B}
    CALLS["call"](model, x), CALLS["call"](other, x)
    other.set_weights(model.get_weights())
    set_random_seed(3)
    CALLS[name](model, {"a": A.tolist(), "b": B.tolist()})
    assert set(model.seen) == {"float32"}
    set_random_seed(3)
    CALLS[name](other, x)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("number", range(len(STRUCTURES)))
def test_float64_and_float32_inputs_train_to_the_same_bits(number: int) -> None:
    x = STRUCTURES[number]
    narrow = map_structure(lambda one: one.astype("float32"), x)
    model, other = made(), made()
    model(x), other(x)
    other.set_weights(model.get_weights())
    model.fit(x, Y, shuffle=False, verbose=0)
    other.fit(narrow, Y, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_model_of_float64_has_float64() -> None:
    model = Own(dtype="float64")
    model({"a": A.astype("float32"), "b": B})
    assert set(model.seen) == {"float64"}


def test_a_graph_of_a_dict_converts_in_its_layers() -> None:
    inputs = {"a": layers.Input((2,), name="a"), "b": layers.Input((3, 4), name="b")}
    model = Model(inputs, Dense(1)(layers.concatenate([inputs["a"], LSTM(5)(inputs["b"])])))
    x = {"a": A, "b": B}
    narrow = map_structure(lambda one: one.astype("float32"), x)
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(narrow, verbose=0))
    assert model(x).dtype == np.float32


def test_a_model_may_want_no_cast() -> None:
    model = Own(autocast=False)
    model({"a": A, "b": B})
    assert set(model.seen) == {"float64"}
