"""Modules made from the table of old paths: a finder for ``sys.meta_path``, and the modules that it makes.

The finder belongs at the end of ``sys.meta_path``, where it is asked for what nothing else found. A module that it
makes holds no code: it fetches each name from the module that holds it, when the name is first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from recurra.compat import paths

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importing importlib.abc takes longer than all the rest here


class OldModule(ModuleType):
    """A module under an old path. ``__all__`` lists its names."""

    _homes: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        home = self.__dict__.get("_homes", {}).get(name)
        if home is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = paths.at(home, name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__dict__.get("_homes", ())})


class CalledModule(OldModule):
    """A module under an old path that was a function in a still older version."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return paths.at(paths.CALLED[self.__name__.partition(".")[2]], "")(*args, **kwargs)


class OldModuleLoader(Loader):
    """Makes the module for one path of the table."""

    def __init__(self, path: str) -> None:
        self.path = path

    def create_module(self, spec: ModuleSpec) -> OldModule:
        return (CalledModule if self.path in paths.CALLED else OldModule)(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Say which names the module has. Names fetched before a reload are fetched again."""
        homes = paths.homes(self.path)
        for name in homes:
            module.__dict__.pop(name, None)
        rooms = ", ".join(f"``{home}``" for home in sorted(set(homes.values())))
        module.__dict__.update(
            _homes=homes, __all__=sorted(homes), __doc__=f"The older path ``{self.path}`` for names of {rooms}."
        )


class Finder:
    """Finds the modules of the table below one root: ``Finder("recurra")`` finds ``recurra.layers.core``."""

    def __init__(self, root: str) -> None:
        self._prefix = f"{root}."

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of an old module, None for any other."""
        relative = fullname.removeprefix(self._prefix)
        if relative == fullname or relative not in paths.PATHS:
            return None
        return ModuleSpec(
            fullname, OldModuleLoader(relative), origin=paths.__name__, is_package=paths.is_package(relative)
        )
