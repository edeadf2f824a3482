"""``tf.debugging``: assertions about values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.compat.tf.errors import InvalidArgumentError
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import array_of, present
from recurra.config import (
    disable_traceback_filtering,
    enable_traceback_filtering,
    is_traceback_filtering_enabled,
)

__all__ = [
    "Assert", "assert_all_finite", "assert_equal", "assert_greater", "assert_greater_equal", "assert_less",
    "assert_less_equal", "assert_near", "assert_non_negative", "assert_positive", "assert_rank", "assert_shapes",
    "check_numerics", "disable_traceback_filtering", "enable_check_numerics", "enable_traceback_filtering",
    "is_traceback_filtering_enabled", "set_log_device_placement",
]  # fmt: skip


def _comparison(compare: Callable[[Any, Any], Any], sign: str) -> Callable[..., None]:
    def check(x: Any, y: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
        a, b = array_of(x), array_of(y)
        if not np.all(compare(a, b)):
            raise InvalidArgumentError(f"{message or 'assertion failed'}: x {sign} y does not hold: x = {a}, y = {b}")

    return check


assert_equal = _comparison(operator.eq, "==")
assert_less = _comparison(operator.lt, "<")
assert_less_equal = _comparison(operator.le, "<=")
assert_greater = _comparison(operator.gt, ">")
assert_greater_equal = _comparison(operator.ge, ">=")


def assert_near(
    x: Any,
    y: Any,
    rtol: Any = None,
    atol: Any = None,
    message: str | None = None,
    summarize: Any = None,
    name: str | None = None,
) -> None:
    """InvalidArgumentError unless x and y are close."""
    a, b = array_of(x), array_of(y)
    if not np.allclose(a, b, 1e-6 if rtol is None else rtol, 1e-6 if atol is None else atol):
        raise InvalidArgumentError(f"{message or 'assertion failed'}: x and y are not near: x = {a}, y = {b}")


def assert_positive(x: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
    """InvalidArgumentError unless all values are above 0."""
    assert_greater(x, 0, message)


def assert_non_negative(x: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
    """InvalidArgumentError unless no value is below 0."""
    assert_greater_equal(x, 0, message)


def assert_rank(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """ValueError unless there are so many axes."""
    if len(x.shape) != int(rank):
        raise ValueError(f"{message or 'assertion failed'}: expected {int(rank)} axes, got shape {tuple(x.shape)}")


def assert_shapes(
    shapes: Any, data: Any = None, summarize: Any = None, message: str | None = None, name: str | None = None
) -> None:
    """ValueError unless tensors have these shapes; a letter stands for one size throughout."""
    sizes: dict[str, int] = {}
    for tensor, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        shape = TensorShape(tensor.shape)
        names = tuple(wanted)
        fits = len(shape) == len(names) and all(
            name is None or (sizes.setdefault(name, size) if isinstance(name, str) else name) == size
            for name, size in zip(names, shape, strict=False)
        )
        if not fits:
            raise ValueError(f"{message or 'assertion failed'}: expected shape {names}, got {shape}")


def Assert(condition: Any, data: Any, summarize: Any = None, name: str | None = None) -> None:
    """InvalidArgumentError unless the condition holds."""
    if not np.all(array_of(condition)):
        raise InvalidArgumentError(f"assertion failed: {[str(array_of(one)) for one in data]}")


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Any:
    """The tensor; InvalidArgumentError where a value is not finite."""
    if not np.isfinite(array_of(tensor)).all():
        raise InvalidArgumentError(f"{message}: the tensor holds NaN or infinite values")
    return present(tensor)


def assert_all_finite(x: Any, message: str, name: str | None = None) -> Any:
    """The tensor; InvalidArgumentError where a value is not finite."""
    return check_numerics(x, message)


def enable_check_numerics(*args: Any, **kwargs: Any) -> None:
    """Refused with NotImplementedError: check single tensors, or train with ``callbacks.TerminateOnNaN``."""
    raise NotImplementedError("tf.debugging.enable_check_numerics is not here: use callbacks.TerminateOnNaN()")


def set_log_device_placement(enabled: bool) -> None:
    """There is one device to place on."""
