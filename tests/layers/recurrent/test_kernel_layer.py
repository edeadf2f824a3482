"""The arguments of a recurrent layer and those of its cell."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from recurra import layers

NAMES = {"LSTM": "lstm_cell", "GRU": "gru_cell", "SimpleRNN": "simple_rnn_cell"}


def names(kind: Any) -> list[str]:
    return [p.name for p in inspect.signature(kind).parameters.values() if p.kind is not p.VAR_KEYWORD]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_the_signature_shows_the_cells_arguments_in_their_order(kind: str) -> None:
    layer, cell = names(getattr(layers, kind)), names(getattr(layers, f"{kind}Cell"))
    assert set(cell) <= set(layer)
    both = [name for name in layer if name in cell and name not in ("seed", "reset_after")]  # Keras has these elsewhere
    assert both == [name for name in cell if name not in ("seed", "reset_after")]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_the_layer_hands_them_on_and_shows_them(kind: str) -> None:
    cell = getattr(layers, f"{kind}Cell")
    given = {"units": 3, "activation": "relu", "use_bias": False, "dropout": 0.25, "seed": 7, "dtype": "float64"}
    layer = getattr(layers, kind)(**given, return_sequences=True, name="mine")
    assert type(layer.cell) is cell and layer.cell.name == NAMES[kind]
    for name in ("units", "use_bias", "dropout", "seed"):
        assert getattr(layer, name) == getattr(layer.cell, name) == given[name]
    assert layer.dtype == layer.cell.dtype == "float64" and layer.name == "mine" and layer.return_sequences
    with pytest.raises(AttributeError, match="no attribute 'surprise'"):
        layer.surprise  # noqa: B018


def test_a_subclass_with_a_cell_of_its_own() -> None:
    class Cell(layers.GRUCell):
        pass

    class Layer(layers.GRU):
        cell_class = Cell

    layer = Layer(4, reset_after=False)
    assert type(layer.cell) is Cell and layer.cell.name == "cell" and not layer.reset_after
