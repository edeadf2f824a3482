"""Fourier transforms: values against numpy's, gradients, and signals that come back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Input, Model, gradcheck, ops


def _parts(value: Any) -> Any:
    return np.stack([value.real, value.imag])


@pytest.mark.parametrize("name", ["fft", "fft2", "ifft2"])
def test_complex_transforms(rng: np.random.Generator, name: str) -> None:
    a, b = rng.normal(size=(2, 3, 4, 5))
    np.testing.assert_allclose(np.stack(getattr(ops, name)((a, b))), _parts(getattr(np.fft, name)(a + 1j * b)))
    gradcheck(lambda x, y: ops.stack(getattr(ops, name)((x, y))), [a, b])
    assert getattr(ops, name)([a.astype("f"), b.astype("f")])[1].dtype == np.float32


@pytest.mark.parametrize("length", [None, 4, 7, 8, 12])
@pytest.mark.parametrize("size", [7, 8])
def test_real_transforms(rng: np.random.Generator, size: int, length: int | None) -> None:
    x, y = rng.normal(size=(2, 3, size))
    np.testing.assert_allclose(np.stack(ops.rfft(x, length)), _parts(np.fft.rfft(x, length)), atol=1e-14)
    np.testing.assert_allclose(ops.irfft((x, y), length), np.fft.irfft(x + 1j * y, length), atol=1e-14)
    gradcheck(lambda v: ops.stack(ops.rfft(v, length)), [x])
    gradcheck(lambda v, w: ops.irfft((v, w), length), [x, y])


@pytest.mark.parametrize("window", ["hann", "hamming", None, "numbers"])
@pytest.mark.parametrize("center", [True, False])
def test_frames_of_signals(rng: np.random.Generator, window: Any, center: bool) -> None:
    x = rng.normal(size=(2, 45))
    used = np.linspace(0.5, 1.5, 12) if window == "numbers" else window
    real, imag = ops.stft(x, 12, 5, 16, window=used, center=center)
    weights = {
        "hann": 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(12) / 12),
        "hamming": 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(12) / 12),
        "numbers": used,
    }.get(str(window), np.ones(12))
    padded = np.pad(x, [(0, 0), (8, 8)], mode="reflect") if center else x
    frames = np.stack([padded[:, k : k + 16] for k in range(0, padded.shape[1] - 15, 5)], 1)
    wanted = np.fft.rfft(frames * np.pad(weights, 2), 16)
    np.testing.assert_allclose(real + 1j * imag, wanted, atol=1e-12)
    back = ops.istft((real, imag), 12, 5, 16, window=used, center=center)
    np.testing.assert_allclose(back[:, 8:30], x[:, 8:30], atol=1e-10)
    assert ops.istft((real, imag), 12, 5, 16, 33, used, center).shape == (2, 33)
    gradcheck(lambda v: ops.stack(ops.stft(v, 12, 5, 16, window=used, center=center)), [x])
    gradcheck(lambda v, w: ops.istft((v, w), 12, 5, 16, window=used, center=center), [real, imag])


def test_pieces(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 11))
    np.testing.assert_array_equal(ops.extract_sequences(x, 4, 3), np.stack([x[:, k : k + 4] for k in (0, 3, 6)], 1))
    assert ops.extract_sequences(x, 12, 3).shape == (2, 0, 12)
    gradcheck(lambda v: ops.extract_sequences(v, 4, 3), [x])


def test_complex_arrays() -> None:
    x = np.array([1.0 + 2.0j, -3.0j])
    np.testing.assert_array_equal(ops.real(x), [1, 0])
    np.testing.assert_array_equal(ops.imag(x), [2, -3])
    np.testing.assert_array_equal(ops.conj(x), [1 - 2j, 3j])
    np.testing.assert_allclose(ops.angle(x), np.angle(x))
    np.testing.assert_allclose(ops.angle([1.0, -1.0]), [0, np.pi], rtol=1e-6)
    assert ops.conjugate is ops.conj


def test_in_a_functional_model(rng: np.random.Generator) -> None:
    x = Input((40,))
    real, imag = ops.stft(x, 8, 4, 8)
    assert real.shape == (None, 11, 5)
    assert ops.stft(Input((None,)), 8, 4, 8)[0].shape == (None, None, 5)
    data = rng.normal(size=(3, 40)).astype("f")
    wanted = np.hypot(*ops.stft(data, 8, 4, 8))
    np.testing.assert_allclose(Model(x, ops.hypot(real, imag))(data), wanted, rtol=1e-5)


def test_what_is_refused() -> None:
    x = np.ones((2, 9))
    with pytest.raises(ValueError, match=r"must be a pair \(real part, imaginary part\), got ndarray"):
        ops.fft(x)
    with pytest.raises(ValueError, match="both parts must have the same shape"):
        ops.irfft((x, x[0]))
    with pytest.raises(ValueError, match="window must be one of"):
        ops.stft(x, 4, 2, 4, "round")
    with pytest.raises(ValueError, match=r"window must have shape \(sequence_length,\) = \(4,\), got \(3,\)"):
        ops.stft(x, 4, 2, 4, np.ones(3))
    with pytest.raises(ValueError, match="must not be above fft_length = 4"):
        ops.stft(x, 5, 2, 4)
    with pytest.raises(ValueError, match="x must have more, got 9"):
        ops.stft(x, 20, 2, 20)
    with pytest.raises(ValueError, match="must be at least 1"):
        ops.extract_sequences(x, 4, 0)
