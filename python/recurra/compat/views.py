"""Modules of recurra as programs for Keras see them: the same names, with tensors from functions that compute.

A function of ``keras.losses`` or ``keras.backend`` that a program calls gives tensors. Where such a function is given
to a layer or to ``compile``, recurra's own is taken: each wrapper says which that is, as `recurra_function`.
"""

from __future__ import annotations

import functools
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

#: modules whose functions compute, by their names in Keras
VIEWED = (
    "activations",
    "backend",
    "losses",
    "metrics",
    "ops",
    "preprocessing",
    "preprocessing.timeseries",
    "random",
    "utils",
)
#: modules of which only names are added to: those of :mod:`recurra.compat.older_names`
RENAMED = ("callbacks", "initializers", "layers", "regularizers")
#: functions that give arrays, or what is no tensor, in Keras too
_PLAIN = frozenset(
    {
        "cast_to_floatx", "convert_to_numpy", "deserialize", "eval", "get", "get_value", "normalize", "pad_sequences",
        "function", "serialize", "to_categorical", "value_of",
    }
)  # fmt: skip


class View(ModuleType):
    """A module whose names are those of another one."""

    def __init__(self, name: str, home: ModuleType) -> None:
        super().__init__(name, home.__doc__)
        self.__dict__["_home"] = home
        self.__dict__["_presents"] = name.removeprefix("recurra.") in VIEWED
        if hasattr(home, "__path__"):
            self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        home = self.__dict__["_home"]
        try:
            value = getattr(home, name)
            if name == "__all__":  # older names are among what ``import *`` gives
                return [*value, *(old for old, new in getattr(home, "_ALIASES", {}).items() if new in value)]
        except AttributeError as error:
            from recurra.compat import older_names

            try:
                value = older_names.find(home.__name__, name)
            except AttributeError:
                raise error from None
        if not self.__dict__["_presents"]:
            return value
        if isinstance(value, FunctionType) and name not in _PLAIN and not name.startswith("_"):
            value = giving_tensors(value)
        elif isinstance(value, ModuleType) and value.__name__.startswith(f"{home.__name__}."):
            return view_of(value.__name__)
        if not isinstance(value, ModuleType):
            self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_home"])


def giving_tensors(function: Any) -> Any:
    """`function` with tensors in place of the arrays that it returns."""
    from recurra.compat.presenting import shown

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if function.__name__ == "cast" and args and hasattr(args[0], "dense_shape"):  # a sparse tensor stays one
            values = function(args[0].values, *args[1:], **kwargs)
            return type(args[0])(args[0].indices, values, args[0].dense_shape)
        return shown(function(*args, **kwargs))

    call.recurra_function = function  # type: ignore[attr-defined]
    return call


@functools.cache
def view_of(name: str) -> ModuleType:
    """The module ``recurra.<...>``, or a view of it where its functions compute or older names lead to it."""
    home = import_module(name)
    return View(name, home) if name.removeprefix("recurra.") in (*VIEWED, *RENAMED) else home
