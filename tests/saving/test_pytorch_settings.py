"""Layers whose settings no module of PyTorch has are refused, in both directions, before anything changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Sequential
from recurra.saving import pytorch
from recurra.saving.conversion import state_dict_of_model

REFUSED = [
    (layers.LSTM, {"activation": "relu"}, "activation must be 'tanh', as PyTorch's nn.LSTM has it, got 'relu'"),
    (layers.LSTM, {"activation": None}, "activation must be 'tanh'.* got 'linear'"),
    (layers.LSTM, {"recurrent_activation": "hard_sigmoid"}, "recurrent_activation must be 'sigmoid'.*'hard_sigmoid'"),
    (layers.LSTM, {"zoneout_c": 0.2}, "zoneout_c must be 0.0, .* got 0.2"),
    (layers.GRU, {"reset_after": False, "use_bias": False}, "reset_after must be True, as PyTorch's nn.GRU has it"),
    (layers.GRU, {"activation": np.sin}, "activation must be 'tanh'"),
    (layers.SimpleRNN, {"activation": "sigmoid"}, "must be 'tanh' or 'relu', as PyTorch's nn.RNN .* got 'sigmoid'"),
]


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("make", "options", "text"), REFUSED)
def test_refused_both_ways(make: Any, options: dict[str, Any], text: str, both: bool) -> None:
    layer, plain = (
        make(4, return_sequences=True, **given) for given in (options, {"use_bias": "use_bias" not in options})
    )
    if both:
        layer, plain = layers.Bidirectional(layer), layers.Bidirectional(plain)
    for one in (layer, plain):
        one.build((None, None, 3))
    state = pytorch.to_state_dict(plain)
    before = layer.get_weights()
    with pytest.raises(ValueError, match=text):
        pytorch.from_state_dict(layer, state)
    with pytest.raises(ValueError, match=text):
        pytorch.to_state_dict(layer)
    with pytest.raises(ValueError, match=f"{layer.name} has no counterpart in PyTorch: .*{text}"):
        state_dict_of_model(Sequential([layers.Input((None, 3)), layer]))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_is_taken() -> None:
    for layer in (
        layers.SimpleRNN(4, activation="relu"),
        layers.LSTM(4, activation=np.tanh.__name__, dropout=0.3, recurrent_dropout=0.2, stateful=True),
        layers.LSTM(4, go_backwards=True),  # the same weights read another order
    ):
        layer.build((2, None, 3))
        pytorch.from_state_dict(layer, pytorch.to_state_dict(layer))


def test_a_model_that_reads_backwards_is_not_converted() -> None:
    model = Sequential([layers.Input((None, 3)), layers.LSTM(4, go_backwards=True, name="last")])
    with pytest.raises(ValueError, match=r"last reads backwards \(go_backwards=True\)"):
        state_dict_of_model(model)
