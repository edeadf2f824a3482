"""WAV files in folders as a Dataset."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.utils import audio_dataset_from_directory


def write(path: Path, samples: int, first: int, rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((first + np.arange(samples * channels)).astype("<i2").tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, lengths in (("no", (3, 7, 5)), ("yes", (4, 2))):
        for number, samples in enumerate(lengths):
            write(tmp_path / name / f"{number}.wav", samples, 100 * number)
    (tmp_path / "yes" / "notes.txt").write_text("no sound")
    return tmp_path


def plain(folder: Path, **options: Any) -> Any:
    return audio_dataset_from_directory(folder, shuffle=False, verbose=False, **options)


def test_sounds_are_padded_to_the_longest_of_their_batch(folder: Path) -> None:
    dataset = plain(folder, batch_size=3)
    assert dataset.class_names == ["no", "yes"]
    (one, labels), (two, others) = list(dataset)
    assert one.shape == (3, 7, 1) and one.dtype == np.float32 and two.shape == (2, 4, 1)
    assert np.concatenate([labels, others]).tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(one[2, :, 0] * 32768, [200, 201, 202, 203, 204, 0, 0])


def test_a_length_cuts_and_fills(folder: Path) -> None:
    sounds = plain(folder, batch_size=None, output_sequence_length=4, labels=None)
    found = np.stack(list(sounds))[..., 0] * 32768
    expected = [[0, 1, 2, 0], [100, 101, 102, 103], [200, 201, 202, 203], [0, 1, 2, 3], [100, 101, 0, 0]]
    np.testing.assert_allclose(found, expected)


def test_training_and_validation_share_no_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = audio_dataset_from_directory(
        folder, batch_size=2, validation_split=0.4, subset="both", seed=1, output_sequence_length=7
    )
    said = ["Found 5 files belonging to 2 classes.", "Using 3 files for training.", "Using 2 files for validation."]
    assert capsys.readouterr().out.splitlines() == said
    rows = [tuple(sound[:, 0]) for part in parts for sounds, _ in part for sound in sounds]
    assert len(set(rows)) == 5


def test_errors(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ragged=True is not supported"):
        plain(folder, ragged=True)
    with pytest.raises(ValueError, match="output_sequence_length must be a positive integer or None, got 0"):
        plain(folder, output_sequence_length=0)
    with pytest.raises(ValueError, match=r"0\.wav: sampling_rate must be that of the file, 8000, got 16000"):
        next(iter(plain(folder, sampling_rate=16000)))
    (folder / "no" / "0.wav").write_bytes(b"no sound")
    with pytest.raises(ValueError, match=r"0\.wav: these 8 bytes are no WAV file"):
        next(iter(plain(folder)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no \.wav file"):
        plain(tmp_path / "empty", labels=None)
