"""Constructor arguments: handed on by name, and the checks that several layers share."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from recurra.autograd import value_of


def given(local: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """The arguments of a constructor by name, from its ``locals()``, those in its ``**kwargs`` among them.

    For a constructor ``(self, ..., **kwargs)`` that calls ``super().__init__(**given(locals()))`` before it makes other
    local variables: editors and ``inspect`` see its whole signature, which is not written out a second time.

    without : arguments to leave out
    """
    arguments = dict(local)
    for name in ("self", "__class__", *without):
        del arguments[name]
    arguments.update(arguments.pop("kwargs"))
    return arguments


def unknown_arguments(cls: type, names: Iterable[str]) -> str:
    """What is wrong with the arguments `names`, which no constructor of `cls` takes, with those that look like them."""
    known = {name for base in cls.__mro__ if "__init__" in vars(base) for name in inspect.signature(base).parameters}
    known -= {"self", "args", "kwargs", "unknown"}
    close = {name: get_close_matches(name, known, 1) for name in sorted(names)}
    meant = ", ".join(dict.fromkeys(found for matches in close.values() for found in matches))
    return f"{cls.__name__} got unknown argument(s): {', '.join(close)}" + (f"; did you mean {meant}?" if meant else "")


def check_positive(value: Any, name: str) -> int:
    """`value` as an int of at least 1; a float that is whole (``306 / 2``) is one."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def check_flag(value: Any, name: str) -> bool:
    """`value` as a bool: True or False, of numpy too, or 1 or 0, as they stand in older programs."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, np.integer)) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {value!r}")


def check_rate(value: Any, name: str = "rate") -> float:
    """`value` as a float in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


def clipped_rate(value: Any, name: str) -> float:
    """`value` as a float, clipped to [0, 1] as Keras does with the dropout of cells."""
    try:
        return min(1.0, max(0.0, float(value)))
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}") from None


def check_choice(value: Any, name: str, choices: Sequence[Any]) -> Any:
    """`value` if it is one of `choices`."""
    if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def refuse(layer: str, **arguments: Any) -> None:
    """Raise for arguments of Keras that are out of scope here, unless they are None."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"{layer}: {name} is not supported: low-rank adapters and quantised weights are outside of what "
                f"recurra does; leave {name} out (got {value!r})"
            )


#: arguments that say how large weights are
_SIZES = ("units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "value_dim", "projection_units",
          "depth_multiplier", "max_tokens")  # fmt: skip


def smaller(layer: Any) -> str:
    """What to do where a layer's weights are too large: the largest argument that says how large they are."""
    values = {name: vars(layer).get(name) for name in _SIZES}
    sizes = {name: int(value) for name, value in values.items() if isinstance(value, (int, np.integer)) and value > 1}
    if not sizes:
        return "give inputs with fewer features, or use a smaller layer"
    name = max(sizes, key=lambda name: sizes[name])
    return f"give a smaller {name} than {sizes[name]}, or inputs with fewer features"


def flags_of(mask: Any, name: str, shape: tuple[int, ...]) -> Any:
    """A mask as bools. ValueError unless it has `shape`, or can be repeated to have it."""
    flags = np.asarray(value_of(mask)).astype(bool)
    if flags.ndim > len(shape) or any(n not in (1, m) for n, m in zip(flags.shape[::-1], shape[::-1], strict=False)):
        raise ValueError(f"{name} must have shape {shape}, got {flags.shape}")
    return flags
