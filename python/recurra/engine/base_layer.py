"""``keras.engine.base_layer`` of Keras 2."""

from recurra.layers import InputSpec, Layer

__all__ = ["InputSpec", "Layer"]
