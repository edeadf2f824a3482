"""Optimizers, under Keras's names: ``recurra.optimizers.Adam(learning_rate=1e-3, clipnorm=1.0)``.

``recurra.optimizers.schedules`` holds the learning-rate schedules.
"""

from recurra.optimizers import schedules
from recurra.training.optimizer import Optimizer
from recurra.training.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    LazyAdam,
    Lion,
    Nadam,
    RMSprop,
    deserialize,
    get,
    serialize,
)

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LazyAdam",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
