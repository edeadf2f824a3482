"""Find an object by its name, and say what was probably meant when there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from recurra.registry import get_registered_object


def snake_case(name: str) -> str:
    """``"MeanSquaredError"`` -> ``"mean_squared_error"``, as Keras names its objects."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the names that come close, or all of them."""
    names = sorted(set(known))
    close = get_close_matches(name, names, 3, 0.6) or get_close_matches(name.lower(), names, 3, 0.6)
    if close:
        return "did you mean " + " or ".join(repr(n) for n in close) + "?"
    return "known names: " + ", ".join(names)


def lookup(argument: str, name: str, table: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What `name` stands for in `table`, in `custom_objects` or among the registered objects.

    argument : what the caller calls it, for the message ("loss", "optimizer", ...)
    raises : ValueError with the nearest names
    """
    registered = get_registered_object(name, custom_objects)
    if registered is not None:
        return registered
    if name in table:
        return table[name]
    if name.lower() in table:
        return table[name.lower()]
    raise ValueError(f"{argument} {name!r} is unknown; {suggest(name, table)}")
