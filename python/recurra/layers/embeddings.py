"""``keras.layers.embeddings`` of Keras 2."""

from recurra.layers import Embedding

__all__ = ["Embedding"]
