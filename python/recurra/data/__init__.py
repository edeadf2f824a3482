"""Batches from arrays, made as they are needed: a small :class:`Dataset`, and windows over a series as views.

>>> import numpy as np
>>> from recurra.data import Dataset
>>> data = Dataset.from_tensor_slices((np.arange(5), np.arange(5) ** 2)).batch(2)
>>> for x, y in data:
...     print(x, y)
[0 1] [0 1]
[2 3] [4 9]
[4] [16]
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from recurra.data.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from recurra.data.windows import sliding_windows

if TYPE_CHECKING:
    experimental: ModuleType  # a path of TensorFlow: see compat/paths.py

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "experimental", "sliding_windows"]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name == "experimental":
            return import_module("recurra.data.experimental")
        raise AttributeError(f"module 'recurra.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
