"""Fourier transforms of arrays, and of the frames of signals; complex numbers are pairs (real, imaginary part).

All of them are linear, and have gradients. ``real``, ``imag``, ``conj`` and ``angle`` take complex arrays of numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, record
from recurra.ops import math as M
from recurra.ops import shaping as S
from recurra.ops.common import array_of, constant_of, floats_of
from recurra.ops.dispatch import operation
from recurra.typing import ArrayLike

WINDOWS = ("hann", "hamming")


def _pair(x: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"{name}: x must be a pair (real part, imaginary part), got {type(x).__name__}")
    shapes = [floats_of(one).shape for one in x]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{name}: both parts must have the same shape, got {shapes[0]} and {shapes[1]}")
    return x[0], x[1]


def _complex(x: tuple[Any, Any]) -> Array:
    made: Array = floats_of(x[0]) + 1j * floats_of(x[1])
    return made


def _parts(value: Array, dtype: Any) -> tuple[Array, Array]:
    return np.ascontiguousarray(value.real, dtype), np.ascontiguousarray(value.imag, dtype)


def _gradient(d_real: Array | None, d_imag: Array | None) -> Any:
    """Of both parts of an output, as one complex array."""
    return (0 if d_real is None else d_real) + 1j * (0 if d_imag is None else d_imag)


def _transform(x: Any, name: str, forward: Any, adjoint: Any) -> Any:
    pair = _pair(x, name)
    dtype = floats_of(pair[0]).dtype

    def backward(d_real: Array | None, d_imag: Array | None) -> tuple[Array, Array]:
        return _parts(adjoint(_gradient(d_real, d_imag)), dtype)

    return record(_parts(forward(_complex(pair)), dtype), pair, backward)


@operation
def fft(x: Any) -> Any:
    """The Fourier transform along the last axis, of a pair and as a pair."""
    return _transform(x, "fft", np.fft.fft, lambda d: np.fft.ifft(d, norm="forward"))


@operation
def fft2(x: Any) -> Any:
    """The Fourier transform along the last two axes, of a pair and as a pair."""
    return _transform(x, "fft2", np.fft.fft2, lambda d: np.fft.ifft2(d, norm="forward"))


@operation
def ifft2(x: Any) -> Any:
    """The pair whose :func:`fft2` is the pair `x`."""
    return _transform(x, "ifft2", np.fft.ifft2, lambda d: np.fft.fft2(d, norm="forward"))


@operation
def rfft(x: ArrayLike, fft_length: int | None = None) -> Any:
    """The Fourier transform of real numbers along the last axis, for the frequencies that are not negative, as a pair.

    fft_length : so many numbers are taken, zeros where there are fewer
    """
    v = floats_of(x)
    size = v.shape[-1]
    length = size if fft_length is None else int(fft_length)

    def backward(d_real: Array | None, d_imag: Array | None) -> tuple[Array]:
        d = np.asarray(_gradient(d_real, d_imag))
        whole = np.zeros((*d.shape[:-1], length), d.dtype)
        whole[..., : d.shape[-1]] = d
        dx = np.fft.ifft(whole, norm="forward").real[..., :size]
        return (np.pad(dx, [(0, 0)] * (dx.ndim - 1) + [(0, size - dx.shape[-1])]).astype(v.dtype),)

    return record(_parts(np.fft.rfft(v, length), v.dtype), (x,), backward)


@operation
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The real numbers whose :func:`rfft` is the pair `x`.

    fft_length : how many; twice the frequencies less two unless given
    """
    pair = _pair(x, "irfft")
    bins, dtype = floats_of(pair[0]).shape[-1], floats_of(pair[0]).dtype
    length = 2 * (bins - 1) if fft_length is None else int(fft_length)
    used = min(bins, length // 2 + 1)

    def backward(d: Array) -> tuple[Array, Array]:
        found = np.fft.rfft(d) / length
        found[..., 1 : (length + 1) // 2] *= 2  # each stands for itself and for its negative frequency
        real, imag = (np.zeros((*d.shape[:-1], bins), dtype) for _ in range(2))
        real[..., :used], imag[..., :used] = found.real[..., :used], found.imag[..., :used]
        imag[..., 0] = 0
        if length % 2 == 0 and length // 2 < bins:
            imag[..., length // 2] = 0
        return real, imag

    return record(np.fft.irfft(_complex(pair), length).astype(dtype), pair, backward)


@operation
def extract_sequences(x: ArrayLike, sequence_length: int, sequence_stride: int) -> Any:
    """Pieces of `sequence_length` that begin `sequence_stride` apart along the last axis: (..., pieces, length)."""
    size = floats_of(x).shape[-1]
    if sequence_length < 1 or sequence_stride < 1:
        raise ValueError(
            f"sequence_length and sequence_stride must be at least 1, got {sequence_length} and {sequence_stride}"
        )
    pieces = max((size - sequence_length) // sequence_stride + 1, 0)
    places = np.arange(pieces)[:, None] * sequence_stride + np.arange(sequence_length)
    return S.take(x, places, -1)


def _window(window: Any, length: int, fft_length: int, dtype: Any) -> Array:
    """The window's numbers in the middle of `fft_length`."""
    if length > fft_length:
        raise ValueError(f"sequence_length must not be above fft_length = {fft_length}, got {length}")
    if window is None:
        made = np.ones(length)
    elif isinstance(window, str):
        if window not in WINDOWS:
            raise ValueError(f"window must be one of {WINDOWS}, None or {length} numbers, got {window!r}")
        edge = 0.5 if window == "hann" else 0.54
        made = edge - (1 - edge) * np.cos(2 * np.pi * np.arange(length) / length)
    else:
        made = np.asarray(constant_of(window, "stft"))
        if made.shape != (length,):
            raise ValueError(f"window must have shape (sequence_length,) = ({length},), got {made.shape}")
    left = (fft_length - length) // 2
    return np.pad(made, (left, fft_length - length - left)).astype(dtype)


@operation
def stft(
    x: ArrayLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The :func:`rfft` of frames (..., samples) that begin `sequence_stride` apart: a pair (..., frames, frequencies).

    window : "hann", "hamming", None or the numbers by which each frame is multiplied
    center : the signal is reflected at both ends by ``fft_length // 2``, so that frames lie around their places
    """
    v = floats_of(x)
    weights = _window(window, sequence_length, fft_length, v.dtype)
    if center:
        x = S.take(x, _reflected(v.shape[-1], fft_length // 2), -1)
    return rfft(M.multiply(extract_sequences(x, fft_length, sequence_stride), weights), fft_length)


def _reflected(size: int, by: int) -> Array:
    if size <= by:
        raise ValueError(f"center=True reflects fft_length // 2 = {by} samples: x must have more, got {size}")
    return np.pad(np.arange(size), by, mode="reflect")


@operation
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The signal whose :func:`stft`, with the same arguments, is the pair `x`; cut to `length` where it is given."""
    frames = irfft(x, fft_length)
    v = array_of(frames)
    weights = _window(window, sequence_length, fft_length, v.dtype)
    whole = (v.shape[-2] - 1) * sequence_stride + fft_length
    total = _added(M.multiply(frames, weights), sequence_stride, whole)
    overlap = _sum_of(np.broadcast_to(np.square(weights), (v.shape[-2], fft_length)), sequence_stride, whole)
    signal = M.divide(total, np.where(np.abs(overlap) > 1e-11, overlap, 1).astype(v.dtype))
    start = fft_length // 2 if center else 0
    end = whole - start if length is None else min(start + length, whole)
    return S.getitem(signal, (..., slice(start, end)))


def _sum_of(frames: Array, step: int, whole: int) -> Array:
    made = np.zeros((*frames.shape[:-2], whole), frames.dtype)
    for piece in range(frames.shape[-2]):
        made[..., piece * step : piece * step + frames.shape[-1]] += frames[..., piece, :]
    return made


def _added(frames: Any, step: int, whole: int) -> Any:
    """Frames that begin `step` apart, summed where they overlap."""
    v = array_of(frames)
    places = np.arange(v.shape[-2])[:, None] * step + np.arange(v.shape[-1])
    return record(_sum_of(v, step, whole), (frames,), lambda d: (d[..., places],))


@operation
def real(x: ArrayLike) -> Any:
    """The real part; of real numbers they themselves."""
    v = array_of(x)
    return np.real(v) if v.dtype.kind == "c" else x


@operation
def imag(x: ArrayLike) -> Any:
    """The imaginary part; of real numbers zeros."""
    return np.array(np.imag(array_of(x)))


@operation
def conj(x: ArrayLike) -> Any:
    """With the imaginary part's sign changed."""
    v = array_of(x)
    return np.conj(v) if v.dtype.kind == "c" else x


@operation
def angle(x: ArrayLike) -> Any:
    """The angle of complex numbers in radians; 0 or pi of real ones."""
    v = array_of(x)
    return np.angle(v) if v.dtype.kind == "c" else np.angle(floats_of(v))


conjugate = conj
