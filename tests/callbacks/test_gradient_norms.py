"""Gradient norms by step: the layer's own gradients, vanishing where they should, drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.callbacks import History, gradient_norms, plot_gradient_norms
from recurra.layers import GRU, LSTM, Dense, SimpleRNN
from recurra.models import Sequential


def test_norms_of_a_linear_recurrence() -> None:
    """h_t = x_t + 0.5 h_{t-1}: a step n before the last counts 0.5**n times the direction, whose norm is 1."""
    layer = SimpleRNN(3, activation="linear", return_sequences=True)
    layer.build((None, None, 3))
    layer.set_weights([np.eye(3), 0.5 * np.eye(3), np.zeros(3)])
    norms = gradient_norms(layer, np.ones((2, 6, 3), "float32"))
    np.testing.assert_allclose(norms, np.tile(0.5 ** np.arange(5, -1, -1), (2, 1)), rtol=1e-5)


def test_a_simple_rnn_forgets_before_an_lstm(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 80, 5)).astype("float32")
    fall = {}
    for kind in (SimpleRNN, LSTM):
        norms = gradient_norms(kind(32, recurrent_initializer="orthogonal", kernel_initializer="glorot_uniform"), x)
        fall[kind] = np.log(norms[:, -1] / norms[:, 0]).mean()
    assert fall[SimpleRNN] > fall[LSTM] + 1


def test_models_and_refusals(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 7, 5))
    assert gradient_norms(Sequential([GRU(6), Dense(2)]), x.astype("float32"), seed=4).shape == (3, 7)
    with pytest.raises(ValueError, match=r"x must be floats of shape \(B, T, I\), got shape \(3, 7\) of int64"):
        gradient_norms(GRU(4), np.ones((3, 7), np.int64))
    with pytest.raises(ValueError, match="norms must hold at least one name"):
        plot_gradient_norms({})


def test_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    canvas = plot_gradient_norms({"a": np.ones((2, 5)), "b": np.zeros((3, 4))}, str(tmp_path / "norms.png"))
    assert [line.get_label() for line in canvas.axes[0].get_lines()] == ["a", "b"]
    assert (tmp_path / "norms.png").stat().st_size > 1000
    with pytest.raises(ValueError, match=r"norms\['a'\] must have shape \(B, T\)"):
        plot_gradient_norms({"a": np.ones(5)})


def test_epochs_are_whole_numbers_on_a_plot() -> None:
    pytest.importorskip("matplotlib")
    history = History()
    history.on_train_begin()
    for epoch in range(3):
        history.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
    canvas = history.plot()
    assert all(float(tick).is_integer() for tick in canvas.axes[0].get_xticks())
