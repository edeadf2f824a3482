"""``keras.utils.np_utils`` of Keras 2."""

from recurra.utils import normalize, to_categorical

__all__ = ["normalize", "to_categorical"]
