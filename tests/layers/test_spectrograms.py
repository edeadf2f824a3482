"""Spectrograms: Keras's numbers (3.15 with TensorFlow 2.21), shapes, files and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers, ops
from recurra.models import Model, Sequential, load_model

TIMES = np.arange(70.0)
SOUND = np.stack([np.sin(TIMES**1.3) + 0.3, np.cos(0.4 * TIMES) * TIMES / 70]).astype("float32")
STEREO = np.stack([SOUND, SOUND[::-1, ::-1]], axis=-1)

MEL: dict[str, dict[str, Any]] = {
    "plain": {"fft_length": 32, "sequence_stride": 10, "num_mel_bins": 5},
    "short windows": {
        "fft_length": 32, "sequence_stride": 8, "sequence_length": 20, "window": "hamming", "sampling_rate": 8000,
        "num_mel_bins": 4, "min_freq": 100.0, "max_freq": 3000.0,
    },
    "magnitudes": {
        "fft_length": 16, "sequence_stride": 9, "num_mel_bins": 3, "power_to_db": False, "mag_exp": 1.0, "window": None,
    },
    "decibels": {
        "fft_length": 16, "sequence_stride": 9, "num_mel_bins": 3, "mag_exp": 3.0, "top_db": 10.0, "ref_power": 0.5,
        "min_power": 0.1,
    },
    "window": {"fft_length": 16, "sequence_stride": 9, "num_mel_bins": 3, "window": np.linspace(0.1, 1, 16).tolist()},
}  # fmt: skip
MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
STFT: dict[str, dict[str, Any]] = {
    "plain": {"frame_length": 20},
    "picture": {
        "frame_length": 12, "expand_dims": True, "padding": "same", "scaling": "spectrum", "window": "hamming",
    },
    "periodic": {"frame_length": 20, "periodic": True, "fft_length": 64, "frame_step": 5},
    "channels first": {"frame_length": 16, "data_format": "channels_first", "scaling": None, "window": "blackman"},
    "picture, channels first": {
        "frame_length": 16, "data_format": "channels_first", "expand_dims": True, "window": None,
    },
    "odd": {"frame_length": 20, "fft_length": 33, "window": "boxcar"},
    "window": {"frame_length": 20, "window": np.linspace(0.1, 1, 20).tolist(), "frame_step": 7},
}  # fmt: skip
# sums of what Keras gives times cos(0), cos(1), ...; of angles their cosines
SUMS = {
    "mel, plain, rows": -10.14643, "mel, plain, one": -24.00529, "mel, short windows, rows": -12.24823,
    "mel, short windows, one": 11.24738, "mel, magnitudes, rows": -15.6198, "mel, magnitudes, one": -17.7526,
    "mel, decibels, rows": -4.165561, "mel, decibels, one": -22.28939, "mel, window, rows": -28.24608,
    "mel, window, one": -20.46146, "log, plain": 1.903493, "magnitude, plain": 3.696538, "psd, plain": 14.75337,
    "real, plain": -5.476892, "imag, plain": -10.69664, "angle, plain": -5.788195, "stft, plain": -0.6339272,
    "log, picture": 1.541937, "magnitude, picture": 1.460061, "psd, picture": 1.844254, "real, picture": 4.412345,
    "imag, picture": -2.514987, "angle, picture": -0.5126983, "stft, picture": 0.9402052, "log, periodic": -1.686194,
    "magnitude, periodic": 6.52614, "psd, periodic": 27.99982, "real, periodic": -20.39138,
    "imag, periodic": -22.87462, "angle, periodic": -8.363873, "stft, periodic": 87.56991,
    "log, channels first": -5.43217, "magnitude, channels first": -0.9886108, "psd, channels first": -20.10289,
    "real, channels first": 2.135221, "imag, channels first": 1.275196, "angle, channels first": 2.457538,
    "stft, channels first": 2.766919, "log, picture, channels first": -9.736035,
    "magnitude, picture, channels first": 0.4698703, "psd, picture, channels first": 27.29362,
    "real, picture, channels first": -18.81947, "imag, picture, channels first": -11.82437,
    "angle, picture, channels first": -13.92052, "stft, picture, channels first": -14.91501, "log, odd": -0.405494,
    "magnitude, odd": 1.865066, "psd, odd": 2.910437, "real, odd": -3.852619, "imag, odd": -8.567761,
    "angle, odd": 6.255862, "stft, odd": -0.7658869, "log, window": 3.330459, "magnitude, window": -0.723822,
    "psd, window": -11.21172, "real, window": 8.243002, "imag, window": 1.997858, "angle, window": 10.05321,
    "stft, window": 2.16409,
}  # fmt: skip


def sum_of(mode: str, y: Any) -> float:
    flat = np.ravel(np.cos(y) if mode == "angle" else y).astype("float64")
    return float(flat @ np.cos(np.arange(len(flat))))


@pytest.mark.parametrize("case", MEL)
def test_mel_is_keras(case: str) -> None:
    layer = layers.MelSpectrogram(**MEL[case])
    for name, x in (("rows", SOUND), ("one", SOUND[0])):
        y = layer(x)
        assert y.dtype == np.float32 and y.shape == layer.compute_output_shape(x.shape)
        assert sum_of("", y) == pytest.approx(SUMS[f"mel, {case}, {name}"], rel=2e-5, abs=1e-3)
    again = layers.MelSpectrogram.from_config(layer.get_config())
    np.testing.assert_array_equal(again(SOUND), layer(SOUND))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", STFT)
def test_stft_is_keras(case: str, mode: str) -> None:
    layer = layers.STFTSpectrogram(mode, **STFT[case])
    x = np.moveaxis(STEREO, -1, 1) if "first" in case else STEREO
    y = layer(x)
    assert y.shape == layer.compute_output_shape(x.shape)
    near = 1e-2 if mode in ("log", "angle") else 1e-3  # of amplitudes near 0, by Keras's kernels in float32
    assert sum_of(mode, y) == pytest.approx(SUMS[f"{mode}, {case}"], rel=2e-5, abs=near)
    assert [one.name for one in layer.weights] == [
        f"{part}_kernel" for part in ("real", "imag") if mode not in ("real", "imag") or mode == part
    ]
    again = layers.STFTSpectrogram.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), y)


def test_in_a_model_and_its_file(tmp_path: Path) -> None:
    model = Sequential(
        [
            layers.Input((70, 2)),
            layers.STFTSpectrogram(frame_length=16, window=np.linspace(0.1, 1, 16), trainable=False),
            layers.LSTM(3),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    kernels = [weight.copy() for weight in model.layers[0].get_weights()]
    model.fit(STEREO, np.ones((2, 2), "float32"), epochs=2, verbose=0)
    for one, before in zip(model.layers[0].get_weights(), kernels, strict=True):
        np.testing.assert_array_equal(one, before)
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(STEREO, verbose=0), model.predict(STEREO, verbose=0))


def test_kernels_are_trained_unless_asked_otherwise() -> None:
    layer = layers.STFTSpectrogram("magnitude", 8)
    layer(STEREO)
    assert len(layer.trainable_variables) == 2 and layer.real_kernel.shape == (8, 1, 5)


@pytest.mark.parametrize("length", [70, None])
def test_mel_in_a_graph(length: int | None) -> None:
    x = layers.Input((length,))
    h = layers.MelSpectrogram(fft_length=16, sequence_stride=9, num_mel_bins=3)(x)
    assert h.shape == (None, 3, None if length is None else 8)
    model = Model(x, ops.max(h, axis=-1))
    np.testing.assert_allclose(
        model.predict(SOUND, verbose=0), layers.MelSpectrogram(16, 9, num_mel_bins=3)(SOUND).max(-1), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layers.MelSpectrogram(64, sequence_length=65), "sequence_length must not be above fft_length = 64"),
        (lambda: layers.MelSpectrogram(window="kaiser"), "window must be one of 'hann', 'hamming', None, got 'kaiser'"),
        (lambda: layers.MelSpectrogram(min_freq=9000), r"min_freq must be in \[0, max_freq = 8000\), got 9000"),
        (lambda: layers.MelSpectrogram(0), "fft_length must be a positive integer"),
        (lambda: layers.MelSpectrogram(256)(SOUND), "reflects fft_length // 2 = 128 samples: x must have more, got 70"),
        (lambda: layers.STFTSpectrogram("power"), "mode must be one of 'log', 'magnitude', 'psd', .* got 'power'"),
        (lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), "frame_step must not be above frame_length = 8"),
        (lambda: layers.STFTSpectrogram(frame_length=8, fft_length=4), "fft_length must be at least frame_length = 8"),
        (lambda: layers.STFTSpectrogram(window="kaiser"), "window must be one of 'hann', 'hamming', 'blackman', "),
        (lambda: layers.STFTSpectrogram(frame_length=8, window=[1.0])(STEREO), r"shape \(frame_length,\) = \(8,\)"),
        (lambda: layers.STFTSpectrogram()(SOUND), "3"),
        (lambda: layers.STFTSpectrogram(scaling="power"), "scaling must be one of 'density', 'spectrum', None"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        make()
