"""Images as arrays, and back. Keras's ``preprocessing.image``, without what changes images at random."""

from __future__ import annotations

from typing import Any

from recurra.utils.image import array_to_img, img_to_array, load_img, save_img

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img"]


class ImageDataGenerator:
    """Images changed at random, which is not here: a program may import the name, and using it is an error.

    raises : NotImplementedError
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "ImageDataGenerator is not here, as recurra has no models of images. For images as sequences give fit the "
            "arrays (x / 255.0 in place of rescale=1/255), or a PyDataset whose __getitem__ changes them"
        )
