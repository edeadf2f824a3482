"""``keras.engine.topology`` of Keras 2."""

from recurra.layers import Input, InputLayer, InputSpec, Layer

__all__ = ["Input", "InputLayer", "InputSpec", "Layer"]
