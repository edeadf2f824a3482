"""Metrics beyond Keras's numbers: names, state, masks, lazy labels, what compile makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import losses, metrics
from recurra.layers import LSTM, Dense, Embedding, Input
from recurra.layers.base.context import set_mask
from recurra.metrics import AUC, Mean, MeanMetricWrapper, Metric, Perplexity, Precision, SparseCategoricalAccuracy
from recurra.metrics.names import CLASSES, NAMES
from recurra.models import Model, Sequential
from recurra.utils import to_categorical

RNG = np.random.default_rng(0)


#: metrics that cannot be made without arguments: in test_metrics_overlap_and_correlation.py
WITH_ARGUMENTS = {
    "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "SensitivityAtSpecificity", "SpecificityAtSensitivity",
    "PrecisionAtRecall", "RecallAtPrecision",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in {"MeanMetricWrapper", *WITH_ARGUMENTS}])
def test_configurations_names_and_reset(name: str) -> None:
    metric = CLASSES[name]()
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is CLASSES[name] and again.get_config() == metric.get_config()
    fresh = np.asarray(metric.result() if name != "R2Score" else 0.0)
    values = RNG.random((6, 3)), RNG.random((6, 3))
    if name in ("Mean", "Sum"):
        metric.update_state(values[0])
    elif name.startswith("Sparse") or name == "Perplexity":
        metric.update_state(RNG.integers(0, 3, 6), values[1])
    else:
        metric.update_state((values[0] > 0.5).astype(float), values[1])
    metric.reset_state()
    if name != "R2Score":
        np.testing.assert_array_equal(np.asarray(metric.result()), fresh)


def test_names() -> None:
    for name, cls in NAMES.items():
        if cls is MeanMetricWrapper or cls.__name__ in WITH_ARGUMENTS:
            continue
        assert type(metrics.get(name)) is cls
    assert metrics.get("acc").name == "acc"
    assert type(metrics.get(AUC)) is AUC
    with pytest.raises(TypeError, match="metric must be a name"):
        metrics.get(3)


def test_directions() -> None:
    assert {name for name, cls in CLASSES.items() if cls.direction == "up"} == {
        "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "TopKCategoricalAccuracy",
        "SparseTopKCategoricalAccuracy", "Precision", "Recall", "AUC", "FBetaScore", "F1Score", "TruePositives",
        "TrueNegatives", "R2Score", "CosineSimilarity", "PearsonCorrelation", "ConcordanceCorrelation", "BinaryIoU",
        *WITH_ARGUMENTS,
    }  # fmt: skip
    assert MeanMetricWrapper(metrics.mean_absolute_error).direction == "down"
    assert MeanMetricWrapper(lambda y, p: p).direction is None

    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred

    assert MeanMetricWrapper(losses.Huber()).direction == MeanMetricWrapper(Own()).direction == "down"


def test_masks_and_weights() -> None:
    ids, p = RNG.integers(0, 3, (4, 5)), RNG.random((4, 5, 3))
    mask = RNG.random((4, 5)) < 0.6
    right = p.argmax(-1) == ids
    metric = SparseCategoricalAccuracy()
    metric.update_state(ids, set_mask(p, mask))
    assert metric.result() == pytest.approx(right[mask].mean())
    metric.reset_state()
    weight = RNG.uniform(0.1, 2, 4)
    metric.update_state(ids, set_mask(p, mask), sample_weight=weight)
    w = weight[:, None] * mask
    assert metric.result() == pytest.approx((right * w).sum() / w.sum())
    precision = Precision()
    yes, score = RNG.integers(0, 2, (4, 5, 1)), RNG.random((4, 5, 1))
    precision.update_state(yes, set_mask(score, mask))
    chosen = (score[..., 0] > 0.5) & mask
    assert precision.result() == pytest.approx(yes[..., 0][chosen].mean())


def test_perplexity() -> None:
    ids = RNG.integers(1, 5, (3, 6))
    z = RNG.normal(size=(3, 6, 5))
    each = np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, ids[..., None], -1)[..., 0]
    metric = Perplexity(from_logits=True)
    for half in (slice(0, 1), slice(1, 3)):
        metric.update_state(ids[half], z[half])
    assert metric.result() == pytest.approx(np.exp(each.mean()))
    uniform = Perplexity()
    uniform.update_state(ids, np.full((3, 6, 5), 0.2))
    assert uniform.result() == pytest.approx(5.0)
    ids[0, 3:] = 0
    padded = Perplexity(from_logits=True, mask_token_id=0)
    padded.update_state(ids, z)
    assert padded.result() == pytest.approx(np.exp(each[ids != 0].mean()))
    lazy = Perplexity(from_logits=True)
    lazy.update_state(to_categorical(RNG.integers(0, 5, (3, 6)), 5), z)
    assert lazy.result() > 1


def test_perplexity_while_training() -> None:
    x = RNG.integers(0, 7, (12, 5))
    model = Sequential([Embedding(7, 3), LSTM(4, return_sequences=True), Dense(7, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["perplexity"])
    loss, perplexity = model.evaluate(x, x, verbose=0)
    assert perplexity == pytest.approx(np.exp(loss), rel=1e-5)


def test_a_metric_of_ones_own() -> None:
    class Largest(Metric):
        def __init__(self, name: str = "largest") -> None:
            super().__init__(name=name)
            self.value = self.add_weight(name="value", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.value.assign(max(float(self.value), float(np.max(y_pred))))

        def result(self) -> Any:
            return self.value

    model = Sequential([Input((2,)), Dense(1)])

    def worst(y_true: Any, y_pred: Any) -> Any:
        return np.abs(y_true - y_pred).max(axis=-1)

    model.compile("sgd", "mse", metrics=[Largest(), worst])
    x = RNG.normal(size=(9, 2))
    found = model.evaluate(x, np.zeros((9, 1)), batch_size=4, verbose=0, return_dict=True)
    p = model.predict(x)
    assert found["largest"] == pytest.approx(p.max()) and found["worst"] == pytest.approx(np.abs(p).mean(), rel=1e-6)
    assert [v.name for v in model.metrics[1].variables] == ["value"]


@pytest.mark.parametrize("name", ["accuracy", "acc", "crossentropy", "ce"])
@pytest.mark.parametrize("kind", ["binary", "sparse", "sparse_column", "categorical", "lazy"])
def test_accuracy_is_chosen_by_shapes(name: str, kind: str) -> None:
    units = 1 if kind == "binary" else 3
    model = Sequential([Input((2,)), Dense(units, activation="sigmoid" if units == 1 else "softmax")])
    ids = RNG.integers(0, 2 if units == 1 else 3, 10)
    y: Any = {"sparse_column": ids[:, None], "categorical": np.eye(3)[ids], "lazy": to_categorical(ids, 3)}.get(
        kind, ids
    )
    model.compile("sgd", "crossentropy", metrics=[name])
    x = RNG.normal(size=(10, 2))
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(found) == ["loss", name]
    p = model.predict(x)
    if units == 1:
        expected = ((p[:, 0] > 0.5) == ids).mean(), -np.log(np.where(ids, p[:, 0], 1 - p[:, 0])).mean()
    else:
        expected = (p.argmax(-1) == ids).mean(), -np.log(p[np.arange(10), ids]).mean()
    assert found[name] == pytest.approx(expected[0 if name.startswith("acc") else 1], rel=1e-5)
    assert found["loss"] == pytest.approx(expected[1], rel=1e-5)


def test_the_same_metric_twice_and_by_output() -> None:
    i = Input((2,))
    model = Model(i, [Dense(1, name="a")(i), Dense(1, name="b")(i)])
    model.compile("sgd", "mse", metrics=[["mae", "mae"], ["mse"]], weighted_metrics={"a": ["mae"]})
    x = RNG.normal(size=(5, 2))
    y = np.zeros((5, 1))
    names = list(model.evaluate(x, [y, y], verbose=0, return_dict=True))
    assert names == ["loss", "a_loss", "b_loss", "a_mae", "a_mae_1", "b_mse", "a_weighted_mae"]
    assert model.metrics_names == names
    with pytest.raises(TypeError, match="metrics must be a list or dict"):
        model.compile("sgd", "mse", metrics=3)
    model.compile("sgd", "mse", metrics=[["mae"]])
    with pytest.raises(ValueError, match="metrics must have one entry for each of the outputs"):
        model.evaluate(x, [y, y], verbose=0)


def test_mean_and_sum() -> None:
    mean = Mean()
    mean.update_state([1.0, 3.0])
    mean.update_state(5.0)
    assert mean.result() == 3.0
    mean.update_state([10.0, 0.0], sample_weight=[0.5, 0.5])
    assert mean.result() == pytest.approx(14 / 4)
    assert metrics.Sum()([1.0, 2.0], sample_weight=[2.0, 1.0]) == 4.0


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="y_true must have the predictions' shape"):
        AUC().update_state(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="must have one shape"):
        metrics.F1Score().update_state(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="class_id needs predictions"):
        Precision(class_id=1).update_state(np.zeros(3), np.zeros(3))


def test_compile_configurations() -> None:
    model = Sequential([Input((2,)), Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc", AUC(name="area", num_thresholds=5)])
    config = model.get_compile_config()
    again = Sequential([Input((2,)), Dense(2, activation="softmax")])
    again.compile_from_config(config)
    assert again.get_compile_config() == config
    assert again.optimizer.built and again.loss == "sparse_categorical_crossentropy"
    assert Sequential([]).get_compile_config() is None


def test_labels_and_predictions_that_do_not_belong_together() -> None:
    p = np.full((2, 3), 0.25)
    for metric, y in (
        (metrics.CategoricalAccuracy(), np.ones(3)),
        (metrics.CategoricalAccuracy(), np.ones((1, 3))),
        (metrics.SparseCategoricalAccuracy(), np.zeros(3)),
        (metrics.TopKCategoricalAccuracy(1), np.ones((4, 3))),
    ):
        with pytest.raises(ValueError, match="one label for each of the predictions"):
            metric.update_state(y, p)
    for metric in (metrics.BinaryAccuracy(), metrics.Accuracy()):
        with pytest.raises(ValueError, match="must have the predictions' shape"):
            metric.update_state(np.ones(3), p)
    with pytest.warns(UserWarning, match="broadcast"):
        metrics.BinaryAccuracy().update_state(np.ones((2, 1)), p)
    with pytest.raises(ValueError, match=r"num_labels\) = \(B, 2\), got \(2, 3\)"):
        AUC(multi_label=True, num_labels=2).update_state(np.ones((2, 3)), p)


def test_one_value_for_a_batch_beside_a_mask() -> None:
    """A function that gives one number counts each batch by what its mask keeps."""
    metric = metrics.MeanMetricWrapper(lambda y_true, y_pred: np.float32(y_pred[0, 0]))
    for value, kept in ((2.0, [[1, 0, 0], [1, 0, 0]]), (5.0, [[1, 1, 1], [1, 0, 0]])):
        metric.update_state(np.zeros((2, 3)), np.full((2, 3), value, "float32"), np.array(kept, "float32"))
    assert metric.result() == pytest.approx((2.0 * 2 + 5.0 * 4) / 6)
