"""PyTorch state dicts as Keras models and back; files where PyTorch is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Sequential
from recurra.saving import load_model
from recurra.saving.conversion import convert, model_of_state_dict, state_dict_of_model
from tests.golden import GOLDEN

CASES = ["LSTM", "LSTM_deep", "GRU", "GRU_both", "SimpleRNN"]


def golden_state(case: str) -> tuple[dict[str, Any], Any, Any]:
    with np.load(GOLDEN / "pytorch_state_dicts.npz") as data:
        found = dict(data)
    start = f"{case}/state/"
    state = {key.removeprefix(start): value for key, value in found.items() if key.startswith(start)}
    return state, found[f"{case}/x"], found[f"{case}/y"]


@pytest.mark.parametrize("case", CASES)
def test_a_recurrent_module_alone(case: str) -> None:
    state, x, y = golden_state(case)
    model = model_of_state_dict(state)
    np.testing.assert_allclose(model(x), y, atol=1e-5)


def _chain() -> Sequential:
    model = Sequential(
        [
            layers.Input((None,)),
            layers.Embedding(11, 6, name="words"),
            layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="encoder"),
            layers.LayerNormalization(epsilon=1e-5, name="norm"),
            layers.GRU(4, use_bias=False, return_sequences=True, name="decoder"),
            layers.SimpleRNN(7, activation="relu", return_sequences=True, name="rnn"),
            layers.Dense(3, name="out"),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape).astype(np.float32) / 2 for weight in model.weights])
    return model


def test_a_chain_there_and_back() -> None:
    model = _chain()
    ids = np.random.default_rng(1).integers(0, 11, (3, 8))
    state = state_dict_of_model(model)
    assert list(state)[:2] == ["words.weight", "encoder.weight_ih_l0"] and "encoder.bias_hh_l0_reverse" in state
    other = model_of_state_dict(state, nonlinearity="relu")
    np.testing.assert_allclose(other(ids), model(ids), atol=1e-5)
    last = model_of_state_dict({k: v for k, v in state.items() if k.startswith(("words", "encoder"))}, last_state=True)
    assert np.asarray(last(ids)).shape == (3, 10)


def test_keras_to_keras(tmp_path: Path) -> None:
    model = _chain()
    model.save(tmp_path / "a.keras")
    convert(tmp_path / "a.keras", tmp_path / "b.h5")
    ids = np.random.default_rng(1).integers(0, 11, (3, 8))
    np.testing.assert_allclose(load_model(tmp_path / "b.h5")(ids), model(ids), atol=1e-6)


def test_pytorch_files(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Tagger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(11, 6)
            self.lstm = torch.nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
            self.out = torch.nn.Linear(10, 3)

        def forward(self, ids: Any) -> Any:
            return self.out(self.lstm(self.embedding(ids))[0])

    tagger = Tagger()
    torch.save(tagger.state_dict(), tmp_path / "tagger.pt")
    ids = torch.randint(0, 11, (3, 8))
    model = convert(tmp_path / "tagger.pt", tmp_path / "tagger.keras")
    with torch.no_grad():
        np.testing.assert_allclose(load_model(tmp_path / "tagger.keras")(ids.numpy()), tagger(ids).numpy(), atol=1e-5)
    convert(tmp_path / "tagger.keras", tmp_path / "back.pt")
    convert(tmp_path / "back.pt", tmp_path / "back.h5")
    np.testing.assert_allclose(load_model(tmp_path / "back.h5")(ids.numpy()), model(ids.numpy()), atol=1e-6)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({}, "must hold an LSTM, GRU or RNN"),
        ({"a.weight": np.zeros((3, 2))}, "must hold an LSTM, GRU or RNN"),
        (
            {"weight_ih_l0": np.zeros((9, 2)), "weight_hh_l0": np.zeros((9, 4))},
            r"3\*H or H rows for H = 4, got 9",
        ),
        ({"weight_ih_l0": np.zeros((8, 2)), "weight_hh_l0": np.zeros((12, 4))}, "of as many rows"),
        (
            {"a.weight_ih_l0": np.zeros((4, 2)), "a.weight_hh_l0": np.zeros((4, 4)), "b.weight": np.zeros((3, 5))},
            "b. takes 5 features, the one before gives 4",
        ),
        (
            {"a.weight_ih_l0": np.zeros((4, 2)), "a.weight_hh_l0": np.zeros((4, 4)), "c.weight": np.zeros((3, 4, 2))},
            r"must be Embedding, .* got c.weight \(3, 4, 2\)",
        ),
    ],
)
def test_what_has_no_counterpart(state: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        model_of_state_dict(state)


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"source must end in one of \.pt, \.pth, \.keras, .*got a\.onnx"):
        convert("a.onnx", "b.keras")
    with pytest.raises(ValueError, match="target must end in"):
        convert("a.pt", "b")
    with pytest.raises(ValueError, match="nonlinearity must be"):
        model_of_state_dict({}, nonlinearity="sigmoid")
    model = Sequential([layers.Input((None, 3)), layers.IndRNN(4)])
    with pytest.raises(ValueError, match="has no counterpart in PyTorch"):
        state_dict_of_model(model)
    assert not list(tmp_path.iterdir())
