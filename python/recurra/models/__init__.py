"""Models: ``Sequential``, the functional ``Model``, and what makes, reads and draws them. Loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.layers.input_layer import Input
    from recurra.models.cloning import clone_model, model_from_json
    from recurra.models.function import Function
    from recurra.models.functional import Functional
    from recurra.models.model import Model
    from recurra.models.plotting import plot_model
    from recurra.models.sequential import Sequential
    from recurra.saving import load_model, save_model
    from recurra.symbolic import KerasTensor

_HOMES = {
    "Function": "recurra.models.function",
    "Functional": "recurra.models.functional",
    "Input": "recurra.layers.input_layer",
    "KerasTensor": "recurra.symbolic",
    "Model": "recurra.models.model",
    "Sequential": "recurra.models.sequential",
    "clone_model": "recurra.models.cloning",
    "load_model": "recurra.saving",
    "model_from_json": "recurra.models.cloning",
    "plot_model": "recurra.models.plotting",
    "save_model": "recurra.saving",
}

__all__ = [
    "Function",
    "Functional",
    "Input",
    "KerasTensor",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "plot_model",
    "save_model",
]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'recurra.models' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
