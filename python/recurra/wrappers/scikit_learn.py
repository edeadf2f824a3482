"""Keras 2's estimators: a function that makes a compiled model, its arguments and those of ``fit`` in one list."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.callbacks.history import History
from recurra.losses.names import get as get_loss
from recurra.models import Sequential
from recurra.utils.one_hot import to_categorical
from recurra.wrappers.base import BaseEstimator, ClassifierMixin, RegressorMixin

_METHODS = ("fit", "predict", "evaluate")


class _Wrapper(BaseEstimator):  # type: ignore[misc]
    """Base of both.

    build_fn : makes a compiled model: a function, an object with ``__call__``, or None where a subclass has it
    sk_params : arguments of `build_fn`, and of the model's fit, predict and evaluate (`epochs`, `batch_size`, ...)
    """

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        self._check(sk_params)

    def _maker(self) -> Callable[..., Any]:
        if self.build_fn is not None:
            return self.build_fn
        return self.__call__  # type: ignore[no-any-return]

    def _check(self, params: dict[str, Any]) -> None:
        """ValueError for an argument that nothing takes."""
        legal = {"nb_epoch"}
        for function in (*(getattr(Sequential, name) for name in _METHODS), self._maker()):
            parameters = inspect.signature(function).parameters.values()
            if function not in (getattr(Sequential, name) for name in _METHODS) and any(
                p.kind is p.VAR_KEYWORD for p in parameters
            ):
                return  # the function takes anything
            legal |= {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
        for name in params:
            if name not in legal:
                raise ValueError(
                    f"{name} is not a legal parameter: neither build_fn nor fit, predict, evaluate take it"
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All arguments, for scikit-learn."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Set arguments, for scikit-learn."""
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self._check(params)
        self.sk_params.update(params)
        return self

    def _arguments(self, function: Any, given: dict[str, Any]) -> dict[str, Any]:
        """Those of the arguments that `function` takes, and those given now."""
        parameters = inspect.signature(function).parameters.values()
        names = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
        known = names | ({"nb_epoch"} if function is Sequential.fit else set())
        takes_all = function is self._maker() and any(p.kind is p.VAR_KEYWORD for p in parameters)
        if takes_all:
            others = {n for name in _METHODS for n in inspect.signature(getattr(Sequential, name)).parameters}
            known |= set(self.sk_params) - others
        return {**{name: value for name, value in self.sk_params.items() if name in known}, **given}

    def _fit(self, x: Any, y: Any, given: dict[str, Any]) -> History:
        maker = self._maker()
        self.model = maker(**self._arguments(maker, {}))
        if self._is_categorical() and (np.ndim(y) != 2 or np.shape(y)[1] == 1):
            y = to_categorical(y)
        history: History = self.model.fit(x, y, **self._arguments(Sequential.fit, given))
        return history

    def _is_categorical(self) -> bool:
        loss = self.model.loss
        name = getattr(get_loss(loss) if isinstance(loss, str) else loss, "__name__", getattr(loss, "name", ""))
        return name == "categorical_crossentropy"

    def _predicted(self, x: Any, given: dict[str, Any]) -> Array:
        found: Array = np.asarray(self.model.predict(x, **self._arguments(Sequential.predict, given)))
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")


class KerasClassifier(ClassifierMixin, _Wrapper):  # type: ignore[misc]
    """A classifier of Keras 2.

    build_fn : makes a compiled model with the metric "accuracy"
    sk_params : arguments of `build_fn`, and of the model's fit, predict and evaluate (`epochs`, `batch_size`, ...)
    """

    def fit(self, x: Any, y: Any, **kwargs: Any) -> History:
        """Make a model and train it; returns its History.

        y : (samples,) or (samples, 1) labels of any kind, or (samples, classes) one-hot
        """
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] > 1:
            self.classes_ = np.arange(labels.shape[1])
        elif labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1):
            self.classes_, ids = np.unique(labels, return_inverse=True)
            labels = ids.reshape(labels.shape)
        else:
            raise ValueError(f"y must have shape (samples,) or (samples, classes), got {labels.shape}")
        return self._fit(x, labels, kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """The label of each sample."""
        outputs = self._predicted(x, kwargs)
        ids = outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype(np.int64)
        found: Array = self.classes_[ids]
        return found

    def predict_proba(self, x: Any, **kwargs: Any) -> Array:
        """The probability of each class, (samples, classes); two columns for a single sigmoid."""
        outputs = self._predicted(x, kwargs)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy that the model measures.

        raises : ValueError where it was compiled without one
        """
        labels = np.asarray(y)
        if labels.ndim == 1 or labels.shape[1] == 1:
            labels = np.searchsorted(self.classes_, labels)
        if self._is_categorical() and (labels.ndim != 2 or labels.shape[1] == 1):
            labels = np.asarray(to_categorical(labels, len(self.classes_)))
        arguments = {**self._arguments(Sequential.evaluate, kwargs), "return_dict": True}
        found = self.model.evaluate(x, labels, **arguments)
        for name in ("accuracy", "acc"):
            if name in found:
                return float(found[name])
        raise ValueError('the model measures no accuracy: compile it with metrics=["accuracy"]')


class KerasRegressor(RegressorMixin, _Wrapper):  # type: ignore[misc]
    """A regressor of Keras 2.

    build_fn : makes a compiled model
    sk_params : arguments of `build_fn`, and of the model's fit, predict and evaluate (`epochs`, `batch_size`, ...)
    """

    def fit(self, x: Any, y: Any, **kwargs: Any) -> History:
        """Make a model and train it; returns its History."""
        return self._fit(x, y, kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """The outputs, (samples,) for a single one."""
        outputs = self._predicted(x, kwargs)
        return outputs[..., 0] if outputs.ndim and outputs.shape[-1] == 1 else outputs

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The loss with its sign turned, so that more is better."""
        found = self.model.evaluate(x, y, **{**self._arguments(Sequential.evaluate, kwargs), "return_dict": True})
        return -float(found["loss"])
