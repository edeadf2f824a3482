"""The optimizers by name: ``get``, ``serialize`` and ``deserialize``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.naming import to_snake_case
from recurra.optimizers.base import Optimizer
from recurra.optimizers.loss_scale import LossScaleOptimizer
from recurra.optimizers.rule_adagrad import Adadelta, Adagrad
from recurra.optimizers.rule_adam import Adam, Adamax, AdamW, LazyAdam, Nadam
from recurra.optimizers.rule_lion import Lion
from recurra.optimizers.rule_rmsprop import RMSprop
from recurra.optimizers.rule_sgd import SGD
from recurra.registry import Registry
from recurra.typing import OptimizerLike

CLASSES: dict[str, type[Optimizer]] = {
    cls.__name__: cls for cls in (SGD, RMSprop, Adam, AdamW, LazyAdam, Adagrad, Adadelta, Nadam, Adamax, Lion)
}


NAMES: dict[str, type[Optimizer]] = {
    **CLASSES,
    **{name.lower(): cls for name, cls in CLASSES.items()},
    **{to_snake_case(name): cls for name, cls in CLASSES.items()},
}
#: Keras's optimizers that are not here
_ELSEWHERE = ("adafactor", "ftrl", "lamb", "muon", "lossscale")
_registry = Registry(
    "optimizer",
    {**NAMES, "LossScaleOptimizer": LossScaleOptimizer},
    base=Optimizer,
    callables=False,
    any_case=True,
    accepts="a name, an Optimizer or its configuration",
    error=TypeError,
)


def _check_offered(name: Any) -> None:
    if isinstance(name, str) and name.lower() in _ELSEWHERE:
        raise ValueError(f"optimizer {name!r} is not offered here; there are {', '.join(CLASSES)}")


def get(identifier: OptimizerLike) -> Optimizer:
    """An optimizer from its name ("adam"), class, configuration, or itself.

    raises : ValueError for an unknown name, with the nearest ones
    """
    _check_offered(identifier)
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if identifier is None:
        raise TypeError("optimizer must be a name, an Optimizer or its configuration, got None")
    optimizer: Optimizer = _registry.get(identifier)
    return optimizer


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """``{"class_name": ..., "config": ...}`` of an optimizer."""
    config: dict[str, Any] = _registry.serialize(optimizer)
    return config


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that :func:`serialize` (or Keras) described."""
    _check_offered(config.get("class_name"))
    optimizer: Optimizer = _registry.deserialize(config, custom_objects)
    return optimizer
