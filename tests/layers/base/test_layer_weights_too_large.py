"""Weights that no memory can hold: the error names layer, weight, bytes and the argument that is too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import layers as L
from recurra.models import Sequential
from recurra.optimizers import Adam
from tests.support.limited import needs_limits, run_limited

HUGE = 10**12

LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...], str]] = {
    "dense": (lambda: L.Dense(HUGE), (3,), "units"),
    "einsum_dense": (lambda: L.EinsumDense("ab,bc->ac", (HUGE,)), (3,), "features"),
    "embedding": (lambda: L.Embedding(HUGE, 5), (4,), "input_dim"),
    "wide_embedding": (lambda: L.Embedding(7, HUGE), (4,), "output_dim"),
    "conv1d": (lambda: L.Conv1D(HUGE, 2), (5, 3), "filters"),
    "kernel_size": (lambda: L.Conv1D(2, HUGE, padding="same"), (5, 3), "smaller"),
    "separable": (lambda: L.SeparableConv1D(HUGE, 2), (5, 3), "filters"),
    "depthwise": (lambda: L.DepthwiseConv1D(2, depth_multiplier=HUGE), (5, 3), "depth_multiplier"),
    "attention": (lambda: L.MultiHeadAttention(2, HUGE), (5, 3), "smaller"),
    "conv_lstm": (lambda: L.ConvLSTM1D(HUGE, 2), (4, 5, 3), "filters"),
    "time_distributed": (lambda: L.TimeDistributed(L.Dense(HUGE)), (4, 3), "units"),
    "bidirectional": (lambda: L.Bidirectional(L.GRU(HUGE)), (4, 3), "units"),
    "stacked": (lambda: L.RNN([L.LSTMCell(HUGE), L.GRUCell(2)]), (4, 3), "units"),
}
RECURRENT = ["LSTM", "GRU", "SimpleRNN", "PeepholeLSTM", "CIFGLSTM", "IndRNN", "MinGRU", "MinLSTM", "LayerNormLSTM",
             "LayerNormGRU", "ProjectionLSTM"]  # fmt: skip
LAYERS.update({name: (lambda name=name: getattr(L, name)(HUGE), (4, 3), "units") for name in RECURRENT})


@pytest.mark.parametrize("name", LAYERS)
def test_the_error_says_what_asked_for_too_much(name: str) -> None:
    make, shape, argument = LAYERS[name]
    with pytest.raises(MemoryError) as said:
        layer = make()
        inputs = np.zeros((2, *shape), "int32" if "embedding" in name else "float32")
        layer(inputs, inputs) if name == "attention" else layer(inputs)
    text = str(said.value)
    assert " of '" in text and "an array of shape (" in text and "iB, more than" in text
    assert argument in text


def test_sizes_beyond_all_integers() -> None:
    for size in (2**62, 10**30):
        with pytest.raises(MemoryError, match=f"give a smaller units than {size}"):
            Sequential([L.Input((3, 2)), L.LSTM(size)])


@needs_limits
def test_what_the_system_refuses() -> None:
    said = run_limited(
        """
from recurra import layers as L
from recurra.models import Sequential
for make in (lambda: L.LSTM(20_000), lambda: L.Dense(10**8), lambda: L.Embedding(10**8, 3)):
    layer = make()
    try:
        layer.build((4, 3))
    except MemoryError as error:
        print(error)
"""
    ).splitlines()
    assert len(said) == 3
    assert said[0].startswith("recurrent_kernel of 'lstm_cell': an array of shape (20000, 80000) in float32 takes 6.0")
    assert all("which the system does not give: give a smaller" in line for line in said)


@needs_limits
def test_the_state_of_an_optimizer() -> None:
    said = run_limited(
        """
import numpy as np
from recurra import layers as L
from recurra.models import Sequential
model = Sequential([L.Input((4,)), L.Embedding(12_000_000, 3, "zeros")])
model.compile("adam", "mse")
try:
    model.optimizer.build(model.trainable_variables)
except MemoryError as error:
    print(error)
""",
        memory=400 << 20,
    )
    assert "momentum of 'embeddings': an array of shape (12000000, 3) in float32 takes 137.3 MiB" in said
    assert "train a smaller model, or with an optimizer that keeps less" in said


def test_an_optimizer_keeps_what_fits() -> None:
    variables = Sequential([L.Input((3,)), L.Dense(5)]).trainable_variables
    optimizer = Adam()
    optimizer.build(variables)
    assert [v.shape for v in optimizer.variables[2:]] == [(3, 5), (3, 5), (5,), (5,)]
