"""Optimizers, under Keras's names: ``recurra.optimizers.Adam(learning_rate=1e-3, clipnorm=1.0)``.

``recurra.optimizers.schedules`` holds the learning-rate schedules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recurra.optimizers import schedules
from recurra.optimizers.base import Optimizer
from recurra.optimizers.loss_scale import LossScaleOptimizer
from recurra.optimizers.names import deserialize, get, serialize
from recurra.optimizers.rule_adagrad import Adadelta, Adagrad
from recurra.optimizers.rule_adam import Adam, Adamax, AdamW, LazyAdam, Nadam
from recurra.optimizers.rule_lion import Lion
from recurra.optimizers.rule_rmsprop import RMSprop
from recurra.optimizers.rule_sgd import SGD

if TYPE_CHECKING:
    import recurra.optimizers as legacy

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LazyAdam",
    "Lion",
    "LossScaleOptimizer",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

#: Keras 2's names of the classes in lower case
_LOWER = {name.lower(): name for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")}

_OUT_OF_SCOPE = ("Adafactor", "Ftrl", "Lamb", "Muon")


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name == "legacy":
            return import_module("recurra.optimizers.legacy")
        if name in _LOWER:
            return globals()[_LOWER[name]]
        if name not in _OUT_OF_SCOPE:
            raise AttributeError(f"module 'recurra.optimizers' has no attribute {name!r}")

        def refuse(*args: Any, **kwargs: Any) -> Any:
            there = ", ".join(one for one in __all__ if one[0].isupper() and one != "Optimizer")
            raise ValueError(f"{name} is not supported; there are {there}")

        refuse.__name__ = name
        return refuse


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
