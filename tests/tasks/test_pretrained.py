"""Classifiers that start from word vectors or from a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.callbacks import LambdaCallback
from recurra.preprocessing.word_vectors import WordVectors
from recurra.tasks import LanguageModel, TextClassifier
from tests.tasks.test_sentiment import LABELS, TEXTS


def small(**options: Any) -> TextClassifier:
    options = {"units": 5, "epochs": 1, "validation": 0, "seed": 2, "verbose": 0, **options}
    return TextClassifier(**options)


def first_weights(model: TextClassifier, labels: Any = LABELS) -> dict[str, list[np.ndarray]]:
    """What the layers hold before the first batch."""
    found: dict[str, list[np.ndarray]] = {}

    def keep(epoch: int, logs: Any) -> None:
        found.update({layer.name: [np.array(w) for w in layer.get_weights()] for layer in watcher.model.layers})

    watcher = LambdaCallback(on_epoch_begin=keep)
    model.fit(TEXTS, labels, callbacks=[watcher])
    return found


def vectors() -> WordVectors:
    rng = np.random.default_rng(3)
    return WordVectors(["lovely", "bore", "zebra", "minute"], rng.normal(size=(4, 7)).astype("float32"))


@pytest.mark.parametrize("pooling", ["mean", "attention"])
@pytest.mark.parametrize("form", ["word2vec", "glove", None])
def test_vectors_are_the_first_values(tmp_path: Path, form: str | None, pooling: str) -> None:
    source: Any = vectors()
    if form is not None:
        vectors().save(tmp_path / "v.txt", form)
        source = tmp_path / "v.txt"
    model = small(vectors=source, pooling=pooling)
    table = first_weights(model)["words"][0]
    plain = first_weights(small(embedding=7, pooling=pooling))["words"][0]
    index = model._tokenizer.word_index
    for word in ("lovely", "bore", "minute"):
        np.testing.assert_array_equal(table[index[word]], vectors()[word])
    others = [i for word, i in index.items() if word not in vectors()]
    np.testing.assert_array_equal(table[others], plain[others])
    assert model.get_config()["embedding"] == 7 and model.embedding is None
    model.save(tmp_path / "m.rsc")
    again = TextClassifier.load(tmp_path / "m.rsc")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))


@pytest.mark.parametrize(("level", "bidirectional", "tied"), [
    ("word", True, False), ("word", False, True), ("char", True, True), ("char", False, False),
])  # fmt: skip
def test_a_language_model_is_the_first_values(tmp_path: Path, level: str, bidirectional: bool, tied: bool) -> None:
    lm = LanguageModel(level, cell="gru", units=5, layers=2, embedding=6, dropout=0.1, tied=tied, seed=1)
    lm.fit("\n".join(TEXTS), epochs=1, window=9, batch_size=2, verbose=0)
    lm.save(tmp_path / "lm.rlm")
    model = small(cell="gru", language_model=tmp_path / "lm.rlm", bidirectional=bidirectional)
    found = first_weights(model)
    words, recurrent = lm.model.layers[1:3] if tied else lm.model.layers[:2]
    np.testing.assert_array_equal(found["words"][0], words.get_weights()[0])
    for w, expected in zip(found["recurrent"], recurrent.get_weights(), strict=False):
        np.testing.assert_array_equal(w, expected)
    assert len(found["recurrent"]) == 3 * (1 + bidirectional)
    model.save(tmp_path / "m.rsc")
    again = TextClassifier.load(tmp_path / "m.rsc")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert [c.token for c in again.explain("so, fun").contributions] == (
        ["so", ",", " fun"] if level == "word" else list("so, fun")
    )
    same = small(cell="gru", language_model=lm, bidirectional=bidirectional).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(same.predict_proba(TEXTS), model.predict_proba(TEXTS))


def test_what_does_not_fit(tmp_path: Path) -> None:
    lm = LanguageModel("word", units=6, embedding=4, seed=1)
    with pytest.raises(ValueError, match="language_model must be trained first"):
        small(units=6, language_model=lm).fit(TEXTS, LABELS)
    lm.fit("\n".join(TEXTS), epochs=1, window=9, batch_size=2, verbose=0)
    for options, message in (
        ({"units": 5}, "units must be that of the language model, 6, got 5"),
        ({"units": 6, "cell": "gru"}, "cell must be that of the language model, 'lstm', got 'gru'"),
        ({"units": 6, "embedding": 5}, "embedding must be that of the language model, 4, got 5"),
    ):
        with pytest.raises(ValueError, match=message):
            small(language_model=lm, **options).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="embedding must be the length of the vectors, 7, or None, got 6"):
        small(vectors=vectors(), embedding=6).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"vectors must hold some of the .* got none of them among 1"):
        small(vectors=WordVectors(["Zebra"], [[1.0, 2.0]])).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="vectors and language_model cannot be given together"):
        small(vectors=vectors(), language_model=lm)
    with pytest.raises(TypeError, match="vectors must be a path, WordVectors or None, got dict"):
        small(vectors={"a": [1.0]})
    with pytest.raises(TypeError, match="language_model must be a path, a LanguageModel or None, got int"):
        small(language_model=3)
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        small(vectors=tmp_path / "none.txt").fit(TEXTS, LABELS)
