"""``tf.signal``: frames, windows, Fourier transforms, spectrograms and mel scales of sound, in numpy; no gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.operands import constant_of
from recurra.compat.tf.tensors import array_of, present
from recurra.layers.spectrograms import mel_weights

__all__ = [
    "dct", "fft", "frame", "hamming_window", "hann_window", "ifft", "inverse_stft", "inverse_stft_window_fn", "irfft",
    "linear_to_mel_weight_matrix", "mfccs_from_log_mel_spectrograms", "overlap_and_add", "rfft", "stft",
]  # fmt: skip


def _number(value: Any) -> int:
    return int(array_of(value))


def _length(value: Any) -> int | None:
    """``fft_length``: a number, a tensor or a list of one."""
    return None if value is None else int(np.ravel(array_of(value))[0])


def _window(window_length: Any, periodic: bool, dtype: Any, a: float) -> Any:
    length = _number(window_length)
    if length == 1:
        return present(np.ones(1, np.dtype(as_dtype(dtype))))
    whole = length + (1 if periodic and length % 2 == 0 else 0) - 1  # TensorFlow's: an odd window is symmetric always
    made = a - (1 - a) * np.cos(2 * np.pi * np.arange(length) / max(whole, 1))
    return present(made.astype(np.dtype(as_dtype(dtype))))


def hann_window(window_length: Any, periodic: bool = True, dtype: Any = np.float32, name: str | None = None) -> Any:
    """A raised cosine that begins at 0."""
    return _window(window_length, periodic, dtype, 0.5)


def hamming_window(window_length: Any, periodic: bool = True, dtype: Any = np.float32, name: str | None = None) -> Any:
    """A raised cosine that begins at 0.08."""
    return _window(window_length, periodic, dtype, 0.54)


def frame(
    signal: Any,
    frame_length: Any,
    frame_step: Any,
    pad_end: bool = False,
    pad_value: Any = 0,
    axis: int = -1,
    name: str | None = None,
) -> Any:
    """Pieces of `frame_length` that begin `frame_step` apart, along a new axis before the one that is cut.

    pad_end : the last pieces are filled with `pad_value`, else what is left is dropped
    """
    return present(_frames(constant_of(signal, "signal.frame"), frame_length, frame_step, pad_end, pad_value, axis))


def _frames(
    signal: Any, frame_length: Any, frame_step: Any, pad_end: bool = False, pad_value: Any = 0, axis: int = -1
) -> Any:
    size, step = _number(frame_length), _number(frame_step)
    if size < 1 or step < 1:
        raise ValueError(f"frame_length and frame_step must be at least 1, got {size} and {step}")
    moved = np.moveaxis(signal, axis, -1)
    count = moved.shape[-1]
    pieces = -(-count // step) if pad_end else max(1 + (count - size) // step, 0)
    missing = (pieces - 1) * step + size - count
    if pad_end and missing > 0:
        filling = np.full((*moved.shape[:-1], missing), array_of(pad_value), moved.dtype)
        moved = np.concatenate([moved, filling], axis=-1)
    places = np.arange(pieces)[:, None] * step + np.arange(size)
    place = axis % signal.ndim
    return np.moveaxis(moved[..., places], (-2, -1), (place, place + 1))


def _complex(array: Any) -> Any:
    return np.complex128 if array.dtype in (np.float64, np.complex128) else np.complex64


def rfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """The Fourier transform of real values along the last axis, for the frequencies that are not negative."""
    array = constant_of(input_tensor, "signal.rfft")
    return present(np.fft.rfft(array, _length(fft_length)).astype(_complex(array)))


def irfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """The real values whose :func:`rfft` this is."""
    array = constant_of(input_tensor, "signal.irfft")
    return present(np.fft.irfft(array, _length(fft_length)).astype(array.real.dtype))


def fft(input: Any, name: str | None = None) -> Any:
    """The Fourier transform of complex values along the last axis."""
    array = constant_of(input, "signal.fft")
    return present(np.fft.fft(array).astype(_complex(array)))


def ifft(input: Any, name: str | None = None) -> Any:
    """The complex values whose :func:`fft` this is."""
    array = constant_of(input, "signal.ifft")
    return present(np.fft.ifft(array).astype(_complex(array)))


def _enclosing_power(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _weights(window_fn: Callable[..., Any] | None, size: int, dtype: Any) -> Any:
    """The window's values; 1 without one."""
    return 1 if window_fn is None else array_of(window_fn(size, dtype=as_dtype(dtype)))


def stft(
    signals: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Callable[..., Any] | None = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Any:
    """The Fourier transforms of the frames of signals (..., samples): (..., frames, fft_length // 2 + 1), complex.

    fft_length : the smallest power of two that holds a frame, unless given
    """
    array = constant_of(signals, "signal.stft")
    size = _number(frame_length)
    length = _length(fft_length) or _enclosing_power(size)
    framed = _frames(array, size, frame_step, pad_end) * _weights(window_fn, size, array.dtype)
    return present(np.fft.rfft(framed, length).astype(_complex(array)))


def overlap_and_add(signal: Any, frame_step: Any, name: str | None = None) -> Any:
    """The sum of frames (..., frames, length) that begin `frame_step` apart."""
    return present(_added(constant_of(signal, "signal.overlap_and_add"), _number(frame_step)))


def _added(frames: Any, step: int) -> Any:
    pieces, size = frames.shape[-2:]
    made = np.zeros((*frames.shape[:-2], (pieces - 1) * step + size if pieces else 0), frames.dtype)
    for piece in range(pieces):
        made[..., piece * step : piece * step + size] += frames[..., piece, :]
    return made


def inverse_stft(
    stfts: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Callable[..., Any] | None = hann_window,
    name: str | None = None,
) -> Any:
    """The signal of transformed frames, each times a window; :func:`inverse_stft_window_fn` is the one that undoes."""
    array = constant_of(stfts, "signal.inverse_stft")
    size = _number(frame_length)
    length = _length(fft_length) or _enclosing_power(size)
    frames = np.fft.irfft(array, length)[..., :size].astype(array.real.dtype)
    if length < size:
        frames = np.concatenate([frames, np.zeros((*frames.shape[:-1], size - length), frames.dtype)], axis=-1)
    return present(_added(frames * _weights(window_fn, size, frames.dtype), _number(frame_step)))


def inverse_stft_window_fn(
    frame_step: Any, forward_window_fn: Callable[..., Any] = hann_window, name: str | None = None
) -> Callable[..., Any]:
    """The window for :func:`inverse_stft` with which the windows of all frames add up to one."""

    def inverse(frame_length: Any, dtype: Any = np.float32) -> Any:
        size, step = _number(frame_length), _number(frame_step)
        window = array_of(forward_window_fn(size, dtype=as_dtype(dtype)))
        overlaps = -(-size // step)
        squares = np.pad(np.square(window), (0, overlaps * step - size)).reshape(overlaps, step)
        total = np.tile(squares.sum(0), overlaps)[:size]
        return present((window / total).astype(window.dtype))

    return inverse


def dct(
    input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: str | None = None, name: str | None = None
) -> Any:
    """The discrete cosine transform of the second kind, along the last axis.

    n : so many values are taken, zeros where there are fewer
    norm : None, or "ortho"
    """
    if type != 2 or axis != -1 or norm not in (None, "ortho"):
        raise ValueError(
            f"dct: only type 2 along the last axis is here, norm None or 'ortho', got {type}, {axis}, {norm}"
        )
    array = constant_of(input, "signal.dct")
    if n is not None:
        count = _number(n)
        room = max(count - array.shape[-1], 0)
        array = np.pad(array[..., :count], [(0, 0)] * (array.ndim - 1) + [(0, room)])
    size = array.shape[-1]
    waves = 2 * np.cos(np.pi / size * (np.arange(size)[:, None] + 0.5) * np.arange(size))
    if norm == "ortho":
        waves *= np.where(np.arange(size) == 0, np.sqrt(0.25 / size), np.sqrt(0.5 / size))
    return present((array @ waves).astype(array.dtype))


def linear_to_mel_weight_matrix(
    num_mel_bins: Any = 20,
    num_spectrogram_bins: Any = 129,
    sample_rate: Any = 8000,
    lower_edge_hertz: Any = 125.0,
    upper_edge_hertz: Any = 3800.0,
    dtype: Any = np.float32,
    name: str | None = None,
) -> Any:
    """(spectrogram bins, mel bins): triangles, equally wide on the mel scale, by which a spectrogram is multiplied."""
    bins, spectrum = _number(num_mel_bins), _number(num_spectrogram_bins)
    rate, low, high = (float(array_of(one)) for one in (sample_rate, lower_edge_hertz, upper_edge_hertz))
    if bins < 1 or not 0.0 <= low < high <= rate / 2:
        raise ValueError(
            "linear_to_mel_weight_matrix: num_mel_bins must be at least 1, and 0 <= lower_edge_hertz < "
            f"upper_edge_hertz <= sample_rate / 2, got {bins}, {low}, {high}, {rate}"
        )
    return present(mel_weights(bins, spectrum, rate, low, high).astype(np.dtype(as_dtype(dtype))))


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any, name: str | None = None) -> Any:
    """Cepstral coefficients of log mel spectrograms (..., frames, mel bins)."""
    array = constant_of(log_mel_spectrograms, "signal.mfccs_from_log_mel_spectrograms")
    return present((array_of(dct(array)) / np.sqrt(2.0 * array.shape[-1])).astype(array.dtype))
