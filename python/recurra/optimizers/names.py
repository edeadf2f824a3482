"""The optimizers by name: ``get``, ``serialize`` and ``deserialize``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.optimizers.adagrad import Adadelta, Adagrad
from recurra.optimizers.adam import Adam, Adamax, AdamW, LazyAdam, Nadam
from recurra.optimizers.base import Optimizer
from recurra.optimizers.lion import Lion
from recurra.optimizers.rmsprop import RMSprop
from recurra.optimizers.sgd import SGD
from recurra.training.naming import lookup, snake_case

CLASSES: dict[str, type[Optimizer]] = {
    cls.__name__: cls
    for cls in (SGD, RMSprop, Adam, AdamW, LazyAdam, Adagrad, Adadelta, Nadam, Adamax, Lion)
}  # fmt: skip


NAMES: dict[str, type[Optimizer]] = {
    **CLASSES,
    **{name.lower(): cls for name, cls in CLASSES.items()},
    **{snake_case(name): cls for name, cls in CLASSES.items()},
}


_ELSEWHERE = ("adafactor", "ftrl", "lamb", "muon", "lossscale")


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name ("adam"), class, configuration, or itself.

    raises : ValueError for an unknown name, with the nearest ones
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() in _ELSEWHERE:
            raise ValueError(f"optimizer {identifier!r} is not offered here; there are {', '.join(CLASSES)}")
        found: Any = lookup("optimizer", identifier, NAMES)
        return found() if isinstance(found, type) else found  # type: ignore[no-any-return]
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        made: Any = identifier
        return made()  # type: ignore[no-any-return]
    raise TypeError(f"optimizer must be a name, an Optimizer or its configuration, got {identifier!r}")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """``{"class_name": ..., "config": ...}`` of an optimizer."""
    from recurra.registry import serialize_keras_object

    result: dict[str, Any] = serialize_keras_object(optimizer)
    return result


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that :func:`serialize` (or Keras) described."""
    name = config["class_name"]
    if name.lower() in _ELSEWHERE:
        raise ValueError(f"optimizer {name!r} is not offered here; there are {', '.join(CLASSES)}")
    cls = lookup("optimizer", name, NAMES, custom_objects)
    optimizer: Optimizer = cls.from_config(config["config"])
    return optimizer
