"""Dropout and noise: which masks, when, how often drawn, and by Keras's scheme in recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, ops, random
from recurra.autograd import Array

B, T, I, H = 40, 6, 30, 20
X = np.ones((B, T, I), "float32")
RECURRENT = [("LSTM", 4), ("GRU", 3), ("SimpleRNN", 1)]


def test_dropout_scales_what_it_keeps() -> None:
    layer = layers.Dropout(0.25, seed=1)
    assert layer(X) is X
    y = layer(X, training=True)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert (layer(X, training=True) != y).any(), "each call draws anew"
    np.testing.assert_array_equal(layers.Dropout(0.25, seed=1)(X, training=True), y)
    assert not layers.Dropout(1.0)(X, training=True).any()
    assert layers.Dropout(0.0)(X, training=True) is X


def test_a_row_does_not_depend_on_the_other_rows() -> None:
    whole = layers.Dropout(0.5, seed=3)(X, training=True)
    part = layers.Dropout(0.5, seed=3)(X[:7], training=True)
    np.testing.assert_array_equal(whole[:7], part)


def test_unseeded_layers_follow_the_global_seed() -> None:
    def run() -> Array:
        random.set_global_seed(11)
        first, second = layers.Dropout(0.5), layers.Dropout(0.5)
        return np.stack([first(X, training=True), second(X, training=True)])

    one, two = run(), run()
    np.testing.assert_array_equal(one, two)
    assert (one[0] != one[1]).any()


def test_noise_shape_and_spatial_dropout_share_along_time() -> None:
    for layer in (layers.Dropout(0.5, noise_shape=(None, 1, I)), layers.SpatialDropout1D(0.5)):
        y = layer(X, training=True)
        assert (y == y[:, :1]).all() and 0.3 < (y == 0).mean() < 0.7
        assert (y[0] != y[1]).any()
    with pytest.raises(ValueError, match="as many axes as the input, 3"):
        layers.Dropout(0.5, noise_shape=(1, I))(X, training=True)
    with pytest.raises(ValueError, match="does not broadcast"):
        layers.Dropout(0.5, noise_shape=(B, 2, I))(X, training=True)
    with pytest.raises(ValueError, match=r"rate must be a number in \[0, 1\], got 1.5"):
        layers.Dropout(1.5)


def test_spatial_dropout_of_images_and_volumes() -> None:
    images = np.ones((3, 4, 5, 30), "float32")
    y = layers.SpatialDropout2D(0.4)(images, training=True)
    assert (y == y[:, :1, :1]).all() and 0.2 < (y == 0).mean() < 0.6 and (y[0] != y[1]).any()
    turned = layers.SpatialDropout2D(0.4, data_format="channels_first")(images.transpose(0, 3, 1, 2), training=True)
    assert (turned == turned[:, :, :1, :1]).all() and (turned == 0).any() and set(np.unique(turned)) <= {0, np.max(y)}
    volumes = layers.SpatialDropout3D(0.4)(images[:, None], training=True)
    assert volumes.shape == (3, 1, 4, 5, 30) and (volumes == volumes[:, :, :1, :1]).all()
    with pytest.raises(ValueError, match="data_format must be None"):
        layers.SpatialDropout2D(0.4, data_format="NHWC")


def test_gaussian_layers() -> None:
    assert layers.GaussianNoise(0.5)(X) is X
    noise = layers.GaussianNoise(0.5)(X, training=True) - X
    assert noise.mean() == pytest.approx(0.0, abs=0.03) and noise.std() == pytest.approx(0.5, abs=0.03)
    factor = layers.GaussianDropout(0.2)(X, training=True)
    assert factor.mean() == pytest.approx(1.0, abs=0.03) and factor.std() == pytest.approx(0.5, abs=0.03)
    with pytest.raises(ValueError, match="below 1"):
        layers.GaussianDropout(1.0)
    with pytest.raises(ValueError, match="not negative"):
        layers.GaussianNoise(-1)


def spied(layer: Any, monkeypatch: pytest.MonkeyPatch, **call: Any) -> list[dict[str, Any]]:
    """The dropout masks that the kernel's operation is given in each of two calls in training."""
    seen: list[dict[str, Any]] = []
    real = ops.run_cell

    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs)
        return real(*args, **kwargs)

    monkeypatch.setattr(ops, "run_cell", spy)
    for _ in range(2):
        layer(X, **call)
    return seen


@pytest.mark.parametrize(("kind", "gates"), RECURRENT)
def test_input_dropout_is_one_mask_for_all_gates_and_steps(
    kind: str, gates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = getattr(layers, kind)(H, dropout=0.4, seed=2)
    one, two = (call["input_dropout"] for call in spied(layer, monkeypatch, training=True))
    assert one.shape == (B, I)
    assert (one == 0).mean() == pytest.approx(0.4, abs=0.05)
    assert (one != two).any(), "drawn anew for each call"
    first = getattr(layers, kind)(H, dropout=0.4, seed=2)
    np.testing.assert_array_equal(spied(first, monkeypatch, training=True)[0]["input_dropout"], one)


@pytest.mark.parametrize(("kind", "gates"), RECURRENT)
def test_recurrent_dropout_draws_for_each_gate(kind: str, gates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = getattr(layers, kind)(H, dropout=0.4, recurrent_dropout=0.3)
    call = spied(layer, monkeypatch, training=True)[0]
    lead = () if kind == "SimpleRNN" else (gates,)
    assert call["input_dropout"].shape == (*lead, B, I)
    assert call["recurrent_dropout"].shape == (*lead, B, H)
    assert (call["recurrent_dropout"] == 0).mean() == pytest.approx(0.3, abs=0.05)
    if lead:
        assert (call["input_dropout"][0] != call["input_dropout"][1]).any()
        assert (call["recurrent_dropout"][0] != call["recurrent_dropout"][1]).any()


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_implementation_1_draws_for_each_gate_too(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = getattr(layers, kind)(H, dropout=0.4, implementation=1)
    call = spied(layer, monkeypatch, training=True)[0]
    assert call["input_dropout"].shape == (dict(RECURRENT)[kind], B, I)
    assert call["recurrent_dropout"] is None


@pytest.mark.parametrize(("kind", "gates"), RECURRENT)
def test_no_masks_in_inference(kind: str, gates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = getattr(layers, kind)(H, dropout=0.4, recurrent_dropout=0.3)
    assert all(call.get("input_dropout") is None for call in spied(layer, monkeypatch))


def test_a_rate_of_one_drops_nothing_in_gated_layers_and_everything_in_simple_rnn() -> None:
    for kind in ("LSTM", "GRU"):
        layer = getattr(layers, kind)(H, dropout=1.0, recurrent_dropout=1.0)
        np.testing.assert_array_equal(layer(X, training=True), layer(X))
    layer = layers.SimpleRNN(H, dropout=1.0, recurrent_dropout=1.0)
    layer.build(X.shape)
    assert not layer(X, training=True).any()
    assert layers.LSTM(3, dropout=7.0, recurrent_dropout=-2.0).dropout == 1.0
    assert layers.LSTM(3, recurrent_dropout=-2.0).recurrent_dropout == 0.0


@pytest.mark.parametrize(("kind", "gates"), RECURRENT)
@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"dropout": 0.3, "recurrent_dropout": 0.4}])
@pytest.mark.parametrize("reset_after", [True, False])
def test_the_python_step_uses_the_same_masks(kind: str, gates: int, options: Any, reset_after: bool) -> None:
    """A callable of one's own sends the same equations, and the same masks, through the Python step."""
    own = {"activation": lambda x: ops.tanh(x), "seed": 9, **options}
    more = {"reset_after": reset_after} if kind == "GRU" else {}
    fast = getattr(layers, kind)(H, seed=9, return_sequences=True, **options, **more)
    slow = getattr(layers, kind)(H, return_sequences=True, **own, **more)
    fast.build(X.shape), slow.build(X.shape)
    slow.set_weights(fast.get_weights())
    assert not slow.cell.runs_in_kernel and fast.cell.runs_in_kernel
    np.testing.assert_allclose(slow(X, training=True), fast(X, training=True), rtol=1e-4, atol=1e-5)


def test_a_cell_called_by_itself_keeps_its_masks_until_reset() -> None:
    cell = layers.GRUCell(H, dropout=0.5, recurrent_dropout=0.5, seed=1)
    state = np.ones((B, H), "float32")
    first = cell(X[:, 0], state, training=True)[0]
    np.testing.assert_array_equal(cell(X[:, 0], state, training=True)[0], first)
    cell.reset_dropout_mask()
    cell.reset_recurrent_dropout_mask()
    assert (cell(X[:, 0], state, training=True)[0] != first).any()


def test_masks_of_an_own_cell_last_for_one_sequence() -> None:
    seen: list[Array] = []

    class Cell(layers.Layer, layers.DropoutRNNCell):
        state_size = I

        def __init__(self) -> None:
            super().__init__()
            self.dropout, self.recurrent_dropout = 0.5, 0.0
            self.seed_generator = random.SeedGenerator(1)

        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            mask = self.get_dropout_mask(inputs)
            assert mask is not None and self.get_recurrent_dropout_mask(states[0]) is None
            seen.append(mask)
            return inputs * mask, [states[0]]

    layer = layers.RNN(Cell())
    layer(X, training=True)
    layer(X, training=True)
    assert all(mask is seen[0] for mask in seen[:T]) and all(mask is seen[T] for mask in seen[T:])
    assert (seen[0] != seen[T]).any()


def test_stacked_cells_draw_masks_of_their_own() -> None:
    layer = layers.RNN([layers.LSTMCell(H, dropout=0.5), layers.GRUCell(H, recurrent_dropout=0.5)])
    assert (layer(X, training=True) != layer(X, training=True)).any()
    np.testing.assert_array_equal(layer(X), layer(X))


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = np.random.RandomState(3).standard_normal((400, 7, 30)).astype("float32")
    layer = layers.AlphaDropout(0.3, seed=4)
    assert layer(x) is x
    y = layer(x, training=True)
    assert y.dtype == np.float32 and y.shape == x.shape
    assert y.mean() == pytest.approx(0.0, abs=0.02) and y.std() == pytest.approx(1.0, abs=0.02)
    scale = (0.7 * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5
    shift = scale * 1.7580993408473766 * 0.3
    dropped = np.isclose(y, shift - scale * 1.7580993408473766, atol=1e-5)
    assert dropped.mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(y[~dropped], (scale * x + shift)[~dropped], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layers.AlphaDropout(0.3, seed=4)(x[:9], training=True), y[:9])
    steps = layers.AlphaDropout(0.5, noise_shape=(None, 1, 30))(np.zeros_like(x), training=True)
    assert (steps == steps[:, :1]).all() and len(np.unique(steps)) == 2
    with pytest.raises(ValueError, match="rate must be below 1 in AlphaDropout"):
        layers.AlphaDropout(1.0)
