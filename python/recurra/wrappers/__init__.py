"""Models as estimators of scikit-learn (the extra ``recurra[sklearn]``): grid searches, pipelines, cross-validation.

``SKLearnClassifier``, ``SKLearnRegressor`` and ``SKLearnTransformer`` are Keras 3's; ``recurra.wrappers.scikit_learn``
has Keras 2's ``KerasClassifier`` and ``KerasRegressor``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.wrappers import scikit_learn
    from recurra.wrappers.estimators import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer", "scikit_learn"]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name == "scikit_learn":
            return import_module("recurra.wrappers.scikit_learn")
        if name not in __all__:
            raise AttributeError(f"module 'recurra.wrappers' has no attribute {name!r}")
        value = getattr(import_module("recurra.wrappers.estimators"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
