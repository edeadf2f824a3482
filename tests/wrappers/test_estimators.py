"""Keras 3's estimators: scikit-learn's own checks, pipelines, cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, models
from recurra.utils import set_random_seed

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from recurra.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer  # noqa: E402

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((60, 5))
LABELS = np.where(X[:, 0] + 0.5 * X[:, 1] > 0, "yes", "no")


def network(X: Any, y: Any, loss: str, activation: str | None = None, units: int = 10) -> Any:
    set_random_seed(3)  # two fits are the same fit
    inputs = layers.Input(X.shape[1:])
    hidden = layers.Dense(units, activation="relu")(inputs)
    model = models.Model(inputs, layers.Dense(y.shape[1], activation=activation)(hidden))
    model.compile("rmsprop", loss)
    return model


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        SKLearnClassifier(
            network,
            model_kwargs={"loss": "categorical_crossentropy", "activation": "softmax"},
            fit_kwargs={"epochs": 5},
        ),
        SKLearnRegressor(network, model_kwargs={"loss": "mse"}),
        SKLearnTransformer(network, model_kwargs={"loss": "mse"}),
    ]
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def classifier(**options: Any) -> Any:
    settings = {"loss": "categorical_crossentropy", "activation": "softmax"}
    return SKLearnClassifier(network, model_kwargs=settings, fit_kwargs={"epochs": 40, "batch_size": 10}, **options)


def test_in_a_pipeline() -> None:
    made = make_pipeline(StandardScaler(), classifier()).fit(X, LABELS)
    assert made.score(X, LABELS) > 0.8 and set(made.predict(X)) == {"yes", "no"}
    assert made.decision_function(X).shape == (60,)
    assert made[-1].classes_.tolist() == ["no", "yes"] and len(made[-1].history_.history["loss"]) == 40
    assert cross_val_score(classifier(), X, LABELS, cv=3).mean() > 0.6


def test_grid_search() -> None:
    grid = {"model_kwargs": [{"loss": "mse", "units": n} for n in (2, 12)], "fit_kwargs": [{"epochs": 5}]}
    search = GridSearchCV(SKLearnRegressor(network), grid, cv=2).fit(X, X[:, 0] * 2)
    assert search.best_params_["model_kwargs"]["units"] in (2, 12) and search.predict(X).shape == (60,)


def test_a_model_is_cloned_and_with_warm_start_it_is_not() -> None:
    model = network(X, X[:, :2], "mse")
    before = model.get_weights()
    estimator = SKLearnRegressor(model).fit(X, X[:, :2], epochs=2)
    assert estimator.model_ is not model and estimator.predict(X).shape == (60, 2)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert clone(estimator).model is not model
    warm = SKLearnRegressor(model, warm_start=True).fit(X, X[:, :2])
    assert warm.model_ is model


def test_transformer() -> None:
    transformer = SKLearnTransformer(network, model_kwargs={"loss": "mse"}).fit(X, X[:, :3])
    np.testing.assert_array_equal(transformer.transform(X), transformer.model_.predict(X, verbose=0))


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="a compiled model with a loss"):
        SKLearnRegressor(models.Sequential([layers.Dense(1)])).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="only one class"):
        classifier().fit(X, np.zeros(60, int))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classifier().fit(X, X[:, 0])
