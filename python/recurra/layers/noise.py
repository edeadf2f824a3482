"""``keras.layers.noise`` of Keras 2."""

from recurra.layers import GaussianDropout, GaussianNoise

__all__ = ["GaussianDropout", "GaussianNoise"]
