"""Which module of recurra stands for a module of TensorFlow or Keras, and the finder that hands it out.

Nothing here is in force before :func:`recurra.compat.install` puts the finder in ``sys.meta_path``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

from recurra.compat import tf_paths
from recurra.compat.finder import OldModule

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importing importlib.abc takes longer than all the rest here

#: the packages that are stood in for
ROOTS = ("tensorflow", "keras", "tf_keras", "keras_preprocessing")
#: where each keeps Keras's modules; longer ones are looked at first
KERAS = (
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.python.keras.api",
    "tensorflow.python.keras",
    "tensorflow.keras",
    "keras._tf_keras.keras",
    "keras.api",
    "keras.src",
    "keras",
    "tf_keras.api",
    "tf_keras.src",
    "tf_keras",
)
TF = "recurra.compat.tf"
_TF_PREFIXES = ("tensorflow.compat.v2", "tensorflow._api.v2", "tensorflow")


def below(path: str, prefix: str) -> str | None:
    """What follows `prefix` in a dotted path; "" for the prefix itself, None where the path is not below it."""
    if path == prefix:
        return ""
    return path[len(prefix) + 1 :] if path.startswith(f"{prefix}.") else None


def stand_in(path: str) -> str | None:
    """The module of recurra that stands for the module `path`; None where there is none.

    >>> stand_in("tensorflow.keras.layers"), stand_in("keras.src.models"), stand_in("tensorflow.contrib")
    ('recurra.layers', 'recurra.models', None)
    """
    for prefix in KERAS:
        rest = below(path, prefix)
        if rest is not None:
            return _public(rest)
    rest = below(path, "keras_preprocessing")
    if rest is not None:
        return _existing(f"recurra.preprocessing.{rest}" if rest else "recurra.preprocessing")
    for prefix in _TF_PREFIXES:
        rest = below(path, prefix)
        if rest is not None:
            return (_existing(f"{TF}.{rest}") if rest and not rest.startswith("_") else None) if rest else TF
    return None


def _public(path: str) -> str | None:
    """The module ``recurra.<path>``, if it is one that recurra shows or an older path."""
    import recurra

    if not path:
        return "recurra.compat.keras"
    first = path.partition(".")[0]
    from recurra.compat import paths

    shown = first in recurra._MODULES or any(old.partition(".")[0] == first for old in paths.PATHS)
    return _existing(f"recurra.{path}") if shown else None


def _existing(name: str) -> str | None:
    if name in sys.modules:
        return name
    try:
        return name if find_spec(name) is not None else None
    except (ModuleNotFoundError, AttributeError, ValueError):  # a parent that is missing, or no package
        return None


class ForeignLoader(Loader):
    """Puts the module of recurra in ``sys.modules`` under the name that was asked for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """The import system takes what ``sys.modules`` holds afterwards."""
        from recurra.compat.views import view_of

        sys.modules[module.__name__] = view_of(self.name)


class PathLoader(Loader):
    """Makes the module for one path of the table of TensorFlow's inner modules."""

    def __init__(self, path: str) -> None:
        self.path = path

    def create_module(self, spec: ModuleSpec) -> OldModule:
        return OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        homes = tf_paths.homes(self.path)
        module.__dict__.update(_homes=homes, __all__=sorted(homes), __doc__=f"Names of ``tensorflow.{self.path}``.")


def _reason(fullname: str, root: str) -> str:
    """Why there is no such module."""
    if below(fullname, "tensorflow.contrib") is not None:
        from recurra.compat.tf.compat.v1 import GRAPH_MODE

        return f"recurra stands in for tensorflow here, and {GRAPH_MODE.format('tf.contrib')}"
    if ".applications" in fullname:
        return (
            f"recurra stands in for {root} here and has no models of images: compute their features once "
            "where Keras is installed, save them by numpy.save, and load them here"
        )
    return f"recurra stands in for {root} here and has no such module"


class ForeignFinder:
    """Finds the modules that stand in; None for whatever recurra has not, and for all other packages."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of a module that stands in for one of TensorFlow or Keras."""
        root = fullname.partition(".")[0]
        if root not in ROOTS:
            return None
        inner = below(fullname, "tensorflow")
        if inner and inner in tf_paths.PATHS:
            return ModuleSpec(fullname, PathLoader(inner), origin=tf_paths.__name__, is_package=True)
        name = stand_in(fullname)
        if name is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}: {_reason(fullname, root)}", name=fullname)
        return ModuleSpec(fullname, ForeignLoader(name), origin=name, is_package=True)
