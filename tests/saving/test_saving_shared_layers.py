"""A layer that is in several places of one model is saved once, and is one layer again when the model is read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra import layers as L
from recurra.models import Model, Sequential
from recurra.saving import load_model

CASES = ("direct first", "nested first", "in two nested models", "deep", "two layers", "recurrent")


def made(case: str) -> Any:
    one, other = L.Dense(3, name="one"), L.Dense(3, name="other")
    x = L.Input((4, 3))
    inner = Sequential([L.Input((4, 3)), one, L.Dense(3, name="own")], name="inner")
    if case == "direct first":
        return Model(x, L.Concatenate()([one(x), inner(x)]))
    if case == "nested first":
        return Model(x, one(inner(x)))
    if case == "in two nested models":
        second = Sequential([L.Input((4, 3)), L.Dense(3, name="other_own"), one], name="second")
        return Model(x, L.Add()([inner(x), second(x)]))
    if case == "deep":
        middle = Sequential([L.Input((4, 3)), inner, other], name="middle")
        return Model(x, other(one(middle(x))))
    if case == "two layers":
        both = Sequential([L.Input((4, 3)), one, other], name="both")
        return Model(x, one(other(both(x))))
    rnn = L.LSTM(3, return_sequences=True, name="rnn")
    stack = Sequential([L.Input((4, 3)), L.Bidirectional(L.GRU(2, return_sequences=True)), L.Dense(3), rnn], name="s")
    return Model(x, rnn(rnn(stack(x))))


def arrays(path: Path) -> int:
    found: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return len(found)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_whole_models(tmp_path: Path, case: str, name: str) -> None:
    model = made(case)
    x = np.random.default_rng(1).normal(size=(2, 4, 3)).astype("float32")
    model.set_weights([np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(model.get_weights())])
    model.save(tmp_path / name)
    again = load_model(tmp_path / name)
    assert again.count_params() == model.count_params()
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    again.compile("sgd", "mse")
    model.compile("sgd", "mse")
    target = np.zeros(model.predict(x).shape, "float32")
    for one in (model, again):
        one.fit(x, target, epochs=2, verbose=0, shuffle=False)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.parametrize("case", CASES)
def test_weights_are_written_once(tmp_path: Path, case: str) -> None:
    model = made(case)
    model.save_weights(tmp_path / "m.weights.h5")
    assert arrays(tmp_path / "m.weights.h5") == len(model.weights)
    before = model.get_weights()
    model.set_weights([w + 1 for w in before])
    model.load_weights(tmp_path / "m.weights.h5")
    for expected, found in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("case", CASES)
def test_keras_refuses_them_as_its_own(tmp_path: Path, case: str) -> None:
    """Keras cannot read such models, its own neither; what matters is that it does not read them wrongly."""
    keras = pytest.importorskip("keras")
    made(case).save(tmp_path / "m.keras")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="could not be loaded"):
        warnings.simplefilter("ignore")
        keras.saving.load_model(tmp_path / "m.keras")
