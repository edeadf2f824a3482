"""Images as arrays, and back."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import utils

PILLOW = pytest.importorskip("PIL.Image")
X = np.random.default_rng(0).integers(0, 256, (4, 7, 3)).astype("float32")
X[0, 0], X[0, 1] = 0, 255


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    utils.save_img(path, X)
    assert os.listdir(tmp_path) == ["x.png"]
    image = utils.load_img(path)
    assert image.size == (7, 4) and image.mode == "RGB"
    found = utils.img_to_array(image)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, X)
    first = utils.img_to_array(image, "channels_first", "float64")
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, X.transpose(2, 0, 1))
    np.testing.assert_array_equal(utils.array_to_img(first, "channels_first"), image)
    assert utils.load_img(path, "rgba").mode == "RGBA"
    gray = utils.load_img(path, "grayscale")
    assert utils.img_to_array(gray).shape == (4, 7, 1) and utils.img_to_array(gray, "channels_first").shape == (1, 4, 7)
    with path.open("rb") as file:
        np.testing.assert_array_equal(utils.img_to_array(utils.load_img(file)), X)


def test_values_are_spread_or_kept() -> None:
    x = np.array([[[-1.0], [0.0], [3.0]]])
    np.testing.assert_array_equal(utils.array_to_img(x), [[0, 63, 255]])
    np.testing.assert_array_equal(utils.array_to_img(x + 1, scale=False), [[0, 1, 4]])
    np.testing.assert_array_equal(utils.array_to_img(np.full((2, 3, 1), 7.0)), np.zeros((2, 3)))
    deep = utils.array_to_img(x + 300, scale=False)
    np.testing.assert_array_equal(deep, [[299, 300, 303]])


def test_sizes(tmp_path: Path) -> None:
    path = tmp_path / "x.bmp"
    utils.save_img(path, X, scale=False)
    np.testing.assert_array_equal(
        utils.img_to_array(utils.load_img(path, target_size=(8, 14))), X.repeat(2, 0).repeat(2, 1)
    )
    assert utils.load_img(path, target_size=(3, 5), interpolation="bilinear").size == (5, 3)
    kept = utils.load_img(path, target_size=(2, 2), keep_aspect_ratio=True)
    square = PILLOW.fromarray(X[:, 1:5].astype("uint8")).resize((2, 2), PILLOW.Resampling.NEAREST)
    np.testing.assert_array_equal(kept, square)


def test_other_formats(tmp_path: Path) -> None:
    utils.save_img(tmp_path / "x", X, file_format="jpg", quality=90)
    with PILLOW.open(tmp_path / "x") as image:
        assert image.format == "JPEG"
    deep = np.array([[0, 70], [300, 4000]], "int32")
    PILLOW.fromarray(deep).save(tmp_path / "deep.tiff")
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(tmp_path / "deep.tiff", "grayscale"))[..., 0], deep)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: utils.load_img(p, color_mode="cmyk"), "color_mode must be one of 'grayscale', 'rgb', 'rgba', got"),
        (lambda p: utils.load_img(p, interpolation="cubic"), "interpolation must be one of 'nearest', .* got 'cubic'"),
        (lambda p: utils.img_to_array(np.zeros(3)), r"img must be an image, or .* got shape \(3,\)"),
        (lambda p: utils.array_to_img(np.zeros((2, 3))), r"x must have three axes, \(H, W, C\), got shape \(2, 3\)"),
        (lambda p: utils.array_to_img(np.zeros((2, 3, 2))), "x must have 1, 3 or 4 channels, got 2"),
        (lambda p: utils.img_to_array(X, "channels_middle"), "data_format must be None, 'channels_last'"),
        (lambda p: utils.save_img(p.with_suffix(".what"), X), "must end in an image's ending"),
        (lambda p: utils.save_img(p.with_suffix(".jpg"), np.zeros((2, 3, 4))), "1 or 3 channels for a JPEG file"),
    ],
)
def test_errors(call: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "x.png")
    assert os.listdir(tmp_path) == []


def test_without_pillow_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"images need Pillow: pip install 'recurra\[image\]'"):
        utils.load_img("x.png")


def test_the_older_module_has_them() -> None:
    from recurra.preprocessing import image

    assert image.load_img is utils.load_img and set(image.__all__) == {
        "ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img",
    }  # fmt: skip
