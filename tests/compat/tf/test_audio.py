"""tf.audio: bytes and numbers of TensorFlow 2.21."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from recurra.compat import tf

SAMPLES = np.array([[0, -32768], [32767, 100], [5, 6]], "<i2")
WRITTEN = bytes.fromhex(
    "524946463000000057415645666d74201000000001000200401f0000007d000004001000646174610c00000000000080ff7f640005000600"
)


def wav(samples: np.ndarray, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(samples.shape[1])
        made.setsampwidth(width)
        made.setframerate(8000)
        made.writeframes(samples.tobytes())
    return file.getvalue()


def test_bytes_are_those_of_tensorflow() -> None:
    sound = tf.audio.decode_wav(tf.constant(WRITTEN))
    assert int(sound.sample_rate) == 8000
    np.testing.assert_array_equal(sound.audio, SAMPLES / np.float32(32768))
    assert tf.audio.encode_wav(sound.audio, sound.sample_rate).numpy() == WRITTEN == wav(SAMPLES)


def test_channels_and_samples() -> None:
    one, _ = tf.audio.decode_wav(WRITTEN, desired_channels=1, desired_samples=5)
    np.testing.assert_allclose(one.numpy().ravel(), [0, 0.99996948, 0.00015258789, 0, 0])
    assert tf.audio.decode_wav(WRITTEN, desired_samples=2).audio.shape.as_list() == [2, 2]
    assert tf.audio.decode_wav(wav(SAMPLES[:, :1]), desired_channels=2).audio.shape.as_list() == [3, 2]
    with pytest.raises(ValueError, match="the file has 2 channels, desired_channels=3"):
        tf.audio.decode_wav(WRITTEN, desired_channels=3)


def test_what_is_no_sound() -> None:
    for place in range(len(WRITTEN)):
        try:
            tf.audio.decode_wav(WRITTEN[:place])
        except ValueError as error:
            assert "decode_wav" in str(error)
    with pytest.raises(ValueError, match="16 bits, got 8"):
        tf.audio.decode_wav(wav(SAMPLES[:, :1].astype("uint8"), 1))
    with pytest.raises(ValueError, match="must be"):
        tf.audio.encode_wav([0.5], 8000)
