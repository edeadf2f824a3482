"""``keras.layers.wrappers`` of Keras 2."""

from recurra.layers import Bidirectional, TimeDistributed, Wrapper

__all__ = ["Bidirectional", "TimeDistributed", "Wrapper"]
