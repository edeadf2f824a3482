"""Labels at masked steps, which do not count whatever they are, and labels of a sample for each of its steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, losses, models
from recurra.layers.base.context import set_mask
from recurra.losses.labels import without_masked

X = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [2, 2, 1, 3, 5]])


def tagger(units: int, activation: str | None, loss: Any, **more: Any) -> Any:
    inputs = layers.Input((5,))
    y = layers.LSTM(3, return_sequences=True)(layers.Embedding(7, 4, mask_zero=True)(inputs))
    model = models.Model(inputs, layers.Dense(units, activation=activation)(y))
    random = np.random.RandomState(3)
    model.set_weights([0.1 * random.standard_normal(w.shape) for w in model.get_weights()])
    model.compile("sgd", loss, **more)
    return model


@pytest.mark.parametrize(
    ("units", "activation", "loss", "metrics"),
    [
        (4, "softmax", "sparse_categorical_crossentropy", ["accuracy", "sparse_categorical_crossentropy"]),
        (4, "softmax", losses.SparseCategoricalCrossentropy(), ["acc"]),
        (4, None, losses.SparseCategoricalCrossentropy(from_logits=True), []),
        (1, "sigmoid", "binary_crossentropy", ["accuracy"]),
        (1, "sigmoid", "mse", []),
    ],
)
def test_what_stands_at_masked_steps_does_not_count(units: int, activation: Any, loss: Any, metrics: Any) -> None:
    y = np.random.RandomState(0).randint(0, 4 if units == 4 else 2, X.shape)[..., None]
    y = y.astype("float32") if units == 1 else y
    clean, marked = np.where(X[..., None] == 0, 0, y), np.where(X[..., None] == 0, -1, y)
    found = []
    for labels in (clean, marked):
        model = tagger(units, activation, loss, metrics=metrics)
        history = model.fit(X, labels, epochs=2, batch_size=2, shuffle=False, verbose=0).history
        found.append([*history["loss"], *np.ravel(model.evaluate(X, labels, verbose=0)), *model.get_weights()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_labels_at_steps_that_count_are_still_checked() -> None:
    y = np.where(X == 0, -1, 1)
    y[0, 0] = 4
    with pytest.raises(ValueError, match=r"must hold class ids in \[0, 4\), got ids from 0 to 4"):
        tagger(4, "softmax", "sparse_categorical_crossentropy").fit(X, y, verbose=0)
    inputs = layers.Input((5, 1))
    plain = models.Model(inputs, layers.Dense(4, activation="softmax")(inputs))
    plain.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"y must hold class ids in \[0, 4\) .* got ids from -1 to 1"):
        plain.fit(X[..., None].astype("float32"), np.where(X == 0, -1, 1), verbose=0)


def test_a_loss_called_by_hand() -> None:
    p = np.full((2, 3, 4), 0.25, "float32")
    mask = np.array([[True, True, False], [True, False, False]])
    value = losses.SparseCategoricalCrossentropy()(np.array([[1, 3, -1], [2, 9, -5]]), set_mask(p, mask))
    np.testing.assert_allclose(value, np.log(4.0), rtol=1e-5)


def test_without_masked() -> None:
    mask = np.array([[True, False]])
    np.testing.assert_array_equal(without_masked(np.array([[3, -1]]), mask), [[3, 0]])
    np.testing.assert_array_equal(without_masked(np.array([[[3.0], [-1.0]]]), mask), [[[3], [0]]])
    odd = np.array([1, 2, 3])
    assert without_masked(odd, mask) is odd


def test_one_label_for_all_steps_of_a_sample() -> None:
    inputs = layers.Input((5, 2))
    x = np.random.RandomState(1).standard_normal((6, 5, 2)).astype("float32")
    y = np.arange(6.0)
    found = []
    for labels in (y, y[:, None]):
        model = models.Model(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
        model.compile("sgd", "mse", metrics=["mae"])
        with pytest.warns(UserWarning, match="is broadcast"):
            found.append(model.evaluate(x, labels, verbose=0))
            model.fit(x, labels, epochs=1, verbose=0)
    assert found[0] == found[1]
    wanted = np.mean((x.sum(-1) - y[:, None]) ** 2)
    np.testing.assert_allclose(found[0][0], wanted, rtol=1e-5)
