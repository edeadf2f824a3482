"""Keras 3's estimators: a compiled model, or a function that makes one, fitted and asked as scikit-learn does it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.models import Model, clone_model
from recurra.wrappers.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """Base of the three.

    model : a compiled model, which is cloned for each fit, or a function ``(X, y, **model_kwargs)`` that makes one
    warm_start : with a model: fit it itself, from the weights that it has
    model_kwargs : further arguments of the function
    fit_kwargs : arguments of the model's ``fit``; those of the estimator's ``fit`` come before them

    After ``fit``: `model_` is the fitted model, `history_` what its ``fit`` returned.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Any:
        """What ``sklearn.base.clone`` calls: a model is copied, not taken apart."""
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, self.model_kwargs, self.fit_kwargs)

    def _made_model(self, X: Array, y: Array) -> Model:
        if isinstance(self.model, Model):
            model = self.model if self.warm_start else _cloned(self.model)
        else:
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not isinstance(model, Model) or not model.compiled or model.loss is None:
            raise RuntimeError(f"model must be (or make) a compiled model with a loss, got {model!r}")
        return model

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Fit a new model (the given one itself with `warm_start`) to X (samples, ...) and y.

        kwargs : for the model's ``fit``
        """
        from sklearn.utils.validation import validate_data

        X, y = validate_data(self, X, y, **self._checks)
        target = self._encoded(y)
        model = self._made_model(X, target)
        self.history_ = model.fit(X, target, **{"verbose": 0, **(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    #: further arguments of scikit-learn's check of X and y
    _checks: Mapping[str, Any] = {}

    def _outputs(self, X: Any) -> Array:
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self, "model_")
        found: Array = np.asarray(self.model_.predict(validate_data(self, X, reset=False), verbose=0))
        return found

    def _encoded(self, y: Array) -> Array:
        """The targets as the model gets them: always with a second axis."""
        from sklearn.utils.multiclass import type_of_target

        if type_of_target(y) == "unknown":
            raise ValueError(f"Unknown label type: y of dtype {y.dtype}")
        self._target_rank = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y


def _cloned(model: Model) -> Model:
    """A new model with new weights, compiled alike."""
    made: Model = clone_model(model)
    config = model.get_compile_config()
    if config is not None:
        made.compile_from_config(config)
    return made


class SKLearnClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier: the model gets one-hot labels and gives a number for each class.

    model : a compiled model, which is cloned for each fit, or a function ``(X, y, **model_kwargs)`` that makes one
    warm_start : with a model: fit it itself, from the weights that it has
    model_kwargs : further arguments of the function
    fit_kwargs : arguments of the model's ``fit``; those of the estimator's ``fit`` come before them

    After ``fit``: `model_`, `history_`, and `classes_`, the labels in ascending order.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _encoded(self, y: Array) -> Array:
        from sklearn.utils.multiclass import type_of_target

        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Only binary and multiclass targets are supported. Unknown label type: {kind}")
        self._target_rank = y.ndim
        self.classes_, ids = np.unique(y.reshape(-1), return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        return np.eye(len(self.classes_))[ids]

    def predict(self, X: Any) -> Array:
        """The label of the greatest output, for each sample."""
        ids = self._outputs(X).argmax(-1)
        found: Array = self.classes_[ids]
        return found

    def decision_function(self, X: Any) -> Array:
        """The model's outputs: for two classes the second's less the first's, as scikit-learn wants one number."""
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs


class SKLearnRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regressor.

    model : a compiled model, which is cloned for each fit, or a function ``(X, y, **model_kwargs)`` that makes one
    warm_start : with a model: fit it itself, from the weights that it has
    model_kwargs : further arguments of the function
    fit_kwargs : arguments of the model's ``fit``; those of the estimator's ``fit`` come before them
    """

    _checks: Mapping[str, Any] = {"multi_output": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> Array:
        """The model's outputs, float64 as scikit-learn wants them, in the shape of the targets of ``fit``."""
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._target_rank == 1 and outputs.ndim == 2 else outputs


class SKLearnTransformer(TransformerMixin, _Estimator):  # type: ignore[misc]
    """A step of a pipeline that gives the model's outputs for its inputs.

    model : a compiled model, which is cloned for each fit, or a function ``(X, y, **model_kwargs)`` that makes one
    warm_start : with a model: fit it itself, from the weights that it has
    model_kwargs : further arguments of the function
    fit_kwargs : arguments of the model's ``fit``; those of the estimator's ``fit`` come before them
    """

    _checks: Mapping[str, Any] = {"multi_output": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X: Any) -> Array:
        """The model's outputs."""
        return self._outputs(X)
