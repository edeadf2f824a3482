"""CTC, Dice, Tversky, Circle and generalised cross-entropy: Keras's numbers, gradients, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import gradcheck, layers, losses, models, ops

RANDOM = np.random.RandomState(2)
P = RANDOM.uniform(0.1, 0.9, (3, 4, 2))
Y = RANDOM.randint(0, 2, (3, 4, 2)).astype("float64")
Z = np.array([[0.6, 0.8], [0.8, -0.6], [0.28, 0.96], [-1.0, 0.0], [0.6, -0.8]])
IDS = np.array([1, 0, 1, 2, 0])


@pytest.mark.parametrize(
    ("loss", "y", "p", "wanted"),
    [
        (losses.Dice(), Y, P, 0.51576829),
        (losses.Dice(axis=(1, 2), reduction="none"), Y, P, [0.71762609, 0.40912908, 0.52185547]),
        (losses.Tversky(alpha=0.3, beta=0.9), Y, P, 0.55161387),
        (losses.Tversky(0.2, axis=(1, 2), reduction="none"), Y, P, [0.70037949, 0.28203142, 0.39500111]),
        (losses.Circle(gamma=4.0, margin=0.3), IDS, Z, 1.0934936),
        (losses.Circle(gamma=4.0, reduction=None), IDS, Z, [0.79089427, 0.81970561, 0.86990225, 0.0, 0.89373773]),
        (losses.Circle(gamma=2.0, remove_diagonal=False, reduction="sum"), IDS[:, None], Z, 7.7331462),
        (losses.CategoricalGeneralizedCrossEntropy(), IDS[:3] % 2, P[:, 0], 0.91054982),
        (
            losses.CategoricalGeneralizedCrossEntropy(0.9, reduction="none"),
            IDS[:3] % 2,
            P[:, 0],
            [0.94537133, 0.69060647, 0.52062511],
        ),
    ],
)
def test_numbers_of_keras(loss: Any, y: Any, p: Any, wanted: Any) -> None:
    np.testing.assert_allclose(loss(y, p.astype("float32")), wanted, rtol=2e-5, atol=1e-6)


def test_gradients() -> None:
    gradcheck(lambda p: losses.dice(Y, p, axis=(1, 2)), [P])
    gradcheck(lambda p: losses.tversky(Y, p, 0.2, 0.7), [P])
    gradcheck(lambda z: losses.circle(IDS, z, gamma=4.0), [Z + 0.01 * RANDOM.standard_normal(Z.shape)])
    gradcheck(lambda p: losses.categorical_generalized_cross_entropy(IDS[:3] % 2, p, 0.4), [P[:, 0]])


def test_an_embedding_without_a_partner_does_not_count() -> None:
    each = losses.Circle(reduction="none")(IDS, Z.astype("float32"))
    assert each[3] == 0.0
    np.testing.assert_allclose(losses.Circle()(IDS, Z.astype("float32")), each.sum() / 4, rtol=1e-5)


def test_other_references() -> None:
    value = losses.circle(IDS[:2], Z[:2], IDS[2:], Z[2:], remove_diagonal=False)
    assert value.shape == (2,)
    with pytest.raises(ValueError, match=r"y_pred must have shape \(B, D\) with one class id"):
        losses.circle(IDS[:2], Z)


def test_ctc_is_that_of_ops() -> None:
    z = RANDOM.standard_normal((2, 6, 5)).astype("float32")
    y = np.array([[1, 2, 0], [3, 3, 4]])
    np.testing.assert_array_equal(losses.ctc(y, z), ops.ctc_loss(y, z, [2, 3], [6, 6]))
    np.testing.assert_allclose(losses.CTC()(y, z), losses.ctc(y, z).mean(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"y_true must have shape \(B, L\) and y_pred \(B, T, C\)"):
        losses.ctc(y[0], z)


def test_ctc_of_symbolic_tensors() -> None:
    labels, outputs = layers.Input((3,), dtype="int32"), layers.Input((None, 5))
    model = models.Model([labels, outputs], losses.ctc(labels, outputs))
    z = RANDOM.standard_normal((2, 6, 5)).astype("float32")
    y = np.array([[1, 2, 0], [3, 3, 4]])
    np.testing.assert_allclose(model([y, z]), losses.ctc(y, z), rtol=1e-6)


def test_a_model_learns_with_ctc() -> None:
    x = RANDOM.standard_normal((8, 12, 3)).astype("float32")
    y = RANDOM.randint(1, 4, (8, 2))
    model = models.Sequential([layers.Input((12, 3)), layers.GRU(16, return_sequences=True), layers.Dense(4)])
    for loss in ("ctc", losses.CTC()):
        model.compile("adam", loss)
        found = model.fit(x, y, epochs=15, verbose=0).history["loss"]
        assert found[-1] < found[0]


def test_labels_of_ids_reach_the_loss() -> None:
    model = models.Sequential([layers.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("adam", losses.CategoricalGeneralizedCrossEntropy(0.7))
    assert np.isfinite(model.fit(np.ones((4, 3)), np.array([0, 1, 1, 0]), verbose=0).history["loss"][0])
    with pytest.raises(ValueError, match=r"q must be in \(0, 1\), got 1"):
        losses.CategoricalGeneralizedCrossEntropy(1)
