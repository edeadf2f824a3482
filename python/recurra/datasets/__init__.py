"""Data sets to start with, from the network or a local path as Keras has them, and embedded review sentences.

>>> from recurra.datasets import sentences
>>> (x_train, y_train), (x_test, y_test) = sentences.load_data()
>>> len(x_train), len(x_test)
(240, 60)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.datasets import (
        boston_housing,
        cifar10,
        fashion_mnist,
        imdb,
        mnist,
        reuters,
        sentences,
        shakespeare,
    )

__all__ = ["boston_housing", "cifar10", "fashion_mnist", "imdb", "mnist", "reuters", "sentences", "shakespeare"]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return import_module(f"recurra.datasets.{name}")
        raise AttributeError(f"module 'recurra.datasets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
