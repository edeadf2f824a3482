"""What ``import keras`` gives a program that runs on recurra: the names of ``recurra``, and a version of Keras's."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import recurra

#: the version of Keras whose names and numbers recurra follows, with recurra's own behind the plus
__version__ = f"3.12.0+recurra.{recurra.__version__}"

#: importing ``keras.layers`` asks for it
__path__: list[str] = []


def version() -> str:
    """:data:`__version__`."""
    return __version__


def __getattr__(name: str) -> Any:
    from recurra.compat import paths

    if name in paths.PATHS and "." not in name:
        return import_module(f"recurra.{name}")
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(recurra, name)
    if isinstance(value, ModuleType):
        from recurra.compat.views import view_of

        return view_of(value.__name__)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(recurra)})
