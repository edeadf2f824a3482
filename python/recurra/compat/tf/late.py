"""Names of ``tf`` that are loaded when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: modules of this package
MODULES = ("audio", "compat", "data", "image", "io", "saved_model", "signal", "summary", "tpu", "train")
#: modules of recurra
OWN = {
    "activations": "recurra.activations",
    "initializers": "recurra.initializers",
    "keras": "recurra.compat.keras",
    "losses": "recurra.losses",
    "metrics": "recurra.metrics",
    "optimizers": "recurra.optimizers",
}
#: older names of initializers
INITIALIZERS = {
    "constant_initializer": "Constant",
    "ones_initializer": "Ones",
    "random_normal_initializer": "RandomNormal",
    "random_uniform_initializer": "RandomUniform",
    "zeros_initializer": "Zeros",
}


def find(name: str) -> Any:
    """The module, or the name of TensorFlow 1, that ``tf.<name>`` is.

    raises : AttributeError for what is not here, with a sentence for the names of graphs
    """
    if name in MODULES:
        return import_module(f"recurra.compat.tf.{name}")
    if name in OWN:
        from recurra.compat.views import view_of

        return view_of(OWN[name])
    if name in INITIALIZERS:
        return getattr(import_module("recurra.initializers"), INITIALIZERS[name])
    from recurra.compat.tf.compat import v1

    if name in v1.__all__ or name in v1.GRAPH_NAMES:
        return getattr(v1, name)
    raise AttributeError(f"module 'recurra.compat.tf' has no attribute {name!r}")
