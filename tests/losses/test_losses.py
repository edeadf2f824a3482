"""Losses beyond Keras's numbers: names, configurations, masks, labels."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import GradientTape, gradcheck, losses, ops
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
