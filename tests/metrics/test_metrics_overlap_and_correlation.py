"""Correlations, intersections over union and rates at other rates: Keras's numbers, configurations, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, metrics, models
from recurra.layers.base.context import set_mask

RANDOM = np.random.RandomState(0)
SCORES, TRUTH = RANDOM.uniform(size=(5, 4)).astype("float32"), RANDOM.randint(0, 2, (5, 4))
WEIGHT = RANDOM.randint(1, 4, (5, 4)).astype("float32")
REAL = RANDOM.standard_normal((5, 4)).astype("float32")
IDS, GUESS = RANDOM.randint(0, 3, 20), RANDOM.randint(0, 3, 20)
HOT, SOFT = np.eye(3)[RANDOM.randint(0, 3, 10)], RANDOM.uniform(size=(10, 3)).astype("float32")

CASES: dict[str, tuple[Any, Any]] = {
    "sensitivity": (lambda m: m.SensitivityAtSpecificity(0.5), (TRUTH, SCORES)),
    "sensitivity_weighted": (lambda m: m.SensitivityAtSpecificity(0.6, num_thresholds=7), (TRUTH, SCORES, WEIGHT)),
    "specificity": (lambda m: m.SpecificityAtSensitivity(0.4), (TRUTH, SCORES)),
    "precision": (lambda m: m.PrecisionAtRecall(0.7), (TRUTH, SCORES)),
    "precision_class": (lambda m: m.PrecisionAtRecall(0.3, class_id=1), (TRUTH, SCORES)),
    "recall": (lambda m: m.RecallAtPrecision(0.6), (TRUTH, SCORES, WEIGHT)),
    "recall_one": (lambda m: m.RecallAtPrecision(0.6, num_thresholds=1), (TRUTH, SCORES)),
    "iou": (lambda m: m.IoU(3, [0, 2]), (IDS, GUESS)),
    "iou_ignored": (lambda m: m.IoU(3, [0, 2], ignore_class=1), (IDS, GUESS)),
    "mean_iou": (lambda m: m.MeanIoU(4), (IDS, GUESS)),
    "binary_iou": (lambda m: m.BinaryIoU(threshold=0.4), (TRUTH, SCORES)),
    "binary_iou_one": (lambda m: m.BinaryIoU([1]), (TRUTH, SCORES)),
    "one_hot_iou": (lambda m: m.OneHotIoU(3, [1, 2]), (HOT, SOFT)),
    "one_hot_mean_iou": (lambda m: m.OneHotMeanIoU(3), (HOT, SOFT)),
    "pearson": (lambda m: m.PearsonCorrelation(), (REAL, SCORES)),
    "pearson_axis": (lambda m: m.PearsonCorrelation(axis=0), (REAL, SCORES)),
    "concordance": (lambda m: m.ConcordanceCorrelation(), (REAL, SCORES)),
}
#: what Keras 3.15.1 gives for them
WANTED = {
    "sensitivity": 0.2307692,
    "sensitivity_weighted": 0.2,
    "specificity": 0.2857143,
    "precision": 0.65,
    "precision_class": 0.8,
    "recall": 1.0,
    "recall_one": 0.0,
    "iou": 0.1176471,
    "iou_ignored": 0.1666667,
    "mean_iou": 0.07843138,
    "binary_iou": 0.3131579,
    "binary_iou_one": 0.4210526,
    "one_hot_iou": 0.125,
    "one_hot_mean_iou": 0.125,
    "pearson": -0.06414838,
    "pearson_axis": -0.2487278,
    "concordance": -0.09807643,
}


@pytest.mark.parametrize("name", list(CASES))
def test_numbers_of_keras(name: str) -> None:
    make, data = CASES[name]
    metric = make(metrics)
    metric.update_state(*data)
    assert metric.result() == pytest.approx(WANTED[name], rel=1e-5)
    again = metrics.deserialize(metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    again.update_state(*(part[:3] for part in data))
    again.update_state(*(part[3:] for part in data))
    if name != "pearson_axis":
        assert again.result() == pytest.approx(WANTED[name], rel=1e-5)
    again.reset_state()
    assert again.result() == 0.0


def test_masks() -> None:
    mask = RANDOM.uniform(size=20) < 0.5
    metric = metrics.MeanIoU(3)
    metric.update_state(IDS.reshape(4, 5), set_mask(GUESS.reshape(4, 5).astype("float32"), mask.reshape(4, 5)))
    plain = metrics.MeanIoU(3)
    plain.update_state(IDS[mask], GUESS[mask])
    assert metric.result() == plain.result()


def test_in_a_model() -> None:
    model = models.Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=[metrics.RecallAtPrecision(0.5), metrics.BinaryIoU()])
    found = model.fit(SCORES, TRUTH[:, :1], verbose=0).history
    assert {"recall_at_precision", "binary_io_u"} < set(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.SensitivityAtSpecificity(1.5), r"specificity must be in \[0, 1\], got 1.5"),
        (lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0), "num_thresholds must be an int >= 1"),
        (lambda: metrics.IoU(3, [3]), r"target_class_ids must be in \[0, 3\), got \[3\]"),
        (lambda: metrics.MeanIoU(3).update_state(IDS, GUESS[:5]), "one label for each prediction"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: metrics.MeanIoU("a"), "num_classes must be an int >= 1, got 'a'"),
        (lambda: metrics.IoU(0, []), "num_classes must be an int >= 1, got 0"),
        (lambda: metrics.AUC(num_thresholds="a"), "num_thresholds must be an int >= 2, got 'a'"),
        (lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0), "num_thresholds must be an int >= 1, got 0"),
        (lambda: metrics.Precision(top_k=-1), "top_k must be an int >= 1, got -1"),
        (lambda: metrics.Recall(top_k="a"), "top_k must be an int >= 1, got 'a'"),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), "k must be an int >= 1, got 0"),
        (lambda: metrics.SparseTopKCategoricalAccuracy(k=1.5), "k must be an int >= 1, got 1.5"),
    ],
)
def test_counts_that_are_none_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
