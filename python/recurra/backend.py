"""``keras.backend`` in the parts that scripts use: the float type, epsilon, and a clean slate.

>>> from recurra import backend
>>> backend.floatx()
'float32'
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import Array, Variable, value_of
from recurra.config import backend, epsilon, floatx, image_data_format, set_epsilon, set_floatx
from recurra.models.symbolic import is_keras_tensor
from recurra.utils.seeding import clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_value",
    "image_data_format",
    "is_keras_tensor",
    "set_epsilon",
    "set_floatx",
    "set_value",
]


def get_value(x: Any) -> Array:
    """A copy of the value of a Variable or Tensor."""
    return np.array(value_of(x))


def set_value(x: Variable, value: Any) -> None:
    """Assign `value` to a Variable: ``backend.set_value(model.optimizer.learning_rate, 1e-4)``."""
    x.assign(value)
