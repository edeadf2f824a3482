"""Images as arrays, and back. Keras's ``preprocessing.image``, without what changes images at random."""

from recurra.utils.image import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
