"""WAV files in folders as a Dataset: :func:`audio_dataset_from_directory`."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.preprocessing.directory_dataset import directory_dataset


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of sounds (B, samples, channels), float32 between -1 and 1, and labels, from ``.wav`` files of 16 bits.

    sampling_rate : None, or the rate that every file must have: sounds are not resampled
    output_sequence_length : how many samples each sound has, cut off or followed by zeros; None: zeros follow up to the
        longest of the batch
    ragged : not supported
    directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose : as for :func:`text_dataset_from_directory`

    returns : a Dataset of (sounds, labels), or of sounds, with an attribute ``class_names``; a pair of Datasets for
        `subset` "both"
    raises : ValueError for arguments that do not go together, or if no file is found
    """
    if ragged:
        raise ValueError("ragged=True is not supported: sounds are padded to the longest of their batch")
    if output_sequence_length is not None and output_sequence_length < 1:
        raise ValueError(f"output_sequence_length must be a positive integer or None, got {output_sequence_length!r}")

    def read(path: str) -> Array:
        with open(path, "rb") as file:
            sound, rate = sound_of(file.read(), path)
        if sampling_rate is not None and rate != sampling_rate:
            raise ValueError(f"{path}: sampling_rate must be that of the file, {rate}, got {sampling_rate}")
        return sound if output_sequence_length is None else of_length(sound, output_sequence_length)

    padded = output_sequence_length is None
    return directory_dataset(
        directory,
        ".wav",
        read,
        padded=padded,
        labels=labels,
        label_mode=label_mode,
        class_names=class_names,
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
        validation_split=validation_split,
        subset=subset,
        follow_links=follow_links,
        verbose=verbose,
    )


def sound_of(data: bytes, what: str) -> tuple[Array, int]:
    """The samples (samples, channels) of a WAV file's bytes, between -1 and 1, and how many a second has.

    what : the name of the bytes in errors
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{what}: these {len(data)} bytes are no WAV file of plain samples: {error}") from None
    if width != 2:
        raise ValueError(f"{what}: samples must have 16 bits, got {8 * width}")
    whole = len(frames) // (2 * channels) * 2 * channels
    sound = np.frombuffer(frames[:whole], "<i2").reshape(-1, channels).astype(np.float32) / np.float32(32768.0)
    return sound, rate


def of_length(sound: Array, samples: int) -> Array:
    """So many samples, cut off or followed by zeros."""
    return np.pad(sound[:samples], [(0, max(samples - len(sound), 0)), (0, 0)])
