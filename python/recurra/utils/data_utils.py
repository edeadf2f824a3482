"""``keras.utils.data_utils`` of Keras 2."""

from recurra.utils import Sequence, get_file

__all__ = ["Sequence", "get_file"]
