"""Settings of the whole process: the default float type, the smallest step away from zero, where messages go.

>>> from recurra import config
>>> config.floatx()
'float32'
"""

from __future__ import annotations

import warnings

import numpy as np

from recurra.typing import DType

_FLOATS = ("float32", "float64")
#: what is computed in float32 here
_HALF = ("float16", "bfloat16", "half", "mixed_float16", "mixed_bfloat16")

_floatx = "float32"
_epsilon = 1e-7
_policy: str | None = None
_said_half = False
_interactive = True


def floatx() -> str:
    """The float type of layers made without `dtype`: ``"float32"`` or ``"float64"``."""
    return _floatx


def set_floatx(value: str) -> None:
    """Choose the float type of the layers made from now on.

    value : "float32" or "float64"
    raises : ValueError for any other name
    """
    global _floatx, _policy
    if value in _HALF:
        raise ValueError(f"floatx must be 'float32' or 'float64', got {value!r}; as a policy it is taken for float32")
    _floatx, _policy = standardize_dtype(value), None


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

    dtype : None (the default float type), "float32", ``numpy.float64``, "mixed_float16" and the like, which are float32
        here (a notice says so once), a dict
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
    if name in _HALF:
        _say_half(name)
        return "float32"
    if name not in _FLOATS:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    return name


def _say_half(name: str) -> None:
    """Say once that there is no arithmetic in half precision."""
    global _said_half
    if not _said_half:
        _said_half = True
        warnings.warn(
            f"{name}: a CPU gains nothing from half precision; everything is computed in float32", stacklevel=4
        )


class DTypePolicy:
    """The dtypes of layers by one name: "float32", "float64", or "mixed_float16" and the like, which are float32 here.

    name : what it was called
    compute_dtype, variable_dtype : what is computed and kept in
    """

    def __init__(self, name: str) -> None:
        self.compute_dtype = self.variable_dtype = standardize_dtype(name)
        self.name = name

    def get_config(self) -> dict[str, str]:
        return {"name": self.name}

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


Policy = DTypePolicy


def dtype_policy() -> DTypePolicy:
    """The policy set by :func:`set_dtype_policy`, or that of :func:`floatx`."""
    return DTypePolicy(_floatx if _policy is None else _policy)


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Choose the float type of the layers made from now on, by a policy.

    policy : "float32", "float64", "mixed_float16" or "mixed_bfloat16" (both float32 here; a notice says so once)
    """
    global _policy
    name = policy if isinstance(policy, str) else policy.name
    set_floatx(standardize_dtype(name))
    _policy = name


def is_interactive_logging_enabled() -> bool:
    """Whether progress and messages go to standard output, as they do at first."""
    return _interactive


def enable_interactive_logging() -> None:
    """Send progress and messages to standard output."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Send progress and messages to Python's logging: the logger ``recurra``, level INFO, a line for each epoch.

    >>> import logging
    >>> logging.basicConfig(level=logging.INFO)
    >>> disable_interactive_logging()
    >>> enable_interactive_logging()
    """
    global _interactive
    _interactive = False


def is_traceback_filtering_enabled() -> bool:
    """False: tracebacks are always whole."""
    return False


def disable_traceback_filtering() -> None:
    """Nothing: tracebacks are always whole."""


def enable_traceback_filtering() -> None:
    """Keras hides its own frames then; here a warning says that tracebacks stay whole."""
    warnings.warn("recurra hides no frames: tracebacks stay whole", stacklevel=2)


global_policy, set_global_policy, set_policy = dtype_policy, set_dtype_policy, set_dtype_policy
