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
from recurra.symbolic import is_keras_tensor
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


#: functions that are those of recurra.ops
_SAME = {
    "abs", "all", "any", "arange", "binary_crossentropy", "cast", "categorical_crossentropy", "cos", "dot", "elu",
    "equal", "exp", "greater", "greater_equal", "hard_sigmoid", "less", "less_equal", "log", "logsumexp", "max",
    "maximum", "mean", "min", "minimum", "not_equal", "ones", "ones_like", "reshape", "round", "shape", "sigmoid",
    "sign", "sin", "softmax", "softplus", "softsign", "sparse_categorical_crossentropy", "sqrt", "square",
    "squeeze", "std", "stop_gradient", "sum", "tanh", "transpose", "var", "zeros", "zeros_like",
}  # fmt: skip
#: functions of keras2_backend.py
_OWN = {
    "argmax", "argmin", "batch_dot", "batch_flatten", "cast_to_floatx", "clip", "concatenate", "constant", "cumsum",
    "dropout", "dtype", "expand_dims", "flatten", "function", "gather", "in_train_phase", "int_shape",
    "l2_normalize", "learning_phase", "ndim", "one_hot", "permute_dimensions", "pow", "random_normal",
    "random_uniform", "relu", "repeat", "repeat_elements", "reverse", "stack", "switch", "tile", "update",
    "variable",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _SAME:
        from recurra import ops

        return getattr(ops, name)
    if name in _OWN:
        from recurra import keras2_backend

        return getattr(keras2_backend, name)
    if name == "eval":
        return get_value
    raise AttributeError(
        f"module 'recurra.backend' has no attribute {name!r}; the functions for layers of your own are in recurra.ops"
    )
