"""Pictures of another size; the numbers of Keras are in tests/layers/test_resizing.py."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import gradcheck, ops

X = np.random.default_rng(5).standard_normal((2, 5, 7, 3))


def test_axes_and_types() -> None:
    whole = ops.image.resize(X, (4, 9), "bicubic")
    assert whole.shape == (2, 4, 9, 3) and whole.dtype == X.dtype
    np.testing.assert_allclose(ops.image.resize(X[1], (4, 9), "bicubic"), whole[1])
    first = ops.image.resize(np.moveaxis(X, -1, 1), [4, 9], "bicubic", data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), whole)
    assert ops.image.resize(np.ones((2, 3, 1), "uint8"), (4, 4)).dtype == np.float32
    np.testing.assert_allclose(ops.image.resize(X, (5, 7)), X)


def test_gradients() -> None:
    for options in ({"interpolation": "area"}, {"antialias": True}, {"crop_to_aspect_ratio": True}):
        assert gradcheck(lambda x, options=options: ops.image.resize(x, (3, 4), **options), [X[:1]])


def test_errors() -> None:
    with pytest.raises(ValueError, match="interpolation must be one of area, bicubic, bilinear, nearest, got 'spline'"):
        ops.image.resize(X, (3, 4), "spline")
    with pytest.raises(ValueError, match="fill_value are not supported"):
        ops.image.resize(X, (3, 4), pad_to_aspect_ratio=True)
    with pytest.raises(ValueError, match=r"pictures must be \(B, H, W, C\), or one \(H, W, C\), got 2 axes"):
        ops.image.resize(X[0, 0], (3, 4))
