"""``keras.layers.advanced_activations`` of Keras 2."""

from recurra.layers import ELU, LeakyReLU, PReLU, ReLU, Softmax

__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"]
