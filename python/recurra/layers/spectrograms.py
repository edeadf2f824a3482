"""Spectrograms of sound: :class:`MelSpectrogram` by Fourier transforms, :class:`STFTSpectrogram` by a convolution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.config import epsilon
from recurra.layers.base.arguments import check_choice, check_flag, check_positive
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.ops.fourier import WINDOWS
from recurra.ops.windows import output_size
from recurra.typing import Shape, TensorLike

FORMATS = ("channels_last", "channels_first")
_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_SHAPES: dict[str, Any] = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "boxcar": np.ones}


def mel_weights(bins: int, spectrum: int, rate: float, low: float, high: float) -> Any:
    """(spectrum, bins): triangles, equally wide on the mel scale, by which a spectrogram is multiplied.

    rate : samples a second
    low, high : the edges in hertz
    """

    def mel(hertz: Any) -> Any:
        return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)

    places = mel(np.linspace(0.0, rate / 2, spectrum))[1:, None]  # without the constant part
    edges = np.linspace(mel(low), mel(high), bins + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((places - lower) / (centre - lower), (upper - places) / (upper - centre)))
    return np.pad(weights, [(1, 0), (0, 0)])


class MelSpectrogram(Layer):
    """Sound (samples,) or (B, samples) to the power of its frequencies on the mel scale: (..., num_mel_bins, T).

    Frames lie around every `sequence_stride`-th sample; the signal is reflected at both ends by ``fft_length // 2``.

    fft_length, sequence_length : samples of a transform, and of the window in it (None: as many)
    window : "hann", "hamming", None or `sequence_length` numbers
    sampling_rate : samples a second
    min_freq, max_freq : the edges in hertz; None is half the rate
    power_to_db : in decibels above `ref_power`, at least `min_power`, and at most `top_db` below the loudest of the
        whole batch
    mag_exp : the exponent of the magnitudes
    """

    _float_inputs = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = check_positive(fft_length, "fft_length")
        self.sequence_stride = check_positive(sequence_stride, "sequence_stride")
        self.sequence_length = check_positive(sequence_length or fft_length, "sequence_length")
        if self.sequence_length > fft_length:
            raise ValueError(f"sequence_length must not be above fft_length = {fft_length}, got {sequence_length}")
        self.window = check_choice(window, "window", (*WINDOWS, None)) if window is None or _is_name(window) else window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = check_positive(num_mel_bins, "num_mel_bins")
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        if not 0 <= self.min_freq < self.max_freq:
            raise ValueError(f"min_freq must be in [0, max_freq = {self.max_freq}), got {min_freq}")
        self.power_to_db = check_flag(power_to_db, "power_to_db")
        self.top_db, self.mag_exp, self.min_power, self.ref_power = top_db, mag_exp, min_power, ref_power

    def call(self, inputs: TensorLike) -> Any:
        real, imaginary = ops.stft(
            inputs, self.sequence_length, self.sequence_stride, self.fft_length, self.window, center=True
        )
        power = ops.square(real) + ops.square(imaginary)
        power = power if self.mag_exp == 2 else ops.power(power, self.mag_exp / 2)
        weights = mel_weights(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq
        )
        mel = ops.matmul(power, weights.astype(self.dtype))
        if self.power_to_db:
            least = 10 * math.log10(max(abs(self.ref_power), self.min_power))
            mel = 10.0 * ops.log10(ops.maximum(mel, self.min_power)) - least
            mel = ops.maximum(mel, ops.max(mel) - self.top_db)
        return ops.swapaxes(mel, -1, -2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        size = input_shape[-1]
        even = 2 * (self.fft_length // 2) - self.fft_length  # -1 where it is odd
        frames = None if size is None else (size + even) // self.sequence_stride + 1
        return (*input_shape[:-1], self.num_mel_bins, frames)

    def get_config(self) -> dict[str, Any]:
        names = (
            "fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq",
            "max_freq", "power_to_db", "top_db", "mag_exp", "min_power", "ref_power",
        )  # fmt: skip
        return {**super().get_config(), **{name: _plain(getattr(self, name)) for name in names}}


class STFTSpectrogram(Layer):
    """Sound (B, samples, C) to a spectrogram (B, T, C * F), of ``F = fft_length // 2 + 1`` frequencies.

    The kernels of the convolution are weights, which training changes unless the layer is made with trainable=False.

    mode : "log" or "magnitude" of the amplitudes, "psd" their squares, both signs of a frequency together, "real",
        "imag", "angle", or "stft": the real and the imaginary parts, 2 F of them
    frame_length, frame_step : samples of a frame, and from one to the next (None: half a frame)
    fft_length : the smallest power of two that holds a frame, unless given
    window : "hann", "hamming", "blackman", "boxcar", None or `frame_length` numbers; `periodic` ones have no last zero
    scaling : "density" divides by the window's norm, "spectrum" by its sum, None does not
    expand_dims : (B, T, F, C), as a picture
    data_format : "channels_last" (None), or "channels_first": inputs (B, C, samples), outputs (B, C * F, T) or
        (B, C, T, F)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mode = check_choice(mode, "mode", _MODES)
        self.frame_length = check_positive(frame_length, "frame_length")
        self.frame_step, self.fft_length = frame_step, fft_length
        self._step = check_positive(max(frame_length // 2, 1) if frame_step is None else frame_step, "frame_step")
        if self._step > frame_length:
            raise ValueError(f"frame_step must not be above frame_length = {frame_length}, got {frame_step}")
        self._size = 1 << (frame_length - 1).bit_length() if fft_length is None else int(fft_length)
        if self._size < max(frame_length, 2):
            raise ValueError(f"fft_length must be at least frame_length = {frame_length}, and 2, got {self._size}")
        self.window = check_choice(window, "window", (*_SHAPES, None)) if window is None or _is_name(window) else window
        self.periodic = check_flag(periodic, "periodic")
        self.scaling = check_choice(scaling, "scaling", ("density", "spectrum", None))
        self.padding = check_choice(padding, "padding", ("valid", "same"))
        self.expand_dims = check_flag(expand_dims, "expand_dims")
        self.data_format = check_choice(data_format or FORMATS[0], "data_format", FORMATS)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Shape) -> None:
        shape = (self.frame_length, 1, self._size // 2 + 1)
        if self.mode != "imag":
            self.real_kernel = self.add_weight(shape, self._waves(np.cos), name="real_kernel")
        if self.mode != "real":
            self.imag_kernel = self.add_weight(shape, self._waves(np.sin), name="imag_kernel")

    def _waves(self, function: Any) -> Any:
        """What fills a kernel: the waves of all frequencies, times the window."""

        def fill(shape: Any, dtype: Any = None) -> Any:
            size = self._size // 2 * 2
            places = np.arange(self.frame_length)[:, None, None] * np.arange(size // 2 + 1)
            waves = function(-2 * np.pi * (places % size) / size)
            if self.window is not None:
                window = self._window()
                scales = {"density": np.sqrt(np.square(window).sum()), "spectrum": np.abs(window).sum(), None: 1.0}
                waves = waves * window[:, None, None] / scales[self.scaling]
            return waves.astype(dtype)

        return fill

    def _window(self) -> Any:
        if _is_name(self.window):
            return _SHAPES[self.window](self.frame_length + self.periodic)[: self.frame_length]
        window = np.asarray(value_of(self.window), np.float64)
        if window.shape != (self.frame_length,):
            raise ValueError(f"window must have shape (frame_length,) = ({self.frame_length},), got {window.shape}")
        return window

    def call(self, inputs: TensorLike) -> Any:
        x = inputs if self.data_format == "channels_first" else ops.transpose(inputs, (0, 2, 1))
        channels, size = x.shape[1:]
        rows = ops.reshape(x, (-1, size, 1))
        y = self._spectrum(lambda kernel: ops.conv(rows, kernel, self._step, self.padding))
        times, bins = y.shape[1:]
        y = ops.reshape(y, (-1, channels, times, bins))
        if self.expand_dims:
            return y if self.data_format == "channels_first" else ops.transpose(y, (0, 2, 3, 1))
        if self.data_format == "channels_first":
            return ops.reshape(ops.transpose(y, (0, 1, 3, 2)), (-1, channels * bins, times))
        return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (-1, times, channels * bins))

    def _spectrum(self, conv: Any) -> Any:
        """What is asked for (rows, T, F), by a function that convolves with a kernel."""
        real = None if self.mode == "imag" else conv(self.real_kernel)
        imaginary = None if self.mode == "real" else conv(self.imag_kernel)
        if real is None or imaginary is None:
            return imaginary if real is None else real
        if self.mode == "angle":
            return ops.arctan2(imaginary, real)
        if self.mode == "stft":
            return ops.concatenate([real, imaginary], axis=-1)
        power = ops.square(real) + ops.square(imaginary)
        if self.mode == "psd":
            twice = np.full(self._size // 2 + 1, 2, self.dtype)
            twice[[0, -1]] = 1
            return power * twice
        magnitude = ops.sqrt(ops.maximum(power, epsilon()))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, epsilon()))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        last = self.data_format == "channels_last"
        batch, size, channels = input_shape if last else (input_shape[0], input_shape[2], input_shape[1])
        times = None if size is None else output_size(size, self.frame_length, self._step, self.padding)
        bins = (self._size // 2 + 1) * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return (batch, times, bins, channels) if last else (batch, channels, times, bins)
        width = None if channels is None else channels * bins
        return (batch, times, width) if last else (batch, width, times)

    def get_config(self) -> dict[str, Any]:
        names = (
            "mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding",
            "expand_dims", "data_format",
        )  # fmt: skip
        return {**super().get_config(), **{name: _plain(getattr(self, name)) for name in names}}


def _is_name(window: Any) -> bool:
    return isinstance(window, str)


def _plain(value: Any) -> Any:
    """A setting as JSON holds it."""
    return value if value is None or isinstance(value, (str, int, float)) else np.asarray(value_of(value)).tolist()
