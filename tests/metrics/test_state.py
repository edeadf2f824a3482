"""Metric.variables: what a metric keeps, readable and assignable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import metrics

RNG = np.random.default_rng(2)
Y, P = RNG.integers(0, 2, (7, 3)).astype("float32"), RNG.random((7, 3)).astype("float32")
NAMES = {
    metrics.Mean: ["total", "count"],
    metrics.Sum: ["total"],
    metrics.BinaryAccuracy: ["total", "count"],
    metrics.RootMeanSquaredError: ["total", "count"],
    metrics.AUC: ["true_positives", "true_negatives", "false_positives", "false_negatives"],
    metrics.Precision: ["true_positives", "false_positives"],
    metrics.Recall: ["true_positives", "false_negatives"],
    metrics.FalseNegatives: ["false_negatives"],
    metrics.F1Score: ["true_positives", "false_positives", "false_negatives", "intermediate_weights"],
    metrics.R2Score: ["squares", "total", "residual", "count"],
}


@pytest.mark.parametrize("kind", NAMES)
def test_variables_hold_the_state(kind: type) -> None:
    metric, other = kind(), kind()
    assert [variable.name for variable in metric.variables] == NAMES[kind]
    assert not any(variable.trainable for variable in metric.variables)
    batch = (P,) if kind in (metrics.Mean, metrics.Sum) else (Y, P)
    metric.update_state(*batch)
    result = np.array(metric.result())
    assert any(np.any(variable.numpy()) for variable in metric.variables)
    np.testing.assert_array_equal(metric.result(), result)
    other.update_state(*(part[:2] for part in batch))
    for mine, theirs in zip(metric.variables, other.variables, strict=True):
        theirs.assign(mine)
    if kind is not metrics.R2Score:  # it counts samples beside them
        np.testing.assert_allclose(other.result(), result, rtol=1e-6)
    for variable in metric.variables:
        variable.assign(np.zeros(variable.shape))
        assert not variable.numpy().any()
    metric.update_state(*batch)
    np.testing.assert_allclose(metric.result(), result, rtol=1e-6)


def test_they_are_live() -> None:
    metric = metrics.Mean()
    total, count = metric.variables
    metric.update_state([1.0, 2.0])
    assert total.numpy() == 3 and count.numpy() == 2 and total.dtype == "float32"
    total.assign_add(1.0)
    assert metric.result() == 2.0
    with pytest.raises(ValueError, match=r"total: value must have shape \(\), got \(2,\)"):
        total.assign([1.0, 2.0])
    metric.reset_state()
    assert total.numpy() == 0


def test_own_variables_come_after() -> None:
    class Own(metrics.Mean):
        def __init__(self) -> None:
            super().__init__("own")
            self.extra = self.add_variable((2,), name="extra")

    metric = Own()
    assert [variable.name for variable in metric.variables] == ["total", "count", "extra"]
    assert metric.variables[2] is metric.extra


@pytest.mark.parametrize("metric", [metrics.Mean(), metrics.Sum(), metrics.Precision(), metrics.BinaryAccuracy()])
def test_the_older_name_of_reset_state(metric: Any) -> None:
    arguments = ([1.0, 0.0, 1.0], [1.0, 1.0, 0.0]) if "acc" in metric.name or "prec" in metric.name else (3.0,)
    metric.update_state(*arguments)
    assert float(metric.result()) > 0
    metric.reset_states()
    assert float(metric.result()) == 0


def test_a_metric_that_defines_the_older_name() -> None:
    class Seen(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="seen")
            self.total = self.add_weight(name="total", initializer="zeros")
            self.kept: list[float] = []

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.kept.append(float(np.sum(y_true)))
            self.total.assign_add(self.kept[-1])

        def result(self) -> Any:
            return self.total

        def reset_states(self) -> None:
            super().reset_states()
            self.kept = []

    metric = Seen()
    for reset in (metric.reset_state, metric.reset_states):
        metric.update_state(np.ones(3), None)
        assert metric.kept == [3.0] and float(metric.result()) == 3
        reset()
        assert metric.kept == [] and float(metric.result()) == 0
