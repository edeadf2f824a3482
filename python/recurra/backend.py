"""``keras.backend`` in the parts that scripts use: the float type, epsilon, a clean slate, and the ``K.`` functions.

``K.tanh``, ``K.dot``, ``K.sum`` and the like of custom layers are those of ``recurra.ops``, under the names of Keras 2.

>>> from recurra import backend as K
>>> K.floatx()
'float32'
>>> K.sum([[1.0, 2.0]], axis=-1)
array([3.], dtype=float32)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recurra.config import backend, epsilon, floatx, image_data_format, set_epsilon, set_floatx
from recurra.symbolic import is_keras_tensor
from recurra.utils.seeding import clear_session

if TYPE_CHECKING:
    from recurra.compat.backend import *  # noqa: F403
    from recurra.compat.backend import get_value, set_value

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


__path__: list[str] = []  #: for the import system a package: it asks for ``recurra.backend.tensorflow_backend`` too


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        from recurra.compat import backend as keras2

        if name == "tensorflow_backend":
            return import_module("recurra.backend.tensorflow_backend")
        if name not in keras2.__all__:
            raise AttributeError(
                f"module 'recurra.backend' has no attribute {name!r}; "
                "the functions for layers of your own are in recurra.ops"
            )
        value = getattr(keras2, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    from recurra.compat import backend as keras2

    return sorted({*globals(), *keras2.__all__})
