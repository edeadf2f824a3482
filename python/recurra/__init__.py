"""Recurrent networks on the CPU: LSTM, GRU and SimpleRNN in C++, under Keras's names.

    >>> from recurra.models import Sequential
    >>> from recurra.layers import Dense, Embedding, LSTM
    >>> model = Sequential([Embedding(100, 8), LSTM(16), Dense(1, activation="sigmoid")])

Everything below this module is imported when it is first used, so that ``import recurra`` costs little.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra import (
        activations,
        autograd,
        backend,
        callbacks,
        config,
        constraints,
        data,
        datasets,
        generation,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        preprocessing,
        random,
        regularizers,
        saving,
        tasks,
        typing,
        utils,
        wrappers,
    )
    from recurra._core.select import build_config, get_num_threads, set_num_threads
    from recurra.autograd import GradientTape, Variable, no_grad
    from recurra.config import DTypePolicy
    from recurra.gradcheck import gradcheck
    from recurra.initializers import Initializer
    from recurra.layers import InputSpec, Layer
    from recurra.losses import Loss
    from recurra.metrics import Metric
    from recurra.models import Function, Input, KerasTensor, Model, Sequential
    from recurra.optimizers import Optimizer
    from recurra.regularizers import Regularizer
    from recurra.saving import checkpoints as train

__version__ = "0.1.0"

_MODULES = {
    "activations",
    "autograd",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "data",
    "datasets",
    "generation",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "tasks",
    "train",
    "typing",
    "utils",
    "wrappers",
}
#: modules of the table of old paths that programs reach by an attribute (``keras.mixed_precision``)
_OLD = {"experimental", "mixed_precision", "objectives"}
_NAMES = {
    "DTypePolicy": "recurra.config",
    "Function": "recurra.models",
    "Initializer": "recurra.initializers",
    "InputSpec": "recurra.layers",
    "KerasTensor": "recurra.models",
    "Regularizer": "recurra.regularizers",
    "GradientTape": "recurra.autograd",
    "Variable": "recurra.autograd",
    "no_grad": "recurra.autograd",
    "gradcheck": "recurra.gradcheck",
    "Layer": "recurra.layers",
    "Input": "recurra.models",
    "Model": "recurra.models",
    "Sequential": "recurra.models",
    "Optimizer": "recurra.optimizers",
    "Loss": "recurra.losses",
    "Metric": "recurra.metrics",
    "build_config": "recurra._core.select",
    "get_num_threads": "recurra._core.select",
    "set_num_threads": "recurra._core.select",
}

__all__ = [
    "DTypePolicy",
    "Function",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "autograd",
    "backend",
    "build_config",
    "callbacks",
    "config",
    "constraints",
    "data",
    "datasets",
    "generation",
    "get_num_threads",
    "gradcheck",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "no_grad",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "set_num_threads",
    "tasks",
    "train",
    "typing",
    "utils",
    "wrappers",
]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"recurra.{name}")
        if name in _NAMES:
            value = getattr(import_module(_NAMES[name]), name)
            globals()[name] = value
            return value
        if name in _OLD:
            return import_module(f"recurra.{name}")
        raise AttributeError(f"module 'recurra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_MODULES | set(_NAMES) | set(globals()))


class _OldPaths:
    """Finds old module paths such as ``recurra.layers.core``; the import system asks it after all other finders."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> Any:
        if not fullname.startswith("recurra.") or fullname.startswith("recurra._"):
            return None
        from recurra.compat.finder import Finder

        return Finder("recurra").find_spec(fullname, path, target)


if "_old_paths" not in globals():  # a reload finds it in its place
    _old_paths = _OldPaths()
    sys.meta_path.append(_old_paths)
