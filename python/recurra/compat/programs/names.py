"""What a dotted name of TensorFlow or Keras stands for here."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, NamedTuple

from recurra.compat import tf_paths
from recurra.compat.foreign import ROOTS, below, stand_in
from recurra.compat.paths import at
from recurra.compat.views import view_of


class Missing(NamedTuple):
    """A name that is not here.

    name : up to the first part that is missing
    why : a sentence, where there is one
    """

    name: str
    why: str = ""


#: names that are here and do something else than people may expect
DIFFERS = {
    "tf.function": "nothing is traced: the function runs as Python each time",
    "tf.random.set_seed": "runs repeat, with other numbers than TensorFlow's",
    "tf.config.list_physical_devices": "answers that there is one CPU and no GPU",
    "tf.config.experimental.list_physical_devices": "answers that there is one CPU and no GPU",
    "tf.test.is_gpu_available": "answers no",
    "tf.distribute.MirroredStrategy": "one replica, on the CPU",
    "tf.saved_model.save": "writes one .keras archive, not a folder",
    "tf.train.Checkpoint": "writes one HDF5 file for each checkpoint, which TensorFlow does not read",
    "tf.compat.v1.Session": "holds settings and runs no graph",
    "tf.Session": "holds settings and runs no graph",
    "tf.InteractiveSession": "holds settings and runs no graph",
    **{
        f"tf.{root}{name}": "nothing changes: values are computed at once, and graphs are not run"
        for root in ("", "compat.v1.")
        for name in ("disable_eager_execution", "disable_v2_behavior")
    },
    "tf.device": "everything runs on the CPU",
}


def is_foreign(path: str) -> bool:
    """Whether a dotted name is one of TensorFlow's or Keras's."""
    return path.partition(".")[0] in ROOTS


def short(path: str) -> str:
    """``tensorflow.x`` as ``tf.x``."""
    rest = below(path, "tensorflow")
    return path if rest is None else f"tf.{rest}" if rest else "tf"


def module_of(path: str) -> ModuleType | dict[str, str] | None:
    """The module that stands for `path`; for an inner module of TensorFlow, where its names live."""
    inner = below(path, "tensorflow")
    if inner and inner in tf_paths.PATHS:
        return tf_paths.homes(inner)
    name = stand_in(path)
    return None if name is None else view_of(name)


def resolve(path: str) -> Missing | Any:
    """What ``tensorflow.keras.layers.LSTM`` stands for, or what of it is missing.

    Attributes of classes are looked up too; behind functions and instances nothing is asked.
    """
    parts = path.split(".")
    place = 1
    found: Any = module_of(parts[0])
    while place < len(parts):
        reached = ".".join(parts[: place + 1])
        if isinstance(found, ModuleType):
            try:
                found = getattr(found, parts[place])
            except AttributeError as error:
                module = module_of(reached)
                if module is None:
                    said = str(error)
                    return Missing(short(reached), "" if "has no attribute" in said else said)
                found = module
        elif isinstance(found, dict):
            if parts[place] in found:
                found = at(found[parts[place]], parts[place])
            else:
                found = module_of(reached)
                if found is None:
                    return Missing(short(reached))
        elif inspect.isclass(found):
            if not hasattr(found, parts[place]):
                return Missing(short(reached)) if found.__module__.startswith("recurra.") else found
            return found
        else:
            return found
        place += 1
    return found
