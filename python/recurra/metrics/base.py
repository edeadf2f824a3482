"""What all metrics share: state that grows batch by batch, a result, and the direction in which it improves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array, Variable, value_of
from recurra.config import floatx
from recurra.losses.labels import is_one_hot, without_masked
from recurra.losses.names import is_loss
from recurra.losses.reduction import same_rank
from recurra.naming import missing_attribute, to_snake_case
from recurra.registry import serialize_keras_object
from recurra.typing import ArrayLike, DType, InitializerLike


class Metric:
    """Base class: override :meth:`update_state`, :meth:`result` and, beside variables, :meth:`reset_state`.

    A metric of your own keeps its numbers as attributes, or in variables made by :meth:`add_variable`.
    ``direction`` is "up" or "down" (what is better), or None if unknown; callbacks with ``mode="auto"`` ask for it.
    """

    _keras_module = "keras.metrics"
    direction: str | None = None
    #: True for metrics that give the same for logits as for their softmax
    ranks_only = False
    #: the attributes that grow batch by batch, beside variables
    _state: tuple[str, ...] = ()

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        self.name = name or to_snake_case(type(self).__name__)
        self.dtype = dtype or floatx()
        self._variables: list[Variable] = []

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return missing_attribute(self, name, "dtype" in self.__dict__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in one batch, usually ``(y_true, y_pred, sample_weight=None)``."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(self, y_true, y_pred, ...)")

    def result(self) -> Any:
        """The value over all that was taken in since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define result(self)")

    def reset_state(self) -> None:
        """Forget everything."""
        for variable in self._variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def reset_states(self) -> None:
        """:meth:`reset_state`, by Keras 2's name. A metric may define the one or the other."""
        for base in type(self).__mro__:
            defined = vars(base).get("reset_state")
            if defined is not None and defined is not vars(base).get("reset_states"):
                defined(self)
                return

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "reset_states" in vars(cls) and cls.reset_state is Metric.reset_state:
            cls.reset_state = cls.reset_states  # type: ignore[method-assign]

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: InitializerLike = "zeros",
        dtype: DType | None = None,
        name: str | None = None,
    ) -> Variable:
        """State that :meth:`reset_state` sets to zero."""
        from recurra import initializers

        start = initializers.get(initializer or "zeros")(tuple(shape), dtype=dtype or self.dtype)
        variable = Variable(value_of(start), name=name or "variable", trainable=False)
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: InitializerLike = "zeros",
        dtype: DType | None = None,
        name: str | None = None,
    ) -> Variable:
        """:meth:`add_variable` under its older name; the name may also come first, as in Keras 2."""
        if isinstance(shape, str):
            shape, name = (), shape
        return self.add_variable(shape, initializer, dtype, name)

    @property
    def variables(self) -> list[Variable]:
        """What it keeps from batch to batch. Assigning to one changes the metric."""
        from recurra.metrics.state import StateVariable

        return [*(StateVariable(self, name) for name in self._state), *self._variables]

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Metric:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}>"


def samplewise(values: Any, weight: Any, reduce: Callable[..., Any]) -> tuple[Array, Array | None]:
    """One weighted value for each sample, and its weight.

    values : (B, ...) or one number, weight : None, (B,) or any leading part of the shape of `values`
    reduce : np.mean or np.sum, over the axes after the first
    """
    values = np.asarray(value_of(values))
    if values.dtype.kind != "f":
        values = values.astype(floatx())
    if weight is not None:
        weight = np.asarray(value_of(weight), values.dtype)
        values, weight = same_rank(values, weight)
        if not values.ndim:  # one value for the batch
            values = np.broadcast_to(values, weight.shape)
        if values.ndim > weight.ndim:
            values = reduce(values, axis=tuple(range(weight.ndim, values.ndim)))
        weight = np.broadcast_to(weight, values.shape)
        values = values * weight
        if weight.ndim > 1:
            weight = reduce(weight, axis=tuple(range(1, weight.ndim)))
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weight


class Sum(Metric):
    """The (weighted) sum of the values."""

    _state = ("total",)

    def __init__(self, name: str = "sum", dtype: str | None = None) -> None:
        super().__init__(dtype, name)
        self.reset_state()

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.total += float(np.sum(samplewise(values, sample_weight, np.sum)[0], dtype=np.float64))

    def reset_state(self) -> None:
        self.total = 0.0

    def result(self) -> float:
        return self.total


class Mean(Metric):
    """The (weighted) mean of the values; 0 before the first."""

    _state = ("total", "count")

    def __init__(self, name: str = "mean", dtype: str | None = None) -> None:
        super().__init__(dtype, name)
        self.reset_state()

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        values, weight = samplewise(values, sample_weight, np.mean)
        self.total += float(values.sum(dtype=np.float64))
        if weight is not None:
            self.count += float(weight.sum(dtype=np.float64))
        else:
            self.count += len(values) if values.ndim else 1

    def reset_state(self) -> None:
        self.total = 0.0
        self.count = 0.0

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0


class MeanMetricWrapper(Mean):
    """The mean of any function ``fn(y_true, y_pred, **kwargs)`` that gives one value for each sample or step.

    A mask that travels with `y_pred` leaves the masked steps out.
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None) or type(fn).__name__, dtype)
        self._fn, self._kwargs = fn, kwargs
        if self.direction is None and is_loss(fn):
            self.direction = "down"

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None and getattr(self._fn, "of_ids", False):
            y_true = without_masked(y_true, mask)
        values = self._fn(y_true, value_of(y_pred), **self._kwargs)
        if mask is None and sample_weight is None and isinstance(values, np.ndarray) and values.size and values.ndim:
            self.total += float(values.sum(dtype=np.float64)) * (len(values) / values.size)
            self.count += len(values)
            return
        if mask is not None:
            sample_weight = with_mask(sample_weight, mask)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            config["fn"] = serialize_keras_object(self._fn)
        return {**config, **self._kwargs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Metric:
        settings = dict(config)
        if isinstance(settings.get("fn"), str):
            from recurra.metrics.names import get

            found = get(settings["fn"])
            settings["fn"] = found._fn if isinstance(found, MeanMetricWrapper) else found
        return cls(**settings)


def with_mask(weight: Any, mask: ArrayLike | None) -> Array:
    """Sample weight and mask (True = counts) in one array of weights."""
    factor = np.asarray(mask, floatx())
    if weight is None:
        return factor
    factor, weight = same_rank(factor, np.asarray(value_of(weight), floatx()))
    if factor.ndim > weight.ndim:
        weight = weight.reshape(weight.shape + (1,) * (factor.ndim - weight.ndim))
    return np.asarray(factor * weight)


def check_count(name: str, value: Any, least: int = 1) -> None:
    """ValueError unless `value` is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an int >= {least}, got {value!r}")


def dense_labels(labels: ArrayLike) -> Array:
    """Labels as an array, a lazy one-hot made real."""
    return np.asarray(value_of(labels))


def label_ids(labels: Any) -> Array | None:
    """The ids of a lazy one-hot, or None."""
    return np.asarray(labels.ids) if is_one_hot(labels) else None


class MeanOf(MeanMetricWrapper):
    """The mean of one function without settings."""

    function: Callable[..., Any]
    default_name = ""
    direction: str | None = "down"

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(type(self).function, name or self.default_name, dtype)
