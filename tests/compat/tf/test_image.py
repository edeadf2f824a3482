"""tf.image: numbers that TensorFlow 2.21 gave, and files by Pillow."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.compat import tf

PICTURE = np.arange(40, dtype="uint8").reshape(5, 4, 2)
RESIZED = {
    "bilinear": [
        [2.6667, 3.381, 4.5238, 5.6667, 6.8095, 7.9524, 8.6667],
        [16.0, 16.7143, 17.8571, 19.0, 20.1429, 21.2857, 22.0],
        [29.3333, 30.0476, 31.1905, 32.3333, 33.4762, 34.619, 35.3333],
    ],
    "nearest": [[0, 0, 2, 4, 4, 6, 6], [16, 16, 18, 20, 20, 22, 22], [32, 32, 34, 36, 36, 38, 38]],
    "area": [
        [3.2, 3.7, 5.2, 6.2, 7.2, 8.7, 9.2],
        [16.0, 16.5, 18.0, 19.0, 20.0, 21.5, 22.0],
        [28.8, 29.3, 30.8, 31.8, 32.8, 34.3, 34.8],
    ],
    "bicubic": [
        [1.7702, 2.4569, 3.777, 4.9286, 6.0803, 7.4003, 8.087],
        [15.8416, 16.5283, 17.8483, 19.0, 20.1517, 21.4717, 22.1584],
        [29.913, 30.5997, 31.9197, 33.0714, 34.2231, 35.5431, 36.2298],
    ],
}


@pytest.mark.parametrize("method", RESIZED)
def test_resize(method: str) -> None:
    found = tf.image.resize(PICTURE, (3, 7), method=method)
    assert found.shape.as_list() == [3, 7, 2] and found.dtype == (tf.uint8 if method == "nearest" else tf.float32)
    np.testing.assert_allclose(found.numpy()[..., 0], RESIZED[method], atol=2e-3)
    batch = tf.image.resize(np.stack([PICTURE, PICTURE[::-1]]), tf.constant([3, 7]), method)
    np.testing.assert_allclose(batch[0], found)
    np.testing.assert_allclose(tf.image.resize(PICTURE, (5, 4), method), PICTURE, atol=1e-5)


def test_larger_and_in_proportion() -> None:
    larger = tf.image.resize(PICTURE, (10, 8)).numpy()
    np.testing.assert_allclose(larger[3, :, 0], [10, 10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16], atol=1e-5)
    assert tf.image.resize(PICTURE, (10, 4), preserve_aspect_ratio=True).shape.as_list() == [5, 4, 2]
    padded = tf.image.resize_with_pad(PICTURE, 6, 6).numpy()[..., 0]
    assert padded.shape == (6, 6) and (padded[:, 4:] == 0).all()
    np.testing.assert_allclose(padded[2, :4], [12.6667, 14.6667, 16.6667, 18.6667], atol=1e-3)
    for wrong in ((0, 3), (3, -1)):
        with pytest.raises(ValueError, match="at least 1"):
            tf.image.resize(PICTURE, wrong)
    with pytest.raises(ValueError, match="method must be"):
        tf.image.resize(PICTURE, (3, 3), "spline")


def test_types() -> None:
    bytes_ = np.array([0, 128, 255], "uint8")
    np.testing.assert_allclose(tf.image.convert_image_dtype(bytes_, tf.float32), [0, 0.5019608, 1])
    floats = np.array([0, 0.5, 1.0], "float32")
    assert tf.image.convert_image_dtype(floats, tf.uint8).numpy().tolist() == [0, 127, 255]
    assert tf.image.convert_image_dtype(bytes_ // 255 * 200, tf.uint16).numpy().tolist() == [0, 0, 51200]
    high = np.array([-1.0, 2.0], "float32")
    assert tf.image.convert_image_dtype(high, tf.uint8, saturate=True).numpy().tolist() == [0, 255]


def test_channels() -> None:
    colours = np.arange(12).reshape(2, 2, 3)
    gray = tf.image.rgb_to_grayscale(colours.astype("float32")).numpy()
    np.testing.assert_allclose(gray.ravel(), [0.815, 3.8147, 6.8144, 9.8141], atol=1e-3)
    small = tf.image.rgb_to_grayscale(colours.astype("uint8"))
    assert small.dtype == tf.uint8 and small.numpy().ravel().tolist() == [0, 3, 6, 9]
    assert tf.image.grayscale_to_rgb(small).shape.as_list() == [2, 2, 3]
    assert tf.image.flip_left_right(PICTURE).numpy()[0, :, 0].tolist() == [6, 4, 2, 0]
    assert tf.image.flip_up_down(PICTURE).numpy()[:, 0, 0].tolist() == [32, 24, 16, 8, 0]
    standard = tf.image.per_image_standardization(PICTURE).numpy()
    np.testing.assert_allclose(standard.ravel()[:3], [-1.6892775, -1.6026479, -1.5160184], rtol=1e-5)


def test_boxes() -> None:
    np.testing.assert_array_equal(tf.image.crop_to_bounding_box(PICTURE, 1, 2, 3, 2), PICTURE[1:4, 2:4])
    padded = tf.image.pad_to_bounding_box(PICTURE, 1, 2, 7, 8)
    np.testing.assert_array_equal(padded.numpy()[1:6, 2:6], PICTURE)
    assert padded.numpy().sum() == PICTURE.sum()
    with pytest.raises(ValueError, match="does not lie in a picture of 5 × 4"):
        tf.image.crop_to_bounding_box(PICTURE, 3, 0, 3, 2)
    with pytest.raises(ValueError, match="does not fit into 4 × 8"):
        tf.image.pad_to_bounding_box(PICTURE, 0, 0, 4, 8)


def test_files() -> None:
    pytest.importorskip("PIL")
    for channels in (1, 3, 4):
        picture = np.random.default_rng(channels).integers(0, 256, (4, 7, channels), np.uint8)
        data = tf.io.encode_png(picture)
        np.testing.assert_array_equal(tf.io.decode_png(data), picture)
        np.testing.assert_array_equal(tf.image.decode_image(data, channels=channels), picture)
        assert tf.io.decode_image(data, dtype=tf.float32).numpy().max() <= 1.0
        assert tf.io.decode_png(data, channels=1).shape.as_list() == [4, 7, 1]
    smooth = np.linspace(40, 200, 64 * 48).reshape(64, 48, 1).repeat(3, -1).astype("uint8")
    read = tf.io.decode_jpeg(tf.io.encode_jpeg(smooth))
    assert np.abs(read.numpy().astype(int) - smooth).max() <= 4
    with pytest.raises(ValueError, match="no picture that Pillow knows"):
        tf.io.decode_image(b"abc")
    with pytest.raises(ValueError, match="must be uint8"):
        tf.io.encode_png(smooth.astype("float32"))
