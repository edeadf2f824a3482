"""``tf.audio``: sound from WAV files of 16 bits, and back."""

from __future__ import annotations

import io
import wave
from typing import Any, NamedTuple

import numpy as np

from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import EagerTensor, array_of, present
from recurra.preprocessing.audio_dataset import of_length, sound_of

__all__ = ["DecodeWav", "decode_wav", "encode_wav"]


class DecodeWav(NamedTuple):
    """Sound (samples, channels) between -1 and 1, and how many samples a second has."""

    audio: Any
    sample_rate: Any


def decode_wav(
    contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: str | None = None
) -> DecodeWav:
    """The sound that the bytes of a WAV file of 16 bits hold.

    desired_channels : so many of the file's channels; a file of one channel gives it so many times
    desired_samples : so many, cut off or followed by zeros
    """
    sound, rate = sound_of(bytes(texts_of(contents)[()]), "decode_wav")
    channels = sound.shape[1]
    if desired_channels >= 0 and desired_channels != channels:
        if channels != 1 and desired_channels > channels:
            raise ValueError(f"decode_wav: the file has {channels} channels, desired_channels={desired_channels}")
        sound = sound.repeat(desired_channels, axis=1) if channels == 1 else sound[:, :desired_channels]
    if desired_samples >= 0:
        sound = of_length(sound, desired_samples)
    return DecodeWav(present(np.ascontiguousarray(sound)), EagerTensor(np.array(rate, np.int32)))


def encode_wav(audio: Any, sample_rate: Any, name: str | None = None) -> EagerTensor:
    """The bytes of a WAV file of 16 bits."""
    sound = array_of(audio)
    if sound.ndim != 2:
        raise ValueError(f"encode_wav: audio must be (samples, channels), got shape {sound.shape}")
    numbers = np.clip(np.round(sound * 32768.0), -32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(sound.shape[1])
        made.setsampwidth(2)
        made.setframerate(int(array_of(sample_rate)))
        made.writeframes(numbers.tobytes())
    return EagerTensor(np.array(file.getvalue(), object))
