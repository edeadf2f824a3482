"""The lambdas of models that this process saved, for the process itself: files hold no code."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from recurra.files import FilePath
from recurra.layers.lambda_layer import Lambda
from recurra.registry import is_lambda

#: for each file, the lambdas of its Lambda layers by the layers' names
_of_file: dict[str, dict[str, Callable[..., Any]]] = {}


def remember(model: Any, filepath: FilePath) -> None:
    """Keep the lambdas of a model that is saved as `filepath`; none for a name that two layers with others have."""
    found: dict[str, set[Callable[..., Any]]] = {}
    for layer in model._flatten_layers():
        if isinstance(layer, Lambda) and is_lambda(layer.function):
            found.setdefault(layer.name, set()).add(layer.function)
    path = os.path.realpath(filepath)
    _of_file.pop(path, None)
    if found:
        _of_file[path] = {name: next(iter(functions)) for name, functions in found.items() if len(functions) == 1}


def lambdas_of(filepath: FilePath) -> dict[str, Callable[..., Any]]:
    """What :func:`remember` kept for this file."""
    return _of_file.get(os.path.realpath(filepath), {})
