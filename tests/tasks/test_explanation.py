"""Contributions of words: what they are, that they mean something, and how they are shown."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from recurra.tasks import Explanation, TextClassifier
from recurra.tasks.classifier_network import POOLINGS
from recurra.tasks.explanation import Contribution, explain, page
from tests.tasks.test_sentiment import LABELS, TEXTS


@pytest.fixture(scope="module", params=["mean", "max"])
def trained(request: pytest.FixtureRequest) -> TextClassifier:
    model = TextClassifier(
        units=9, embedding=6, dropout=0.1, pooling=request.param, pairs=40 * (request.param == "max"), validation=0,
        epochs=15, batch_size=5, learning_rate=0.02, patience=15, seed=2, verbose=0, averaging=0.0, word_dropout=0.0,
    )  # fmt: skip
    return model.fit(TEXTS, LABELS)


def log_odds(model: TextClassifier, text: str, label: str) -> float:
    p = model.predict_proba([text])[0][model.labels.index(label)]
    return float(np.log(p / (1 - p)))


def test_a_contribution_is_the_fall_of_the_log_odds(trained: TextClassifier) -> None:
    text = "Well, what a LOVELY waste of every minute!"
    found = trained.explain(text, "neg")
    words = text.split()
    assert found.label == "neg" and [c.token for c in found.contributions] == [w.strip(",!") for w in words]
    for i, c in enumerate(found.contributions):
        assert text[c.start : c.end] == c.token and c.value is not None
        without = " ".join(words[:i] + words[i + 1 :])
        expected = log_odds(trained, text, "neg") - log_odds(trained, without, "neg")
        assert c.value == pytest.approx(expected, abs=2e-4)
    assert found.probability == pytest.approx(trained.predict_proba([text])[0][0], abs=1e-5)


def test_contributions_mean_something(trained: TextClassifier) -> None:
    """Taking out the words that speak most for a label lowers it more than taking out as many at random."""
    falls = []
    for text, label in zip(TEXTS, LABELS, strict=True):
        found = trained.explain(text, label)
        best = found.strongest(2)[0]
        kept = [c for c in found.contributions if c not in best]
        weak = sorted(found.contributions, key=lambda c: c.value or 0.0)[: len(best)]
        others = [c for c in found.contributions if c not in weak]
        if not kept or not others:
            continue
        after, control = (log_odds(trained, " ".join(c.token for c in part), label) for part in (kept, others))
        falls.append(control - after)
    assert len(falls) > 20 and np.mean(np.array(falls) > 0) > 0.9 and np.mean(falls) > 0.5


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_word_that_decides_is_found(pooling: str) -> None:
    rng = np.random.default_rng(5)
    filler = [f"w{i}" for i in range(30)]
    texts, labels, deciding = [], [], []
    for _ in range(240):
        words = rng.choice(filler, rng.integers(3, 12)).tolist()
        label = str(rng.choice(["good", "bad", "odd"]))
        words.insert(int(rng.integers(0, len(words) + 1)), f"{label}{rng.integers(2)}")
        texts.append(" ".join(words))
        labels.append(label)
    deciding = [next(word for word in text.split() if word[0] != "w") for text in texts]
    model = TextClassifier(
        units=8, embedding=8, pooling=pooling, pairs=0, dropout=0.2, word_dropout=0.0, averaging=0.0, validation=0,
        epochs=25, batch_size=8, learning_rate=0.01, seed=3, verbose=0,
    )  # fmt: skip
    model.fit(texts[40:], labels[40:])
    assert model.score(texts[:40], labels[:40]) > 0.9
    found = [model.explain(text, label).strongest(1)[0] for text, label in zip(texts[:40], labels[:40], strict=True)]
    hits = [bool(best) and best[0].token == word for best, word in zip(found, deciding, strict=False)]
    assert np.mean(hits) > 0.9


def test_labels_and_long_texts() -> None:
    model = TextClassifier(units=3, embedding=4, maxlen=6, epochs=1, validation=0, seed=1, verbose=0)
    model.fit([*TEXTS, "so so", "not so so"], [*LABELS, "meh", "meh"])
    found = model.explain("one two three four five six seven eight nine")
    assert [c.value is None for c in found.contributions] == [False] * 2 + [True] * 3 + [False] * 4
    assert found.label == model.predict(["one two three four five six seven eight nine"])[0]
    assert model.explain("!").contributions == [] and 0 < model.explain("!").probability < 1
    with pytest.raises(ValueError, match="label must be one of 'meh', 'neg', 'pos', got 'good'"):
        model.explain("one", "good")
    with pytest.raises(TypeError, match="texts"):
        model.explain(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be trained first"):
        TextClassifier().explain("a")


def test_several_labels_by_hand() -> None:
    weights = np.array([[0.0, 0, 0], [1, -1, 0.5], [-2, 0.3, 0.7]])

    def scores(sequences: list[list[int]]) -> np.ndarray:
        return np.array([weights[ids].sum(axis=0) for ids in sequences])

    found = explain("b c", [(0, 1), (2, 3)], [0, 1], [1, 2], scores, ["x", "y", "z"], "y")

    def odds(ids: list[int]) -> float:
        e = np.exp(scores([ids])[0])
        return float(np.log(e[1] / (e[0] + e[2])))

    assert [c.value for c in found.contributions] == pytest.approx([odds([1, 2]) - odds([2]), odds([1, 2]) - odds([1])])
    assert explain("b c", [(0, 1), (2, 3)], [0, 1], [1, 2], scores, ["x", "y", "z"], None).label == "z"


def some() -> Explanation:
    tokens = [("good", 1, 2.0), ("<b>", 6, -1.0), ("very", 10, 0.1), ("dim", 15, None)]
    contributions = [Contribution(token, at, at + len(token), value) for token, at, value in tokens]
    return Explanation("(good <b> very dim\n& on)", "a<b", 0.75, contributions)


def test_shown_in_a_terminal() -> None:
    text = some().to_ansi()
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == some().text
    assert "\x1b[30;48;5;83mgood\x1b[0m" in text and "\x1b[2mdim\x1b[0m" in text
    assert "very" in text and "mvery" not in text  # too weak for a colour
    assert re.search(r"\x1b\[30;48;5;2\d\dm<b>", text)


def test_shown_as_html() -> None:
    text = some().to_html()
    assert "&lt;b&gt;</span>" in text and "<b>a&lt;b</b> 75.0%" in text and "<br>&amp; on)" in text
    assert 'rgba(46, 160, 67, 1.00)" title="+2.000">good' in text and 'rgba(218, 54, 51, 0.50)" title="-1.000"' in text
    assert 'title="not read">dim' in text and some()._repr_html_() == text
    whole = page([some(), some()])
    assert whole.startswith("<!DOCTYPE html>") and whole.count(text) == 2 and 'charset="utf-8"' in whole
    assert whole.count("Green speaks for the label, red against it.") == 1


def test_as_plain_values() -> None:
    found = json.loads(json.dumps(some().to_dict()))
    assert found["method"] == "leave-one-out, log-odds" and found["label"] == "a<b"
    assert found["tokens"][3] == {"token": "dim", "start": 15, "end": 18, "value": None}
    supporting, opposing = some().strongest(1)
    assert [c.token for c in supporting] == ["good"] and [c.token for c in opposing] == ["<b>"]
