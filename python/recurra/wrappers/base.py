"""scikit-learn's base classes, or what stands for them where it is not installed: classes that cannot be made."""

from __future__ import annotations

from typing import Any

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
except ImportError:

    class BaseEstimator:  # type: ignore[no-redef]
        """Says what is missing."""

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            raise ImportError(f"{cls.__name__} needs scikit-learn: pip install 'recurra[sklearn]'")

    class ClassifierMixin:  # type: ignore[no-redef]
        """Nothing."""

    class RegressorMixin:  # type: ignore[no-redef]
        """Nothing."""

    class TransformerMixin:  # type: ignore[no-redef]
        """Nothing."""


__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin", "TransformerMixin"]
