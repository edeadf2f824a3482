"""``keras.utils.vis_utils`` of Keras 2."""

from recurra.utils import plot_model

__all__ = ["plot_model"]
