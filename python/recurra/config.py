"""Settings that hold for the whole process: the default float type and the smallest step away from zero.

>>> from recurra import config
>>> config.floatx()
'float32'
"""

from __future__ import annotations

import numpy as np

from recurra.typing import DType

_FLOATS = ("float32", "float64")

_floatx = "float32"
_epsilon = 1e-7


def floatx() -> str:
    """The float type of layers made without `dtype`: ``"float32"`` or ``"float64"``."""
    return _floatx


def set_floatx(value: str) -> None:
    """Choose the float type of the layers made from now on.

    value : "float32" or "float64"
    raises : ValueError for any other name
    """
    global _floatx
    _floatx = standardize_dtype(value)


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite, 1e-7 at first."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Change :func:`epsilon`.

    value : a positive float
    """
    global _epsilon
    number = float(value)
    if not number > 0.0:
        raise ValueError(f"epsilon must be a positive number, got {value!r}")
    _epsilon = number


def image_data_format() -> str:
    """``"channels_last"``: the only order of axes here, kept for code that asks."""
    return "channels_last"


def backend() -> str:
    """The name of what computes: ``"recurra"``."""
    return "recurra"


def standardize_dtype(dtype: DType | None) -> str:
    """The name of a float type given as a name, a numpy type, a policy or a policy's configuration.

    dtype : None (the default float type), "float32", ``numpy.float64``, a dict
        ``{"class_name": "DTypePolicy", "config": {"name": "float32"}}`` as Keras 3 writes it, or anything with
        a `name` attribute
    raises : ValueError where it is not float32 or float64

    >>> standardize_dtype({"class_name": "DTypePolicy", "config": {"name": "float64"}})
    'float64'
    """
    if dtype is None:
        return _floatx
    if isinstance(dtype, str):
        name = dtype
    elif isinstance(dtype, dict):
        name = dtype.get("config", dtype).get("name", "")
    elif isinstance(dtype, (type, np.dtype)):
        name = np.dtype(dtype).name
    else:
        name = getattr(dtype, "name", repr(dtype))
    if name not in _FLOATS:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    return name
