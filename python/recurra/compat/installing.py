"""Let ``import tensorflow`` and ``import keras`` give recurra, and undo it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType

from recurra.compat.addons import ROOTS as ADDON_ROOTS
from recurra.compat.addons import AddonFinder
from recurra.compat.foreign import ROOTS, ForeignFinder

_finder: ForeignFinder | None = None
_addons = AddonFinder()
_set_aside: dict[str, ModuleType] = {}


class AlreadyThere(ImportError):
    """A real TensorFlow or Keras is installed, and nobody said that it is to be replaced."""


def real_packages() -> dict[str, str]:
    """The packages among ``tensorflow``, ``keras``, … that are really installed, and where."""
    found = {}
    for root in ROOTS:
        module = sys.modules.get(root)
        spec = getattr(module, "__spec__", None) if module is not None else find_spec(root)
        if spec is not None and spec.origin is not None:  # a folder of that name alone is no package
            found[root] = spec.origin
        elif module is not None and getattr(module, "__file__", None):
            found[root] = str(module.__file__)
    return found


def install(*, force: bool = False) -> None:
    """Put the finder in place, and give layers what programs expect: see :func:`recurra.compat.install`."""
    global _finder
    if _finder is not None:
        return
    real = real_packages()
    if real and not force:
        listed = ", ".join(f"{name} ({place})" for name, place in real.items())
        raise AlreadyThere(f"really installed: {listed}. It is not replaced unless you say so: force=True, or --force")
    _set_aside.update(_take_modules())
    _finder = ForeignFinder()
    sys.meta_path.insert(0, _finder)  # first: later finders would look into the folders of recurra's own packages
    sys.meta_path.append(_addons)
    from recurra.compat import presenting

    presenting.start()


def uninstall() -> None:
    """Take away what :func:`install` put in place."""
    global _finder
    if _finder is None:
        return
    from recurra.compat import presenting

    presenting.stop()
    sys.meta_path.remove(_finder)
    sys.meta_path.remove(_addons)
    _finder = None
    _take_modules()
    sys.modules.update(_set_aside)
    _set_aside.clear()


def installed() -> bool:
    """Whether :func:`install` is in force."""
    return _finder is not None


def _take_modules() -> dict[str, ModuleType]:
    """Remove the modules of the packages from ``sys.modules``."""
    names = [name for name in sys.modules if name.partition(".")[0] in (*ROOTS, *ADDON_ROOTS)]
    return {name: sys.modules.pop(name) for name in names}
