"""``keras.engine.input_layer`` of Keras 2."""

from recurra.layers import Input, InputLayer

__all__ = ["Input", "InputLayer"]
