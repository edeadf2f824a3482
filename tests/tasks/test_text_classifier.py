"""The text classifier as an estimator, its options, and files of earlier classifiers."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.tasks import LanguageModel, SentimentClassifier, TextClassifier, TrainingCheckpoint
from tests.golden import GOLDEN
from tests.tasks.test_sentiment import LABELS, TEXTS


def small(**options: Any) -> TextClassifier:
    options = {"units": 9, "embedding": 6, "dropout": 0.1, "epochs": 15, "batch_size": 5, "learning_rate": 0.02,
               "patience": 15, "seed": 2, "verbose": 0, "pooling": "mean", "pairs": 0, "word_dropout": 0.0,
               "averaging": 0.0, **options}  # fmt: skip
    return TextClassifier(**options)


@pytest.fixture(scope="module")
def trained() -> TextClassifier:
    return small(validation=0).fit(TEXTS, LABELS)


def test_fit_predict_score(trained: TextClassifier) -> None:
    found = trained.predict(TEXTS)
    assert isinstance(found, np.ndarray) and found.tolist() == LABELS
    assert trained.classes_.tolist() == ["neg", "pos"] and trained.score(TEXTS, LABELS) == 1.0
    assert trained.history_.history["loss"] and trained.trained["best_epoch"]
    probabilities = trained.predict_proba(TEXTS[:5], batch_size=2)
    assert probabilities.shape == (5, 2) and probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    for row, one in zip(probabilities, trained.predictions(TEXTS[:5]), strict=True):
        assert one.label == trained.classes_[row.argmax()] and one.score == pytest.approx(row.max(), rel=1e-5)
    wrong = ["pos"] * 4 + ["neg"] * 28
    weights = np.where(np.array(wrong) == np.array(LABELS), 1.0, 3.0)
    right = np.mean(np.array(wrong) == np.array(LABELS))
    assert trained.score(TEXTS, wrong) == pytest.approx(right)
    assert trained.score(TEXTS, wrong, sample_weight=weights) == pytest.approx(right / (right + 3 * (1 - right)))


@pytest.mark.parametrize("labels", [[3, -1], [True, False], ["b", "a"], [2, "a"]])
def test_labels_come_back_as_they_were(labels: list[Any]) -> None:
    model = small(epochs=1).fit(TEXTS, [labels[name == "pos"] for name in LABELS])
    found = model.predict(TEXTS[:3])
    assert set(found.tolist()) <= set(labels) and set(model.classes_.tolist()) == set(labels)
    assert [type(label) for label in model.classes_.tolist()] == [type(label) for label in model.labels]


def test_the_same_network_as_the_sentiment_classifier(trained: TextClassifier) -> None:
    other = SentimentClassifier(**{**trained.get_params(), "verbose": "auto"})
    history = other.fit(TEXTS, LABELS, verbose=0)
    assert history.history == trained.history_.history
    assert [p.label for p in other.predict(TEXTS)] == trained.predict(TEXTS).tolist()


def test_settings_given_to_fit_count_before_those_of_the_constructor() -> None:
    model = SentimentClassifier(units=3, embedding=2, epochs=9, validation=0, seed=1, verbose=0)
    assert len(model.fit(TEXTS, LABELS, epochs=2).epoch) == 2 and model.epochs == 9
    assert "val_loss" in model.fit(TEXTS, LABELS, epochs=1, validation=0.2).history
    assert "val_loss" not in model.fit(TEXTS, LABELS, epochs=1).history
    with pytest.raises(ValueError, match="epochs must be an int >= 1, got 0"):
        model.fit(TEXTS, LABELS, epochs=0)


@pytest.mark.parametrize("options", [{"pooling": "max"}, {"pooling": "attention"}, {"pooling": "last"},
                                     {"pairs": 50, "word_dropout": 0.2}, {"averaging": 0.5},
                                     {"pooling": "max", "pairs": 9, "cell": "gru", "bidirectional": False}]
)  # fmt: skip
def test_options_learn_and_are_kept(tmp_path: Path, options: dict[str, Any]) -> None:
    model = small(validation=0, epochs=20, **options).fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) > 0.9
    model.save(tmp_path / "m.rsc")
    for kind in (TextClassifier, SentimentClassifier):
        again = kind.load(tmp_path / "m.rsc")
        np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))
        assert again.get_config() == model.get_config() and again.labels == model.labels
    unlike = [small(validation=0, epochs=2, **given).fit(TEXTS, LABELS).predict_proba(TEXTS) for given in ({}, options)]
    assert np.abs(unlike[0] - unlike[1]).max() > 1e-4  # no option is ignored


def test_word_dropout_is_only_for_training(trained: TextClassifier) -> None:
    model = small(word_dropout=0.5, epochs=1).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), model.predict_proba(TEXTS))
    ids = np.array([[2, 3, 4, 5] * 50, [6, 7] + [0] * 198], np.int32)
    dropped = model._inputs(ids, np.random.default_rng(1))
    assert 60 < np.count_nonzero(dropped[0] == 1) < 140 and (dropped[1, 2:] == 0).all()
    assert np.array_equal(model._inputs(ids, None), ids)


def test_groups_are_held_out_together() -> None:
    texts = [f"{text} {part}" for text in TEXTS[:8] for part in ("", "again", "and again")]
    labels = [label for label in LABELS[:8] for _ in range(3)]
    groups = [f"g{i // 3}" for i in range(24)]
    held_out: list[str] = []
    model = small(epochs=1, validation=0.3)
    read = model._encode
    model._encode = lambda texts: held_out.extend(texts) or read(texts)  # type: ignore[method-assign,func-returns-value]
    model.fit(texts, labels, groups=groups)
    known = set(model._tokenizer.word_counts)
    outside = [text for text in held_out if not set(text.lower().split()) <= known]
    assert outside  # sentences of which no word was learned, since all of their phrases were held out
    with pytest.raises(ValueError, match="groups must be as many as texts, 24, got 2"):
        model.fit(texts, labels, groups=["a", "b"])
    with pytest.raises(TypeError, match="groups must be a list of values, one for each text, got one string"):
        model.fit(texts, labels, groups="abcdefghijklmnopqrstuvwx")


def test_a_resumed_training_is_the_same(tmp_path: Path) -> None:
    from recurra.callbacks import LambdaCallback

    class Stop(Exception):
        pass

    def stop(batch: int, logs: Any) -> None:
        seen.append(batch)
        if len(seen) == 17:
            raise Stop

    options: dict[str, Any] = {"pooling": "max", "pairs": 20, "word_dropout": 0.3, "averaging": 0.6, "epochs": 4}
    whole = small(**options).fit(TEXTS, LABELS, groups=range(32))
    seen: list[int] = []
    with pytest.raises(Stop):
        small(**options).fit(
            TEXTS, LABELS, groups=range(32), callbacks=[LambdaCallback(on_train_batch_end=stop)],
            checkpoint=TrainingCheckpoint(tmp_path / "c", minutes=1e-9),
        )  # fmt: skip
    resumed = TrainingCheckpoint(tmp_path / "c", resume=True)
    with pytest.raises(ValueError, match=r"word_dropout must be the same .*, 0.3, got 0.2"):
        small(**{**options, "word_dropout": 0.2}).fit(TEXTS, LABELS, groups=range(32), checkpoint=resumed)
    with pytest.raises(ValueError, match="data must be the same"):
        small(**options).fit(TEXTS, LABELS, checkpoint=resumed)
    again = small(**options).fit(TEXTS, LABELS, groups=range(32), checkpoint=resumed)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), whole.predict_proba(TEXTS))


def test_files_of_earlier_classifiers() -> None:
    for kind in (SentimentClassifier, TextClassifier):
        old = kind.load(GOLDEN / "sentiment.rsc")
        assert (old.pooling, old.pairs, old.labels) == ("mean", 0, ["neg", "pos"])
        expected = [[0.9704424142837524, 0.029557591304183006], [0.001405854127369821, 0.9985941052436829]]
        np.testing.assert_allclose(old.predict_proba(["a lovely dull waste", "what fun, fun"]), expected, rtol=1e-4)
        assert old.explain("what fun").contributions[1].value


def test_other_tasks_files(tmp_path: Path) -> None:
    lm = LanguageModel(units=3, embedding=2, seed=1)
    lm.fit("some text, " * 9, epochs=1, window=7, batch_size=2, verbose=0)
    lm.save(tmp_path / "lm.rlm")
    with pytest.raises(ValueError, match="must hold a text classifier, got a language model"):
        TextClassifier.load(tmp_path / "lm.rlm")


def test_parameters() -> None:
    model = small(units=4)
    assert model.get_params()["units"] == 4 and model.set_params(units=5, pooling="max") is model
    assert (model.units, model.pooling) == (5, "max") and TextClassifier(**model.get_params()).units == 5
    with pytest.raises(ValueError, match="'unit' is not a parameter of TextClassifier; these are averaging, "):
        model.set_params(unit=3)
    with pytest.raises(ValueError, match="pooling must be one of mean, max, last, attention, got 'sum'"):
        model.set_params(units=7, pooling="sum")
    assert model.units == 5
    assert repr(TextClassifier(units=7, seed=3)) == "TextClassifier(seed=3, units=7)"
    with pytest.raises(AttributeError, match="classes_ is there after fit"):
        model.classes_  # noqa: B018
    for name, value in (("pairs", -1), ("pairs", True), ("word_dropout", 1.0), ("averaging", 1), ("validation", 1),
                        ("batch_size", 0), ("learning_rate", 0), ("embedding", 0), ("patience", 0)):  # fmt: skip
        with pytest.raises(ValueError, match=name):
            small(**{name: value})


def test_pickles_and_copies(trained: TextClassifier) -> None:
    model = small(pooling="max", pairs=20, epochs=1).fit(TEXTS, LABELS)
    for one in (trained, model):
        for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            np.testing.assert_array_equal(again.predict_proba(TEXTS), one.predict_proba(TEXTS))


def rare(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts of which one in fifteen is praise, and words that do not tell them quite apart."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n) < 0.07, "praise", "blame")
    good = rng.random(n) < np.where(labels == "praise", 0.75, 0.2)
    words = np.where(good, rng.choice(["good", "fine", "nice"], n), rng.choice(["bad", "dull", "slow"], n))
    return [f"{word} film" for word in words], labels.tolist()


@pytest.mark.parametrize("validation", [0, 0.2])
def test_class_weights_let_rare_labels_count(tmp_path: Path, validation: float) -> None:
    texts, labels = rare(400, 3)
    others, true = rare(900, 2)
    praise = np.array(true) == "praise"
    options: dict[str, Any] = {"units": 5, "embedding": 6, "epochs": 6, "batch_size": 32, "learning_rate": 0.02}
    options |= {"dropout": 0, "word_dropout": 0, "seed": 1, "verbose": 0, "validation": validation}
    recall: dict[str, float] = {}
    weights: dict[str, Any] = {"none": None, "balanced": "balanced", "dict": {"praise": 13.0}}
    for name, given in weights.items():
        model = TextClassifier(**options, class_weight=given)
        found = model.fit(texts, labels).predict(others)
        recall[name] = float(np.mean(found[praise] == "praise"))
        assert model.trained["best_epoch"] >= 1
    assert recall["none"] < 0.1 and recall["balanced"] > 0.5 and recall["dict"] > 0.5
    model.save(tmp_path / "m.rsc")
    assert TextClassifier.load(tmp_path / "m.rsc").predict(others).tolist() == found.tolist()
    assert model.get_params()["class_weight"] == {"praise": 13.0}


def test_equal_weights_change_nothing() -> None:
    texts, labels = ["good fun", "a bad film"] * 20, ["pos", "neg"] * 20
    options: dict[str, Any] = {"units": 4, "epochs": 2, "seed": 1, "verbose": 0, "validation": 0}
    plain = TextClassifier(**options).fit(texts, labels).predict_proba(texts)
    for given in ("balanced", {"pos": 1, "neg": 1.0}, {}):
        np.testing.assert_allclose(
            TextClassifier(**options, class_weight=given).fit(texts, labels).predict_proba(texts), plain, rtol=1e-5
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Balanced", "class_weight must be None, 'balanced' or a dict of labels and weights, got 'Balanced'"),
        ([1, 2], "class_weight must be None, 'balanced' or a dict"),
        ({"pos": 0}, "class_weight must map to finite numbers > 0, got 0 for 'pos'"),
        ({"pos": float("nan")}, "class_weight must map to finite numbers > 0, got nan for 'pos'"),
        ({"pos": "2"}, "class_weight must map to finite numbers > 0, got '2' for 'pos'"),
        ({"good": 2.0}, "class_weight must be for labels of the texts, 'neg', 'pos', got 'good'"),
    ],
)
def test_bad_class_weights(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextClassifier(units=4, verbose=0, class_weight=given).fit(["good fun", "a bad film"] * 9, ["pos", "neg"] * 9)


def test_log_probabilities() -> None:
    texts, labels = ["good fun", "a bad film"] * 9, ["pos", "neg"] * 9
    model = TextClassifier(units=4, epochs=1, seed=1, verbose=0).fit(texts, labels)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(texts)), model.predict_proba(texts))
