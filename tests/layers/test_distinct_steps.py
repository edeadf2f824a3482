"""DistinctSteps gives what TimeDistributed gives, values and gradients, and computes equal steps once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Model, Sequential, ops
from recurra.layers import LSTM, Bidirectional, Dense, DistinctSteps, Embedding, Lambda, TimeDistributed
from recurra.saving import load_model

IDS = np.random.RandomState(0).randint(0, 3, (4, 5, 2))


def reader() -> Sequential:
    layer = Sequential([Embedding(7, 3, mask_zero=True), Bidirectional(LSTM(4))])
    layer.build((None, None))
    return layer


@pytest.mark.parametrize("ids", [IDS, IDS[:1], IDS[:0], IDS[..., :1], IDS.astype("uint8"), np.asfortranarray(IDS)])
def test_as_time_distributed(ids: Any) -> None:
    inner = reader()
    found, expected = DistinctSteps(inner)(ids), TimeDistributed(inner)(ids)
    assert found.shape == expected.shape == (*ids.shape[:2], 8)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_gradients() -> None:
    inner = reader()
    weights = np.random.RandomState(1).standard_normal((4, 5, 8)).astype("float32")
    found = []
    for layer in (DistinctSteps(inner), TimeDistributed(inner)):
        with GradientTape() as tape:
            loss = ops.sum(layer(IDS, training=True) * weights)
        found.append([np.asarray(d) for d in tape.gradient(loss, inner.trainable_variables)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_equal_steps_are_computed_once() -> None:
    rows = []

    def count(x: Any) -> Any:
        rows.append(len(x))
        return ops.cast(x, "float32")

    DistinctSteps(Lambda(count))(IDS)
    assert rows[-1] == len(np.unique(IDS.reshape(-1, 2), axis=0)) < 20


def test_in_a_model_and_its_file(tmp_path: Any) -> None:
    ids = Input((None, None), dtype="int32")
    model = Model(ids, Dense(2)(DistinctSteps(reader())(ids)))
    assert model.output_shape == (None, None, 2)
    model.compile("adam", "mse")
    model.fit(IDS, np.zeros((4, 5, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(IDS, verbose=0), model.predict(IDS, verbose=0))


def test_steps_of_several_axes() -> None:
    ids = IDS.reshape(2, 2, 5, 2)
    layer = DistinctSteps(Embedding(3, 6))
    assert layer(ids).shape == (2, 2, 5, 2, 6)
    np.testing.assert_array_equal(layer(ids), layer.layer(ids))


def test_mask() -> None:
    ids = np.where(np.arange(5)[:, None] < 4, IDS, 0)
    layer = DistinctSteps(Embedding(3, 6), mask_zero=True)
    np.testing.assert_array_equal(layer(ids)._keras_mask, (ids != 0).any(-1))
    words = Input((None, 2), dtype="int32")
    outputs = LSTM(4, return_sequences=True)(DistinctSteps(reader(), mask_zero=True)(words))
    model = Model(words, outputs)
    np.testing.assert_array_equal(model(ids)._keras_mask, (ids != 0).any(-1))
    plain = DistinctSteps(Embedding(3, 6))(ids)
    assert getattr(plain, "_keras_mask", None) is None


def test_errors() -> None:
    with pytest.raises(TypeError, match="inputs must be integers, got dtype float32; TimeDistributed takes floats"):
        DistinctSteps(Dense(2))(np.ones((2, 3, 4), "float32"))
    with pytest.raises(ValueError, match=r"at least 3 axes \(B, T, ...\), got shape \(4, 5\)"):
        DistinctSteps(Dense(2))(IDS[..., 0])
