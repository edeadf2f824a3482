"""Keras 2's KerasClassifier and KerasRegressor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, models

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402

from recurra.wrappers.scikit_learn import KerasClassifier, KerasRegressor  # noqa: E402

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((48, 4))
WORDS = np.where(X[:, 0] > 0, "up", "down")
THREE = np.digitize(X[:, 0], [-0.5, 0.5]) * 10


def build(units: int = 6, loss: str = "categorical_crossentropy", outputs: int = 3) -> Any:
    activation = "softmax" if outputs > 1 else "sigmoid"
    model = models.Sequential(
        [layers.Input((4,)), layers.Dense(units, activation="relu"), layers.Dense(outputs, activation=activation)]
    )
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def recurrent() -> Any:
    model = models.Sequential([layers.Input((4, 1)), layers.LSTM(5), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_classes_of_any_kind() -> None:
    for y, settings in (
        (WORDS, {"loss": "binary_crossentropy", "outputs": 1}),
        (WORDS, {"loss": "categorical_crossentropy", "outputs": 2}),
        (THREE, {"loss": "sparse_categorical_crossentropy"}),
        (THREE[:, None], {}),
    ):
        estimator = KerasClassifier(build_fn=build, epochs=60, batch_size=8, verbose=0, **settings)
        history = estimator.fit(X, y)
        assert len(history.history["loss"]) == 60 and estimator.classes_.tolist() == np.unique(y).tolist()
        predicted = estimator.predict(X)
        accuracy = np.mean(predicted.reshape(-1) == y.reshape(-1))
        assert accuracy > 0.6
        assert estimator.score(X, y) == pytest.approx(accuracy)
        probabilities = estimator.predict_proba(X)
        assert probabilities.shape == (48, len(estimator.classes_))
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_one_hot_labels() -> None:
    estimator = KerasClassifier(build, epochs=2, verbose=0)
    estimator.fit(X, np.eye(3)[THREE // 10])
    assert set(estimator.predict(X)) <= {0, 1, 2} and 0 <= estimator.score(X, np.eye(3)[THREE // 10]) <= 1


def test_grid_search_and_cross_validation() -> None:
    estimator = KerasClassifier(build_fn=build, verbose=0)
    search = GridSearchCV(estimator, {"units": [3, 5], "epochs": [2], "batch_size": [16]}, cv=2).fit(X, THREE)
    assert search.best_params_["units"] in (3, 5)
    assert cross_val_score(KerasClassifier(build, epochs=3, verbose=0), X, THREE, cv=3).shape == (3,)


def test_regressor() -> None:
    estimator = KerasRegressor(build_fn=recurrent, nb_epoch=3, verbose=0)
    assert len(estimator.fit(X[..., None], X[:, 0]).history["loss"]) == 3
    assert estimator.predict(X[..., None]).shape == (48,)
    wanted = np.mean((estimator.predict(X[..., None]) - X[:, 0]) ** 2)
    assert estimator.score(X[..., None], X[:, 0]) == pytest.approx(-wanted, rel=1e-5)


def test_parameters() -> None:
    units = 7
    estimator = KerasClassifier(build, units=units, epochs=2)
    assert estimator.get_params() == {"build_fn": build, "units": 7, "epochs": 2}
    again = clone(estimator)
    assert again is not estimator and again.get_params() == estimator.get_params()
    assert estimator.set_params(units=3).get_params()["units"] == 3
    with pytest.raises(ValueError, match="size is not a legal parameter"):
        KerasClassifier(build, size=3)
    with pytest.raises(ValueError, match="width is not a legal parameter"):
        estimator.set_params(width=3)


def test_a_class_that_makes_its_model() -> None:
    class Mine(KerasClassifier):
        def __call__(self, units: int = 2) -> Any:
            return build(units)

    estimator = Mine(units=5, epochs=1, verbose=0)
    estimator.fit(X, THREE)
    assert estimator.model.layers[0].units == 5


def test_no_accuracy() -> None:
    def plain() -> Any:
        model = build()
        model.compile("sgd", "categorical_crossentropy")
        return model

    estimator = KerasClassifier(plain, verbose=0)
    estimator.fit(X, THREE)
    with pytest.raises(ValueError, match="the model measures no accuracy"):
        estimator.score(X, THREE)
    with pytest.raises(ValueError, match=r"y must have shape \(samples,\)"):
        estimator.fit(X, np.zeros((48, 2, 2)))
