"""``keras.backend`` in the parts that scripts use: the float type, epsilon, a clean slate, and the ``K.`` functions.

``K.tanh``, ``K.dot``, ``K.sum`` and the like of custom layers are those of ``recurra.ops``, under the names of Keras 2.

>>> from recurra import backend as K
>>> K.floatx()
'float32'
>>> K.sum([[1.0, 2.0]], axis=-1)
array([3.], dtype=float32)
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


_SAME = frozenset(
    (
        *("abs", "all", "any", "cast", "clip", "concatenate", "cos", "dot", "elu", "equal", "exp", "expand_dims"),
        *("greater", "greater_equal", "less", "less_equal", "log", "logsumexp", "max", "maximum", "mean", "min"),
        *("minimum", "not_equal", "ones_like", "relu", "reshape", "round", "shape", "sigmoid", "sign", "sin"),
        *("softmax", "softplus", "softsign", "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "sum"),
        *("tanh", "tile", "transpose", "var", "zeros_like"),
    )
)
_RENAMED = {"flatten": "ravel", "int_shape": "shape", "permute_dimensions": "transpose", "pow": "power"}


def __getattr__(name: str) -> Any:
    if name in _SAME or name in _RENAMED:
        from recurra import ops

        return getattr(ops, _RENAMED.get(name, name))
    raise AttributeError(
        f"module 'recurra.backend' has no attribute {name!r}; the functions for layers of your own are in recurra.ops"
    )
