"""The lambdas of models that this process saved, for the process itself: files hold no code."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from recurra.files import FilePath
from recurra.layers.lambda_layer import Lambda
from recurra.registry import is_lambda

_Lambdas = dict[str, Callable[..., Any]]
#: for each file, as it was when it had been written: the lambdas of its Lambda layers by the layers' names
_of_file: dict[str, tuple[Any, _Lambdas]] = {}


def remember(model: Any, filepath: FilePath) -> None:
    """Keep the lambdas of a model that was saved as `filepath`; none for a name that two layers with others have."""
    found: dict[str, set[Callable[..., Any]]] = {}
    for layer in model._flatten_layers():
        if isinstance(layer, Lambda) and is_lambda(layer.function):
            found.setdefault(layer.name, set()).add(layer.function)
    path = os.path.realpath(filepath)
    _of_file.pop(path, None)
    if found:
        lambdas = {name: next(iter(functions)) for name, functions in found.items() if len(functions) == 1}
        _of_file[path] = _identity(path), lambdas


def lambdas_of(filepath: FilePath) -> _Lambdas:
    """What :func:`remember` kept for this file, unless another one has taken its place."""
    path = os.path.realpath(filepath)
    identity, lambdas = _of_file.get(path, (None, {}))
    return lambdas if lambdas and identity == _identity(path) else {}


def _identity(path: str) -> Any:
    """What another file of this name, or a later state of the file, has otherwise; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
