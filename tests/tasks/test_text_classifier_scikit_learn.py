"""The text classifier under scikit-learn: its checks where they apply, and its own tools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

from recurra.tasks import SentimentClassifier, TextClassifier
from tests.tasks.test_sentiment import LABELS, TEXTS
from tests.tasks.test_text_classifier import small

#: the checks of ``check_estimator`` that need no numbers as inputs; the others fit arrays of floats
CHECKS = [
    name
    for name in (
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    )
    if hasattr(estimator_checks, name)  # of the version that is installed
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CHECKS)
def test_checks_of_estimators(name: str) -> None:
    getattr(estimator_checks, name)("TextClassifier", TextClassifier())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator_takes_it() -> None:
    estimator_checks.check_estimator(TextClassifier(), on_skip=None)


def test_clones() -> None:
    model = small(pooling="max").fit(TEXTS, LABELS)
    other = clone(model)
    assert other.get_params() == model.get_params() and other.model is None and is_classifier(model)
    with pytest.raises(NotFittedError):
        check_is_fitted(other)
    check_is_fitted(model)
    assert not hasattr(other, "classes_")


def test_cross_validation() -> None:
    scores = cross_val_score(small(validation=0), np.array(TEXTS), np.array(LABELS), cv=4)
    assert scores.shape == (4,) and scores.mean() > 0.8
    found = cross_val_predict(small(validation=0, epochs=2), TEXTS, LABELS, cv=2, method="predict_proba")
    assert found.shape == (32, 2)
    groups = [i % 8 for i in range(32)]
    assert len(cross_val_score(small(epochs=1), TEXTS, LABELS, groups=groups, cv=GroupKFold(2))) == 2


def test_scorers() -> None:
    model = small(validation=0).fit(TEXTS, LABELS)
    for name, best in (("accuracy", 1.0), ("f1_macro", 1.0), ("roc_auc", 1.0)):
        assert get_scorer(name)(model, TEXTS, LABELS) == best
    assert -0.3 < get_scorer("neg_log_loss")(model, TEXTS, LABELS) < 0


class Shorter(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps the first words of each text."""

    def __init__(self, words: int = 3) -> None:
        self.words = words

    def fit(self, X: Any, y: Any = None) -> Shorter:
        return self

    def transform(self, X: Any) -> list[str]:
        return [" ".join(text.split()[: self.words]) for text in X]

    def __sklearn_is_fitted__(self) -> bool:
        return True


def test_a_pipeline_and_a_grid() -> None:
    pipeline = Pipeline([("shorter", Shorter(9)), ("classifier", small(validation=0, epochs=4))])
    grid = {"classifier__units": [2, 9], "classifier__pooling": ["mean", "max"], "shorter__words": [1, 9]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(TEXTS, LABELS)
    assert search.best_params_["shorter__words"] == 9 and len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.6 and search.predict(["a lovely film"]).shape == (1,)
    assert search.classes_.tolist() == ["neg", "pos"]


def test_columns_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": TEXTS, "label": LABELS, "group": [i % 8 for i in range(32)]})
    model = small(epochs=2, validation=0.2).fit(frame["text"], frame["label"], groups=frame["group"])
    plain = small(epochs=2, validation=0.2).fit(TEXTS, LABELS, groups=frame["group"].tolist())
    np.testing.assert_array_equal(model.predict_proba(frame[["text"]]), plain.predict_proba(TEXTS))
    model.fit(frame[["text"]], frame[["label"]], groups=frame[["group"]])
    np.testing.assert_array_equal(model.predict_proba(frame["text"]), plain.predict_proba(TEXTS))
    assert len(cross_val_score(small(epochs=1), frame["text"], frame["label"], cv=2)) == 2


def test_the_sentiment_classifier_is_cloned_too() -> None:
    assert clone(SentimentClassifier(units=3, seed=1)).get_params()["units"] == 3
