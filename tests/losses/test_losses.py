"""Losses beyond Keras's numbers: names, configurations, masks, labels."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Model, gradcheck, losses, metrics, ops
from recurra.layers import LSTM
from recurra.layers.base.context import set_mask
from recurra.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError
from recurra.losses.names import CLASSES, FUNCTIONS, as_loss
from recurra.utils import to_categorical

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", list(CLASSES))
def test_configurations(name: str) -> None:
    loss = CLASSES[name](reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is CLASSES[name] and again.get_config() == loss.get_config()
    assert again.reduction == "sum" and again.name == "mine"


def test_names() -> None:
    for name in ("mse", "MSE", "mean_squared_error"):
        assert losses.get(name) is losses.mean_squared_error
    assert type(losses.get("MeanSquaredError")) is MeanSquaredError
    assert losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta == 2.0
    assert losses.get(None) is None and losses.get(len) is len
    assert losses.deserialize({"class_name": "function", "config": "binary_crossentropy"}) is losses.binary_crossentropy
    assert losses.serialize(losses.mean_squared_error) == "mean_squared_error"
    assert as_loss("mae").name == "mean_absolute_error"
    assert set(FUNCTIONS) >= {"kld", "logcosh", "cosine_proximity", "msle", "bce"}
    with pytest.raises(TypeError, match="loss must be a name"):
        losses.get(3)


def test_a_function_wrapped_keeps_its_name_and_settings() -> None:
    wrapped = as_loss(losses.huber)
    again = type(wrapped).from_config(wrapped.get_config())
    y, p = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    assert again(y, p) == wrapped(y, p) == pytest.approx(losses.huber(y, p).mean())


@pytest.mark.parametrize("kind", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_masks_leave_steps_out(kind: str, weighted: bool) -> None:
    y, p = RNG.normal(size=(3, 4, 2)), RNG.normal(size=(3, 4, 2))
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]], bool)
    weight = RNG.uniform(0.1, 2, 3) if weighted else None
    found = MeanSquaredError(reduction=kind)(y, set_mask(p, mask), weight)
    each = ((y - p) ** 2).mean(-1)
    w = (np.ones(3) if weight is None else weight)[:, None] * mask
    expected = {
        "sum": (w * each).sum(),
        "mean_with_sample_weight": (w * each).sum() / w.sum(),
        "sum_over_batch_size": (w * each).sum() / mask.sum(),
    }[kind]
    assert float(found) == pytest.approx(expected)
    none = set_mask(p, np.zeros((3, 4), bool))
    assert float(MeanSquaredError(reduction=kind)(y, none)) == 0.0


def test_labels_in_the_forms_that_people_give() -> None:
    p = np.exp(RNG.normal(size=(5, 4)))
    p /= p.sum(-1, keepdims=True)
    ids = RNG.integers(0, 4, 5)
    expected = -np.log(p[np.arange(5), ids])
    for labels in (ids, ids[:, None], ids.astype(float), ids.tolist()):
        np.testing.assert_allclose(losses.sparse_categorical_crossentropy(labels, p), expected)
    for labels in (np.eye(4)[ids], to_categorical(ids, 4)):
        np.testing.assert_allclose(losses.categorical_crossentropy(labels, p), expected)
    smooth = CategoricalCrossentropy(label_smoothing=0.2)
    assert smooth(to_categorical(ids, 4), p) == pytest.approx(float(smooth(np.eye(4)[ids], p)))
    assert losses.mean_squared_error([1, 0], [0.0, 1.0]) == 1.0
    with pytest.raises(ValueError, match="must have the predictions' shape"):
        losses.categorical_crossentropy(to_categorical(ids, 5), p)
    with pytest.raises(ValueError, match="y_true must have the predictions' shape"):
        losses.mean_squared_error(np.zeros((5, 3)), p)


def test_keras_2_reduction_and_rank_1_labels() -> None:
    assert MeanSquaredError(reduction="auto").reduction == "sum_over_batch_size"
    y, p = np.array([0, 1, 1]), np.array([[0.2], [0.7], [0.9]])
    expected = -np.log([0.8, 0.7, 0.9]).mean()
    assert float(BinaryCrossentropy()(y, p)) == pytest.approx(expected)
    assert float(BinaryCrossentropy()(y, p[:, 0])) == pytest.approx(expected)


@pytest.mark.parametrize("from_logits", [False, True])
def test_the_column_form_of_binary_crossentropy_equals_the_general_one(from_logits: bool) -> None:
    z = RNG.normal(size=(7, 1)) * 3
    p = z if from_logits else 1 / (1 + np.exp(-z))
    y = RNG.integers(0, 2, (7, 1)).astype(float)
    general = ops.mean(ops.binary_crossentropy(y, p, from_logits), axis=-1)
    np.testing.assert_allclose(losses.binary_crossentropy(y, p, from_logits=from_logits), general, rtol=1e-12)
    assert gradcheck(lambda q: losses.binary_crossentropy(y, q, from_logits=from_logits), p)


def test_gradients_of_fused_and_focal_losses() -> None:
    y = RNG.integers(0, 4, 6)
    logits = RNG.normal(size=(6, 4))
    assert gradcheck(lambda z: losses.sparse_categorical_crossentropy(y, z, from_logits=True), logits)
    assert gradcheck(lambda z: losses.categorical_focal_crossentropy(np.eye(4)[y], z, from_logits=True), logits)


def test_dtype_of_a_loss() -> None:
    y, p = np.zeros((3, 2), "float32"), np.ones((3, 2), "float32")
    assert MeanSquaredError()(y, p).dtype == np.float32
    assert MeanSquaredError(dtype="float64")(y, p).dtype == np.float64
    with GradientTape() as tape:
        watched = tape.watch(p)
        value = MeanSquaredError(dtype="float64")(y, watched)
    assert tape.gradient(value, watched).dtype == np.float32


def test_a_loss_of_ones_own_must_have_a_call() -> None:
    class Nothing(Loss):
        pass

    with pytest.raises(NotImplementedError, match="Nothing must define call"):
        Nothing()(np.zeros(3), np.zeros(3))


def test_sample_weights_of_every_rank() -> None:
    y, p = RNG.normal(size=(3, 4, 2)), RNG.normal(size=(3, 4, 2))
    each = ((y - p) ** 2).mean(-1)
    for weight in (np.array(2.0), RNG.random(3), RNG.random((3, 1)), RNG.random((3, 4))):
        wide = weight[:, None] if weight.ndim == 1 else weight
        assert float(MeanSquaredError()(y, p, weight)) == pytest.approx((each * wide).mean())
    with pytest.raises(ValueError, match=r"sample_weight must have a shape that fits the losses' \(3, 4\)"):
        MeanSquaredError()(y, p, np.ones((3, 5)))


@pytest.mark.parametrize("focal", [False, True])
def test_labels_are_smoothed_over_the_classes_wherever_they_stand(focal: bool) -> None:
    function = losses.categorical_focal_crossentropy if focal else losses.categorical_crossentropy
    p = np.array([[[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], [[0.2, 0.6, 0.2], [0.5, 0.25, 0.25]]])
    y = np.eye(3)[[[0, 2], [1, 1]]]
    last = function(y, p, label_smoothing=0.1)
    for axis in (1, -2):
        found = function(y.transpose(0, 2, 1), p.transpose(0, 2, 1), label_smoothing=0.1, axis=axis)
        np.testing.assert_allclose(found, last, rtol=1e-12)
    assert float(np.mean(last)) == pytest.approx(0.0743193 if focal else 0.7510523, rel=1e-6)  # Keras's


SHAPES = {  # labels, predictions, and whether a loss of errors takes them, as Keras does; "one" with a warning
    ((2, 3), (2, 4)): False, ((2,), (2, 1, 2)): False, ((2,), (2, 3)): False, ((3,), (2, 3)): False,
    ((2, 3), (2, 3, 4)): False, ((2, 3, 4), (2, 3)): False, ((2, 1), (2, 3)): "one", ((2, 3), (2, 1)): "one",
    ((2, 1, 4), (2, 3, 4)): "one", ((2, 1), (2, 3, 1)): "one", ((2,), (2, 1)): True, ((2, 1), (2,)): True,
    ((2, 3), (2, 3, 1)): True, ((2, 3, 1), (2, 3)): True, ((2, 3), (2, 3)): True,
}  # fmt: skip
ERRORS = (
    "mean_squared_error", "mean_absolute_error", "huber", "hinge", "log_cosh", "poisson", "kl_divergence",
    "cosine_similarity",
)  # fmt: skip


@pytest.mark.parametrize("name", [*ERRORS, "binary_crossentropy", "binary_focal_crossentropy"])
@pytest.mark.parametrize("shapes", list(SHAPES))
def test_labels_of_another_shape(name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    y, p = np.ones(shapes[0], "float32"), np.full(shapes[1], 0.25, "float32")
    fits = SHAPES[shapes]
    function = getattr(losses, name)
    if not fits or (fits == "one" and name not in ERRORS):
        with pytest.raises(ValueError, match="y_true must have the predictions' shape"):
            function(y, p)
    elif fits == "one":
        with pytest.warns(UserWarning, match="broadcast"):
            function(y, p)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = function(y, p)
        assert found.shape in {shapes[0][:-1], shapes[1][:-1], shapes[0][:1]}


@pytest.mark.parametrize("shape", [(2, 3), (2, 1), (1, 4), (2,), (2, 1, 4), ()])
def test_labels_of_classes_of_another_shape(shape: tuple[int, ...]) -> None:
    p = np.full((2, 4), 0.25)
    for function in (losses.categorical_crossentropy, CategoricalCrossentropy()):
        with pytest.raises(ValueError, match="y_true must have the predictions' shape"):
            function(np.ones(shape), p)
    if shape not in ((2,), (2, 1)):
        with pytest.raises(ValueError, match="one class id for each prediction"):
            losses.sparse_categorical_crossentropy(np.ones(shape, int), p)


def test_one_id_for_each_prediction_in_its_place() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 1\) or \(2, 1, 1\), got \(2,\)"):
        losses.SparseCategoricalCrossentropy()(np.zeros(2, int), np.full((2, 1, 2), 0.5))


def test_the_divergence_of_rank_1_labels() -> None:
    y, p = np.ones(2), np.array([[0.5], [0.25]])
    assert float(losses.KLDivergence()(y, p)) == pytest.approx(1.0397207)  # Keras's; the mean of two, not of four
    np.testing.assert_allclose(losses.mean_squared_error(1.0, p), [0.25, 0.5625])  # one number for all


@pytest.mark.parametrize("name", sorted({f.__name__ for f in FUNCTIONS.values()} - {"ctc"}))
def test_losses_of_symbolic_tensors(name: str) -> None:
    function = getattr(losses, name)
    y = RNG.random((3, 4)).astype("float32")
    p = (y[::-1] / y.sum(-1, keepdims=True)).astype("float32")
    sparse = name in ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy", "circle")
    truth = RNG.integers(0, 4, (3, 1)) if sparse else y
    a, b = Input((1,), dtype="int32") if sparse else Input((4,)), Input((4,))
    model = Model([a, b], function(a, b))
    np.testing.assert_allclose(model([truth, p]), function(truth, p), rtol=1e-5)


def test_fit_refuses_labels_that_would_be_broadcast() -> None:
    x = np.zeros((4, 3, 2), "float32")
    for loss, y, message in (
        ("binary_crossentropy", np.ones((4, 1, 2)), "y must have shape"),
        ("categorical_crossentropy", np.ones((4, 1, 2)), "must have the predictions' shape"),
    ):
        i = Input((3, 2))
        model = Model(i, LSTM(2, return_sequences=True, activation="sigmoid")(i))
        model.compile("sgd", loss)
        with pytest.raises(ValueError, match=message):
            model.fit(x, y, verbose=0)


def test_a_weight_for_each_class_of_the_focal_loss() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    y = np.eye(3)[[0, 2]]
    found = losses.categorical_focal_crossentropy(y, p, alpha=[0.1, 0.2, 0.3])
    np.testing.assert_allclose(found, [0.1 * 0.3**2 * -np.log(0.7), 0.3 * 0.4**2 * -np.log(0.6)], rtol=1e-12)


def test_only_the_function_itself_is_one_of_ids() -> None:
    """A function of the same name gets its labels as they are; ours ignores what stands at masked steps."""
    labels, seen = np.array([[1, -7]]), []
    pred = set_mask(np.array([[[0.25, 0.75], [0.5, 0.5]]]), np.array([[True, False]]))

    def sparse_categorical_crossentropy(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        seen.append(y_true)
        return np.ones(y_pred.shape[:2])

    assert as_loss(sparse_categorical_crossentropy)(labels, pred) == 1
    assert metrics.MeanMetricWrapper(sparse_categorical_crossentropy)(labels, pred) == 1
    np.testing.assert_array_equal(seen, [labels, labels])
    ours = (
        "sparse_categorical_crossentropy",
        losses.SparseCategoricalCrossentropy(),
        ops.sparse_categorical_crossentropy,
    )
    for own in map(as_loss, ours):
        np.testing.assert_allclose(own(labels, pred), -np.log(0.75))
    metric = metrics.MeanMetricWrapper(losses.sparse_categorical_crossentropy)
    np.testing.assert_allclose(metric(labels, pred), -np.log(0.75))


@pytest.mark.parametrize("smoothing", [1.5, -0.1, "a"])
@pytest.mark.parametrize("name", ["binary_crossentropy", "categorical_crossentropy", "binary_focal_crossentropy"])
def test_label_smoothing_is_a_share(name: str, smoothing: Any) -> None:
    y = np.array([[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=rf"label_smoothing must be in \[0, 1\], got {smoothing!r}"):
        getattr(losses, name)(y, np.full((2, 2), 0.5), label_smoothing=smoothing)
