"""``keras.engine`` of Keras 2, where its base classes were."""

from recurra.layers import Input, InputSpec, Layer
from recurra.models import Model

__all__ = ["Input", "InputSpec", "Layer", "Model"]
