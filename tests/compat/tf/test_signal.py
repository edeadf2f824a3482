"""tf.signal: numbers that TensorFlow 2.21 gave."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.compat import tf

X = np.sin(np.arange(50) ** 1.3).astype("float32")


def test_windows() -> None:
    np.testing.assert_allclose(tf.signal.hann_window(5), [0, 0.5, 1, 0.5, 0], atol=1e-6)
    open_window = [0.0, 0.34549153, 0.90450853, 0.9045085, 0.34549144, 0.0]
    np.testing.assert_allclose(tf.signal.hann_window(6, periodic=False), open_window, atol=1e-6)
    np.testing.assert_allclose(tf.signal.hamming_window(5), [0.08, 0.54, 1, 0.54, 0.08], atol=1e-6)
    assert tf.signal.hann_window(4).numpy().tolist() == [0, 0.5, 1, 0.5] and tf.signal.hann_window(1).numpy() == [1]


def test_stft() -> None:
    found = tf.signal.stft(X, 16, 5, fft_length=32)
    assert found.shape.as_list() == [7, 17] and found.dtype == tf.complex64
    np.testing.assert_allclose(np.abs(found.numpy()).sum(), 118.6363, rtol=1e-5)
    np.testing.assert_allclose(
        found.numpy()[1, :3], [0.00071311, 0.00019991 - 0.00339073j, 0.00043207 - 0.00354254j], atol=1e-6
    )
    assert tf.signal.stft(X, 16, 5).shape.as_list() == [7, 9]
    assert tf.signal.stft(X, 13, 5, pad_end=True).shape.as_list() == [10, 9]
    assert tf.signal.stft(X.reshape(2, 25), 13, 5).shape.as_list() == [2, 3, 9]
    np.testing.assert_allclose(tf.abs(found).numpy(), np.abs(found.numpy()))
    back = tf.signal.inverse_stft(found, 16, 5, fft_length=32)
    assert back.shape.as_list() == [46]
    np.testing.assert_allclose(np.abs(back.numpy()).sum(), 26.655949, rtol=1e-5)


def test_the_inverse_with_its_window_gives_the_signal() -> None:
    spectrum = tf.signal.stft(X, 16, 4)
    back = tf.signal.inverse_stft(spectrum, 16, 4, window_fn=tf.signal.inverse_stft_window_fn(4))
    np.testing.assert_allclose(back.numpy()[12:-12], X[12:36], atol=1e-5)


def test_mel_and_cepstra() -> None:
    mel = tf.signal.linear_to_mel_weight_matrix(5, 17, 8000, 125.0, 3800.0)
    np.testing.assert_allclose(mel.numpy().sum(0), [1.1792253, 1.7626355, 2.196088, 2.8669858, 3.8706737], rtol=1e-5)
    np.testing.assert_allclose(mel.numpy()[3], [0.00547392, 0.9945261, 0, 0, 0], atol=1e-6)
    log_mel = tf.math.log(tf.matmul(tf.abs(tf.signal.stft(X, 16, 5, fft_length=32)), mel) + 1e-6)
    np.testing.assert_allclose(
        tf.signal.mfccs_from_log_mel_spectrograms(log_mel).numpy()[1],
        [-7.343771, -5.4113803, 0.7540349, -0.7973402, 0.04191207],
        atol=2e-4,
    )
    with pytest.raises(ValueError, match="linear_to_mel_weight_matrix"):
        tf.signal.linear_to_mel_weight_matrix(5, 17, 8000, 125.0, 4800.0)


def test_frames() -> None:
    last = tf.signal.frame(X[:12], 5, 3, pad_end=True, pad_value=9).numpy()[-1]
    np.testing.assert_allclose(last, [-0.9928231, 0.89259446, -0.5591432, 9, 9], atol=1e-6)
    assert tf.signal.frame(X[:12], 5, 3).shape.as_list() == [3, 5]
    assert tf.signal.frame(X[:3], 5, 3).shape.as_list() == [0, 5]
    columns = tf.signal.frame(np.arange(12).reshape(6, 2), 3, 2, axis=0).numpy()
    assert columns.shape == (2, 3, 2) and columns[1, :, 1].tolist() == [5, 7, 9]
    added = tf.signal.overlap_and_add(np.arange(12.0, dtype="float32").reshape(3, 4), 2)
    assert added.numpy().tolist() == [0, 1, 6, 8, 14, 16, 10, 11]
    with pytest.raises(ValueError, match="at least 1"):
        tf.signal.frame(X, 0, 3)


def test_transforms() -> None:
    np.testing.assert_allclose(
        tf.signal.dct(X[:6]), [2.726373, 0.39581895, 2.0748467, -4.970152, -0.5056032, 0.8687217], rtol=1e-5
    )
    np.testing.assert_allclose(
        tf.signal.dct(X[:6], norm="ortho"),
        [0.55651855, 0.11426309, 0.59895664, -1.4347593, -0.14595507, 0.25077835],
        rtol=1e-5,
    )
    np.testing.assert_allclose(tf.signal.irfft(tf.signal.rfft(X[:10])), X[:10], atol=1e-6)
    z = tf.complex(X[:4], X[4:8])
    np.testing.assert_allclose(tf.signal.ifft(tf.signal.fft(z)), z, atol=1e-6)
    assert tf.signal.rfft(X, [64]).shape.as_list() == [33]
    np.testing.assert_array_equal(tf.math.real(z), X[:4])
    np.testing.assert_array_equal(tf.math.imag(tf.math.conj(z)), -X[4:8])
    np.testing.assert_allclose(tf.math.angle(z), np.angle(z.numpy()))


def test_no_gradient_is_left_out_without_a_word() -> None:
    x = tf.Variable(X)
    with tf.GradientTape(), pytest.raises(NotImplementedError, match=r"signal\.stft has no gradient here"):
        tf.signal.stft(x * 2.0, 16, 5)
