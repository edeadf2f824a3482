"""Pictures of another size: Keras's results, shapes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.models import Sequential

X = np.random.default_rng(3).standard_normal((2, 7, 11, 3)).astype("float32")


# every seventeenth number of what Keras gives with TensorFlow 2.21
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: layers.Resizing(5, 4), [-0.6738, 0.8166, 0.3071, 0.3826, 0.3924, -0.6791, 0.3144, 0.1172]),
        (
            lambda: layers.Resizing(13, 2, "nearest"),
            [-2.02, 0.4914, -0.3212, -0.7832, -1.7565, -1.1458, 0.3662, -0.9148, 0.7483, -0.4719],
        ),
        (
            lambda: layers.Resizing(3, 9, "bicubic"),
            [0.8077, 0.4725, 1.6682, 0.7446, -0.0072, -0.404, -0.0565, -1.109, 1.3599, 0.3482],
        ),
        (lambda: layers.Resizing(2, 5, antialias=True), [-0.2508, 0.2121, 0.0731, 0.2828]),
        (
            lambda: layers.Resizing(3, 9, crop_to_aspect_ratio=True),
            [0.5754, -0.9469, 1.3675, 0.745, 0.0092, -0.9838, -0.4298, -0.9809, -2.3443, 0.9608],
        ),
        (
            lambda: layers.Resizing(9, 2, crop_to_aspect_ratio=True),
            [-0.3908, 0.3915, 0.7801, -0.5602, 0.6678, 0.2312, 0.6422],
        ),
        (lambda: layers.CenterCrop(4, 5), [-0.4448, -0.0217, -2.0395, 0.525, 1.223, 0.269, -0.8068, 1.3465]),
        (lambda: layers.CenterCrop(9, 2), [-0.3908, 0.3915, 0.7801, -0.5602, 0.6678, 0.2312, 0.6422]),
        (
            lambda: layers.CenterCrop(3, 14),
            [
                0.7096,
                1.3776,
                -0.8183,
                0.5439,
                -0.99,
                -0.3172,
                0.2185,
                0.8511,
                -0.2719,
                -0.396,
                0.1027,
                0.6491,
                0.2152,
                0.4331,
                0.5925,
            ],
        ),
    ],
)
def test_as_keras(make: Any, expected: list[float]) -> None:
    layer = make()
    found = layer(X)
    np.testing.assert_allclose(found.reshape(-1)[::17], expected, atol=2e-4)
    assert found.shape == layer.compute_output_shape(X.shape)
    np.testing.assert_allclose(layer(X[1]), found[1], atol=1e-6)
    first = type(layer).from_config({**layer.get_config(), "data_format": "channels_first"})
    turned = first(np.moveaxis(X, -1, 1))
    np.testing.assert_allclose(np.moveaxis(turned, 1, -1), found, atol=1e-6)
    assert turned.shape == first.compute_output_shape((2, 3, 7, 11))


def test_frames_in_front_of_a_recurrent_layer() -> None:
    model = Sequential(
        [layers.Input((None, 7, 11, 3)), layers.TimeDistributed(layers.Resizing(4, 5)),
         layers.TimeDistributed(layers.Flatten()), layers.GRU(2)]
    )  # fmt: skip
    assert model.predict(X[None], verbose=0).shape == (1, 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layers.Resizing(3, 4, interpolation="lanczos3"), "interpolation must be one of"),
        (lambda: layers.Resizing(3, 4, pad_to_aspect_ratio=True), "are not supported: put a ZeroPadding2D in front"),
        (lambda: layers.Resizing(0, 4), "height must be a positive integer"),
        (lambda: layers.CenterCrop(3, 4)(X[0, 0]), "pictures must be"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
