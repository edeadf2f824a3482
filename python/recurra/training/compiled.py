"""What ``compile`` made of losses and metrics: checked at once, resolved by shapes at the first batch."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np

from recurra import losses, ops
from recurra.autograd import value_of
from recurra.losses.base import Loss
from recurra.losses.names import as_loss
from recurra.metrics import accuracy as acc
from recurra.metrics import names as metric_names
from recurra.metrics.base import Mean, MeanMetricWrapper, Metric
from recurra.metrics.probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from recurra.registry import is_configuration
from recurra.training.scores import loss_of_logits
from recurra.training.structure import align
from recurra.tree import SEQUENCES, leaves, map_structure

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")
_FLAT = (*SEQUENCES, NoneType)  # what a list of metrics is flattened through


def _kind(y_true: Any, y_pred: Any) -> str:
    """One of "binary", "sparse" and "categorical", by Keras's rule."""
    if y_pred.shape[-1] == 1:
        return "binary"
    sparse = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
    return "sparse" if sparse else "categorical"


def for_each_step(y_true: Any, y_pred: Any) -> Any:
    """Labels (B,) as (B, 1) where predictions are (B, T, 1): the label of a sample is that of each of its steps."""
    if isinstance(y_true, np.ndarray) and y_true.ndim == 1 and len(y_pred.shape) == 3 and y_pred.shape[-1] == 1:
        return y_true[:, None]
    return y_true


def check_loss(identifier: Any) -> Any:
    """`identifier` itself, after raising for a name or type that no loss has."""

    def check(one: Any) -> Any:
        return one if isinstance(one, str) and one.lower() in _CROSSENTROPY else losses.get(one)

    return map_structure(check, identifier, is_leaf=is_configuration, sequence=list)


def check_metrics(spec: Any) -> Any:
    """Metrics by name made into objects; accuracy and cross-entropy wait for shapes."""

    def check(one: Any) -> Any:
        if isinstance(one, str) and one.lower() in _ACCURACY + _CROSSENTROPY:
            return one
        found = metric_names.get(one)
        if not isinstance(found, Metric):
            found = MeanMetricWrapper(found)
        if isinstance(one, str):
            found.name = one
        return found

    return map_structure(check, spec, is_leaf=is_configuration, sequence=list)


class CompiledLoss:
    """The losses of all outputs, weighted into one number."""

    def __init__(self, spec: Any, loss_weights: Any) -> None:
        self.spec, self.loss_weights = check_loss(spec), loss_weights
        self.losses: list[Loss | None] = []
        self._made: list[tuple[Any, Loss]] = []  # of functions
        self.weights: list[float] = []
        self.names: list[str] = []
        self.trackers: list[Mean] = []

    @property
    def built(self) -> bool:
        return bool(self.names)

    def build(self, names: Sequence[str], targets: Sequence[Any], predictions: Sequence[Any]) -> None:
        """Choose one loss for each output, the cross-entropies by the shapes of targets and predictions."""
        single = not isinstance(self.spec, (list, tuple, Mapping))
        found = align(self.spec, names, "loss", repeat=single)
        self.losses = []
        for identifier, y_true, y_pred in zip(found, targets, predictions, strict=True):
            if isinstance(identifier, str):  # "crossentropy"
                name = {"binary": "binary", "sparse": "sparse_categorical"}.get(_kind(y_true, y_pred), "categorical")
                identifier = losses.get(f"{name}_crossentropy")
            self.losses.append(None if identifier is None else self._object(identifier))
        weights = self.loss_weights
        if isinstance(weights, (int, float)):
            weights = [float(weights)] * len(names)
        self.weights = [1.0 if w is None else float(w) for w in align(weights, names, "loss_weights")]
        active = [name for name, loss in zip(names, self.losses, strict=True) if loss is not None]
        self.trackers = [Mean(f"{name}_loss") for name in active] if len(active) > 1 else []
        self.names = list(names)

    def _object(self, identifier: Any) -> Loss:
        """A loss itself, or the one made of a function: the same in each build, so that recorded steps stay good."""
        if isinstance(identifier, Loss):
            return identifier
        for function, made in self._made:
            if function is identifier:
                return made
        self._made.append((identifier, as_loss(identifier)))
        return self._made[-1][1]

    def __call__(
        self, targets: Sequence[Any], predictions: Sequence[Any], weights: Sequence[Any], logits: Collection[int] = ()
    ) -> Any:
        """The weighted sum of the outputs' losses, or None if no output has one.

        logits : the numbers of the outputs whose predictions are scores, perhaps not computed yet, where the loss may
            expect their softmax
        """
        total: Any = None
        count = 0
        for i, loss in enumerate(self.losses):
            if loss is None:
                continue
            y_true, y_pred = targets[i], predictions[i]
            if y_true is None:
                raise ValueError(f"y must be given: output {self.names[i]!r} is trained with {loss.name}")
            given = (for_each_step(y_true, y_pred), y_pred, weights[i])
            value = loss_of_logits(*given, loss, self.weights[i]) if i in logits else loss(*given)
            if len(value.shape):
                value = ops.mean(value)
            if self.trackers:
                self.trackers[count].update_state([float(value_of(value))], [float(len(y_pred))])
            count += 1
            if self.weights[i] != 1.0:
                value = value * self.weights[i]
            total = value if total is None else total + value
        return total

    def reset_state(self) -> None:
        for tracker in self.trackers:
            tracker.reset_state()


class CompiledMetrics:
    """The metrics of all outputs: ``metrics`` without sample weights, ``weighted_metrics`` with them."""

    def __init__(self, metrics: Any, weighted_metrics: Any) -> None:
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value is not None and not isinstance(value, (list, tuple, Mapping, str, Metric)) and not callable(value):
                raise TypeError(f"{argument} must be a list or dict of metrics, got {value!r}")
        self.spec = check_metrics(metrics)
        self.weighted_spec = check_metrics(weighted_metrics)
        self.plain: list[list[Metric]] = []
        self.weighted: list[list[Metric]] = []
        self.built = False
        self._named: list[tuple[str, Metric]] = []

    def build(self, names: Sequence[str], targets: Sequence[Any], predictions: Sequence[Any]) -> None:
        """Choose the accuracies and cross-entropies by shapes, and the names under which results are logged."""
        self.plain = self._resolve(self.spec, "metrics", names, targets, predictions)
        self.weighted = self._resolve(self.weighted_spec, "weighted_metrics", names, targets, predictions)
        self._named = []
        taken: dict[str, int] = {}
        for group, prefix in ((self.plain, ""), (self.weighted, "weighted_")):
            for output, found in zip(names, group, strict=True):
                for metric in found:
                    start = f"{output}_" if len(names) > 1 else ""
                    name = f"{start}{metric.name}"
                    if name in taken and prefix:
                        name = f"{start}{prefix}{metric.name}"
                    if name in taken:
                        taken[name] += 1
                        name = f"{name}_{taken[name] - 1}"
                    taken.setdefault(name, 1)
                    self._named.append((name, metric))
        self.built = True

    def _resolve(
        self, spec: Any, argument: str, names: Sequence[str], targets: Sequence[Any], predictions: Sequence[Any]
    ) -> list[list[Metric]]:
        if spec is None or spec == []:
            return [[] for _ in names]
        if len(names) == 1:
            if isinstance(spec, Mapping):
                spec = align(spec, names, argument)[0]
            spec = [leaves(spec, _FLAT)]
        elif isinstance(spec, (list, tuple)) and len(spec) != len(names):
            if any(not isinstance(entry, (str, Metric)) for entry in spec):
                raise ValueError(
                    f"{argument} must have one entry for each of the outputs {list(names)}, got {len(spec)}"
                )
            spec = [copy.deepcopy(list(spec)) for _ in names]  # as in Keras 2: every output gets them all
        elif isinstance(spec, (str, Metric)):
            spec = [copy.deepcopy(spec) for _ in names]
        found = align(spec, names, argument)
        return [
            [self._one(item, y_true, y_pred) for item in leaves(entry, _FLAT)]
            for entry, y_true, y_pred in zip(found, targets, predictions, strict=True)
        ]

    def _one(self, item: Any, y_true: Any, y_pred: Any) -> Metric:
        if isinstance(item, Metric):
            return item
        kind = _kind(y_true, y_pred)
        if item.lower() in _ACCURACY:
            classes: dict[str, Any] = {
                "binary": acc.BinaryAccuracy,
                "sparse": acc.SparseCategoricalAccuracy,
                "categorical": acc.CategoricalAccuracy,
            }
        else:
            classes = {
                "binary": BinaryCrossentropy,
                "sparse": SparseCategoricalCrossentropy,
                "categorical": CategoricalCrossentropy,
            }
        metric: Metric = classes[kind](name=item)
        return metric

    @property
    def metrics(self) -> list[Metric]:
        return [metric for _, metric in self._named]

    @property
    def needs_probabilities(self) -> list[bool]:
        """For each output, whether some metric cannot do with logits."""
        return [
            any(not metric.ranks_only for metric in (*plain, *weighted))
            for plain, weighted in zip(self.plain, self.weighted, strict=True)
        ]

    def update_state(self, targets: Sequence[Any], predictions: Sequence[Any], weights: Sequence[Any]) -> None:
        for i, (plain, weighted) in enumerate(zip(self.plain, self.weighted, strict=True)):
            y_true = for_each_step(targets[i], predictions[i])
            for metric in plain:
                metric.update_state(y_true, predictions[i])
            for metric in weighted:
                metric.update_state(y_true, predictions[i], sample_weight=weights[i])

    def results(self) -> dict[str, Any]:
        return {name: as_number(metric.result()) for name, metric in self._named}

    def reset_state(self) -> None:
        for _, metric in self._named:
            metric.reset_state()


def as_number(value: Any) -> Any:
    """A float where `value` is one number, otherwise an array."""
    value = value_of(value)
    if isinstance(value, (float, int)):
        return float(value)
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array
