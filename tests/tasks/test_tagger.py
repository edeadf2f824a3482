"""The sequence tagger: what it learns, unknown words, files, Ctrl-C, resuming, errors."""

from __future__ import annotations

import json
import signal
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.callbacks import LambdaCallback
from recurra.preprocessing.word_vectors import WordVectors
from recurra.tasks import SequenceTagger, TrainingCheckpoint
from recurra.tasks.tagged_batches import batch_size_for
from recurra.tasks.tagging_vocabulary import LONGEST_WORD, TaggingVocabulary

NOUNS, VERBS = ["dog", "cat", "horse", "fish", "owl"], ["walks", "talks", "jumps", "kicks"]


def invented(count: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences of 2 to 5 words; nouns end in no s, verbs do."""
    random = np.random.RandomState(seed)
    sentences, labels = [], []
    for _ in range(count):
        words, tags = ["The", NOUNS[random.randint(5)]], ["DET", "NOUN"]
        if random.rand() < 0.5:
            words.insert(1, "old")
            tags.insert(1, "ADJ")
        if random.rand() < 0.7:
            words += [VERBS[random.randint(4)], "."]
            tags += ["VERB", "PUNCT"]
        sentences.append(words)
        labels.append(tags)
    return sentences, labels


def named(count: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Names of one or two words."""
    random = np.random.RandomState(seed)
    sentences, labels = [], []
    for _ in range(count):
        one = random.rand() < 0.5
        sentences.append(["in", "New" if not one else "Rome", *([] if one else ["York"]), "now"])
        labels.append(["O", "B-LOC", *([] if one else ["I-LOC"]), "O"])
    return sentences, labels


def small(**options: Any) -> SequenceTagger:
    settings = {"units": 9, "layers": 1, "embedding": 6, "characters": 5, "dropout": 0.1, "seed": 1}
    return SequenceTagger(**{**settings, **options})


def fit(tagger: SequenceTagger, data: Any = None, **options: Any) -> Any:
    settings = {"epochs": 12, "batch_size": 5, "learning_rate": 0.02, "patience": 12, "verbose": 0}
    return tagger.fit(*(data or invented(60, 0)), **{**settings, **options})


@pytest.fixture(scope="module")
def trained() -> SequenceTagger:
    tagger = small()
    fit(tagger)
    return tagger


def test_it_learns(trained: SequenceTagger) -> None:
    found = trained.evaluate(*invented(30, 7))
    assert found.accuracy > 0.97 and found.sentences == 30 and found.spans is None and found.unknown is None
    assert trained.labels == ["ADJ", "DET", "NOUN", "PUNCT", "VERB"]
    assert trained.trained["val_accuracy"] > 0.97 and not trained.trained["interrupted"]
    assert set(found.each) == set(trained.labels) and found.each["VERB"].f1 > 0.9


def test_unknown_words_by_their_characters(trained: SequenceTagger) -> None:
    """Verbs end in -ks or -ps; the label of a new word follows from its letters alone, at one place."""
    same_place = [["The", "dog", word, "."] for word in ("balks", "sulks")]
    assert [labels[2] for labels in trained.predict(same_place)] == ["VERB", "VERB"]
    found = trained.evaluate(same_place, [["DET", "NOUN", "VERB", "PUNCT"]] * 2)
    assert found.unknown == 1.0
    network, vocabulary = trained.model, trained.vocabulary
    assert vocabulary is not None
    scores = []
    for word in ("balks", "zzzzz"):
        words, rows = vocabulary.encode([["The", word]])
        scores.append(network([words.ids[rows[0]][None], words.characters[rows[0]][None]], training=False))
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_order_and_batches_do_not_matter(trained: SequenceTagger) -> None:
    sentences, _ = invented(23, 3)
    expected = trained.predict(sentences)
    assert [len(row) for row in expected] == [len(row) for row in sentences]
    assert trained.predict(sentences, batch_size=2) == expected
    assert trained.predict(sentences[::-1]) == expected[::-1]
    assert [trained.predict([one])[0] for one in sentences[:5]] == expected[:5]
    done: list[int] = []
    trained.predict(sentences, batch_size=10, progress=done.append)
    assert done == [10, 10, 3]


def test_a_long_sentence_pads_no_others(trained: SequenceTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences, _ = invented(20, 3)
    sentences[4:4] = [["The", "dog"] * 400]
    expected = [trained.predict([one])[0] for one in sentences]
    shapes, predict = [], trained.model.predict_on_batch
    monkeypatch.setattr(trained.model, "predict_on_batch", lambda x: shapes.append(x[0].shape) or predict(x))
    assert trained.predict(sentences) == expected
    assert shapes == [(20, 5), (1, 800)]


@pytest.mark.parametrize("crf", [False, True])
def test_validation_counts_words(crf: bool) -> None:
    """The accuracy that chooses the epoch is that of the words: no padding, and batches of unequal lengths."""
    tagger = small(crf=crf)
    held_out = invented(29, 5)
    fit(tagger, validation=held_out, epochs=1, batch_size=2, learning_rate=2e-3)
    assert 0 < tagger.trained["val_accuracy"] < 0.97
    assert tagger.trained["val_accuracy"] == pytest.approx(tagger.evaluate(*held_out).accuracy, abs=1e-6)


@pytest.mark.parametrize("crf", [None, True, False])
def test_spans(crf: bool | None) -> None:
    tagger = small(crf=crf)
    fit(tagger, named(60, 0), validation=named(20, 1))
    assert type(tagger.model.layers[-1]).__name__ == ("Dense" if crf is False else "CRF")
    found = tagger.evaluate(*named(20, 2))
    assert found.spans is not None and found.spans.f1 > 0.95 and set(found.each) == {"LOC"}
    assert tagger.trained["val_accuracy"] == pytest.approx(tagger.evaluate(*named(20, 1)).accuracy, abs=1e-6)


def test_pretrained_vectors(tmp_path: Path) -> None:
    """Words of the vectors that no training sentence holds are told apart by their vectors."""
    random = np.random.RandomState(0)
    words = [*NOUNS, *VERBS, "the", "old", ".", "Zyx", "zyq"]
    table = random.standard_normal((len(words), 7)).astype("float32") * 0.1
    table[:5] += 2
    table[5:9] -= 2
    table[-2:] = [[2.0] * 7, [-2.0] * 7]
    tagger = small(characters=0)
    fit(tagger, vectors=WordVectors(words, table))
    assert tagger.predict([["The", "Zyx", "zyq", "."]]) == [["DET", "NOUN", "VERB", "PUNCT"]]
    np.testing.assert_array_equal(tagger.model.get_layer("pretrained_vectors").get_weights()[0][2:], table)
    tagger.save(tmp_path / "m.rst")
    again = SequenceTagger.load(tmp_path / "m.rst")
    assert again.predict([["The", "Zyx", "zyq", "."]]) == [["DET", "NOUN", "VERB", "PUNCT"]]


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "gru", "layers": 2},
        {"dropout": 0.0, "word_dropout": 0.0},
        {"locked_dropout": True, "recurrent_dropout": 0.3},
        {"rare": 99},
    ],
)
def test_settings(options: dict[str, Any]) -> None:
    tagger = small(**options)
    fit(tagger, epochs=1, averaging=0.0)
    assert len(tagger.predict([["The", "dog"]])[0]) == 2
    assert {name: tagger.get_config()[name] for name in options} == options


def test_same_seed_same_training() -> None:
    weights = []
    for seed in (3, 3, 4):
        tagger = small(seed=seed)
        fit(tagger, epochs=1)
        weights.append(tagger.model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights[:2], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(*weights[1:], strict=True))


def test_files_keep_everything(trained: SequenceTagger, tmp_path: Path) -> None:
    path = tmp_path / "m.rst"
    trained.notes = {"format": "conllu"}
    trained.save(path)
    again = SequenceTagger.load(path)
    sentences, _ = invented(20, 9)
    assert again.predict(sentences) == trained.predict(sentences)
    assert again.get_config() == trained.get_config() and again.trained == trained.trained
    assert again.labels == trained.labels and again.notes == {"format": "conllu"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 8}, "layer of its layer .* must be .*units': 8"),
        ({"units": 10**7}, "more numbers than the file holds"),
        ({"embedding": 10**9}, "more numbers than the file holds"),
        ({"characters": 0}, "its network must be made of"),
        ({"layers": 10**9}, "layers must be at most"),
        ({"notes": 3}, "notes must be an object"),
        ({"width": 0}, "width must be an int >= 1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_other_descriptions(trained: SequenceTagger, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    trained.save(tmp_path / "m.rst")
    with zipfile.ZipFile(tmp_path / "m.rst") as old, zipfile.ZipFile(tmp_path / "n.rst", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "recurra.json":
                description = json.loads(content)
                description["config"].update(change)
                content = json.dumps(description).encode()
            new.writestr(name, content)
    with pytest.raises(ValueError, match=message):
        SequenceTagger.load(tmp_path / "n.rst")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "the vocabulary must hold words, characters, labels and pretrained"),
        ('{"words": {"a": 0}, "characters": [], "labels": ["A"], "pretrained": []}', "words must be counts by word"),
        (
            '{"words": {"a": 2147483648}, "characters": [], "labels": ["A"], "pretrained": []}',
            r"words must be counts by word, below 2\*\*31",
        ),
        ('{"words": {}, "characters": ["a", "a"], "labels": ["A"], "pretrained": []}', "characters must be different"),
        ('{"words": {}, "characters": [], "labels": [], "pretrained": []}', "labels must not be empty"),
        ('{"words": {}, "characters": [], "labels": [1], "pretrained": []}', "labels must be a list of texts"),
    ],
)
def test_other_vocabularies(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TaggingVocabulary.from_json(text)


def test_long_words_are_read_at_both_ends() -> None:
    vocabulary = TaggingVocabulary.learn([["ab"]], [["X"]], size=9, rare=1)
    words, rows = vocabulary.encode([["a" * 50 + "b" * 50, "ba"], ["ba"]])
    assert words.characters.shape == (3, LONGEST_WORD)
    assert words.characters[1].tolist() == [2] * (LONGEST_WORD // 2) + [3] * (LONGEST_WORD // 2)
    assert [row.tolist() for row in rows] == [[1, 2], [2]]


def test_word_dropout_is_rarer_for_frequent_words() -> None:
    tagger = small()
    fit(tagger, epochs=1)
    pairs = list(zip(*invented(60, 0), strict=True))
    batches = tagger._batches(pairs, 60, shuffle=True, seed=3, word_dropout=5.0)
    assert tagger.vocabulary is not None
    common, rare = (tagger.vocabulary.known[word] for word in ("the", "fish"))
    kept = [np.concatenate([inputs[0].ravel() for inputs, _ in batches]) for _ in range(20)]
    counts = {ids: np.mean([(batch == ids).sum() for batch in kept]) / tagger.vocabulary.counts[word] for ids, word in
              ((common, "the"), (rare, "fish"))}  # fmt: skip
    assert counts[common] > counts[rare] > 0
    assert not np.array_equal(kept[0], kept[1])


def test_ctrl_c_keeps_the_weights(capfd: pytest.CaptureFixture[str]) -> None:
    def interrupt(batch: int, logs: Any) -> None:
        if batch == 1:
            signal.raise_signal(signal.SIGINT)

    tagger = small()
    fit(tagger, callbacks=[LambdaCallback(on_train_batch_end=interrupt)])
    assert tagger.trained["interrupted"] and tagger.predict([["The", "dog"]])
    assert "interrupted" in capfd.readouterr().err


def test_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    class PowerCut(Exception):
        pass

    def fail(batch: int, logs: Any) -> None:
        if batch == 3:
            raise PowerCut

    whole = small()
    fit(whole, epochs=2)
    cut = small()
    with pytest.raises(PowerCut):
        fit(cut, epochs=2, checkpoint=TrainingCheckpoint(tmp_path / "c", minutes=1e-9),
            callbacks=[LambdaCallback(on_train_batch_end=fail)])  # fmt: skip
    with pytest.raises(ValueError, match="units must be the same"):
        fit(small(units=8), epochs=2, checkpoint=TrainingCheckpoint(tmp_path / "c", resume=True))
    with pytest.raises(ValueError, match="data must be the same"):
        fit(small(), invented(60, 1), epochs=2, checkpoint=TrainingCheckpoint(tmp_path / "c", resume=True))
    fit(cut, epochs=2, checkpoint=TrainingCheckpoint(tmp_path / "c", resume=True))
    for one, other in zip(whole.model.get_weights(), cut.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("sentences", "labels", "message"),
    [
        ([], [], "sentences must hold at least one sentence"),
        ([["a"], []], [["X"], []], r"sentences\[1\] is empty"),
        ([["a", ""]], [["X", "Y"]], r"sentences\[0\]\[1\] must be a non-empty str, got ''"),
        ([["a"]], [["X"], ["Y"]], "labels must be as many as sentences, 1, got 2"),
        ([["a", "b"]], [["X"]], r"labels\[0\] must have a label for each of 2 words, got 1"),
        ([["a"]], [[3]], r"labels\[0\]\[0\] must be a non-empty str, got 3"),
    ],
)
def test_bad_data(sentences: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(sentences, labels, verbose=0)


def test_bad_types_and_arguments(trained: SequenceTagger) -> None:
    with pytest.raises(TypeError, match="got one string: split it"):
        trained.predict("The dog")
    with pytest.raises(TypeError, match=r"sentences\[0\] must be a list of words, got a str"):
        trained.predict(["The dog"])
    with pytest.raises(ValueError, match="must be trained first"):
        small().predict([["a"]])
    with pytest.raises(ValueError, match="leaves none to learn from"):
        fit(small(), ([["a"]], [["X"]]), validation=0.9)
    with pytest.raises(ValueError, match="whose labels all occur in the training sentences"):
        fit(small(), validation=([["a"]], [["NEW"]]))
    for options, message in (
        ({"cell": "lstn"}, "cell must be one of"),
        ({"units": 0}, "units must be an int >= 1"),
        ({"characters": -1}, "characters must be an int >= 1"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"cell": "indrnn", "recurrent_dropout": 0.1}, "recurrent_dropout must be 0: the cell indrnn"),
        ({"word_dropout": -1}, "word_dropout must be a finite number >= 0"),
        ({"crf": "yes"}, "crf must be True, False or None"),
    ):
        with pytest.raises(ValueError, match=message):
            small(**options)


def test_few_sentences_have_small_batches() -> None:
    sizes = [batch_size_for(n) for n in (1, 40, 400, 1_000, 12_544)]
    assert sizes == [2, 2, 8, 20, 32]
    sentences, labels = [["the", "dog", "barks"], ["a", "cat", "sleeps"]] * 6, [["D", "N", "V"]] * 12
    tagger = SequenceTagger(units=4, layers=1, embedding=4, characters=0, seed=1)
    told = tagger.fit(sentences, labels, validation=0, epochs=1, verbose=0)
    same = SequenceTagger(units=4, layers=1, embedding=4, characters=0, seed=1)
    assert same.fit(sentences, labels, validation=0, epochs=1, batch_size=2, verbose=0).history == told.history
