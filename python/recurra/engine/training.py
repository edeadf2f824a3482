"""``keras.engine.training`` of Keras 2."""

from recurra.models import Model

__all__ = ["Model"]
