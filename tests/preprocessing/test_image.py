"""Keras's ``preprocessing.image``."""

from __future__ import annotations

import pytest

from recurra.preprocessing import image
from recurra.utils import img_to_array


def test_names() -> None:
    assert image.img_to_array is img_to_array
    with pytest.raises(NotImplementedError, match=r"give fit the arrays \(x / 255\.0 in place of rescale"):
        image.ImageDataGenerator(rescale=1 / 255)
