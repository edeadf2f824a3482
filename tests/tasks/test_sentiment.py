"""The classifier: what it learns, labels of all kinds, files, and bad input."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.callbacks import LambdaCallback
from recurra.tasks import SentimentClassifier
from recurra.tasks.buckets import LengthBatches

GOOD = ["a lovely film", "what fun this was", "I enjoyed every minute", "warm and clever"]
BAD = ["a dreadful bore", "what a waste", "I hated every minute", "cold and stupid"]
TEXTS = [f"{text} {end}" for end in ("", "indeed", "all in all", "on the whole it seems") for text in GOOD + BAD]
LABELS = (["pos"] * 4 + ["neg"] * 4) * 4


def small(**options: Any) -> SentimentClassifier:
    return SentimentClassifier(**{"units": 9, "embedding": 6, "dropout": 0.1, "seed": 2, **options})


def fit(model: SentimentClassifier, texts: Any = TEXTS, labels: Any = LABELS, **options: Any) -> Any:
    options = {"epochs": 15, "batch_size": 5, "learning_rate": 0.02, "patience": 15, "verbose": 0, **options}
    return model.fit(texts, labels, **options)


@pytest.fixture(scope="module")
def trained() -> SentimentClassifier:
    model = small()
    fit(model, validation=0.0)
    return model


def test_it_learns(trained: SentimentClassifier) -> None:
    found = trained.evaluate(TEXTS, LABELS)
    assert found.accuracy == 1.0 and found.loss < 0.2 and found.examples == 32
    assert found.confusion == {"neg": {"neg": 16, "pos": 0}, "pos": {"neg": 0, "pos": 16}}
    happy, sad = trained.predict(["a lovely film altogether", "a dreadful bore altogether"])
    assert (happy.label, sad.label) == ("pos", "neg")
    for prediction in (happy, sad):
        assert prediction.score == prediction.scores[prediction.label] > 0.5
        assert sum(prediction.scores.values()) == pytest.approx(1.0, abs=1e-6)


def test_evaluation_agrees_with_predictions(trained: SentimentClassifier) -> None:
    labels = LABELS[:5] + LABELS[4:]  # off by one, so that some are wrong
    labels = labels[:32]
    found = trained.evaluate(TEXTS, labels, batch_size=7)
    predicted = trained.predict(TEXTS)
    right = [p.label == label for p, label in zip(predicted, labels, strict=True)]
    assert 0 < found.accuracy < 1 and found.accuracy == pytest.approx(np.mean(right))
    losses = [-np.log(p.scores[label]) for p, label in zip(predicted, labels, strict=True)]
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-4)


def test_order_and_batches_do_not_matter(trained: SentimentClassifier) -> None:
    texts = [TEXTS[i] for i in (9, 30, 2, 17, 31, 5, 12)]
    alone = [trained.predict([text])[0].score for text in texts]
    seen: list[int] = []
    together = [p.score for p in trained.predict(texts, batch_size=3, progress=seen.append)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert sum(seen) == 7


@pytest.mark.parametrize("labels", [(0, 1), (False, True), ("bad", "good"), (-1, 7)])
def test_kinds_of_labels(labels: tuple[Any, Any]) -> None:
    model = small()
    fit(model, labels=[labels[name == "pos"] for name in LABELS], epochs=1)
    assert model.labels == list(labels)
    assert model.predict([TEXTS[0]])[0].label in labels
    if isinstance(labels[0], int):
        model.evaluate(TEXTS[:2], np.array([labels[1], labels[0]]))


def test_more_than_two_labels() -> None:
    texts = TEXTS + [f"an average film {i}" for i in range(8)]
    model = small()
    fit(model, texts, LABELS + ["so-so"] * 8, validation=0.0)
    assert model.labels == ["neg", "pos", "so-so"]
    assert model.evaluate(texts, LABELS + ["so-so"] * 8).accuracy > 0.95
    assert set(model.predict(["an average film"])[0].scores) == {"neg", "pos", "so-so"}


@pytest.mark.parametrize(("cell", "bidirectional"), [("gru", False), ("simple_rnn", True), ("lstm", False)])
def test_cells(cell: str, bidirectional: bool) -> None:
    model = small(cell=cell, bidirectional=bidirectional)
    history = fit(model, epochs=8).history
    assert history["loss"][-1] < history["loss"][0] and {"val_loss", "val_accuracy"} <= set(history)


def test_same_seed_same_training() -> None:
    runs = [fit(small(seed=seed), epochs=2).history for seed in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]


def test_long_texts_are_read_at_both_ends() -> None:
    model = small(maxlen=9)
    fit(model, epochs=1, validation=0.0)
    index = model._tokenizer.word_index
    text = "lovely film " + "minute " * 40 + "stupid bore waste"
    (ids,) = model._encode([text])
    assert len(ids) == 9 and ids[:2] == [index["lovely"], index["film"]]
    assert ids[-3:] == [index["stupid"], index["bore"], index["waste"]]


def test_unknown_words_and_texts_without_words(trained: SentimentClassifier) -> None:
    unknown, marks = trained.predict(["zyxwv", "!?"])
    assert unknown.scores == marks.scores  # both are one unknown word


def test_files_keep_everything(trained: SentimentClassifier, tmp_path: Path) -> None:
    path = tmp_path / "films.rsc"
    trained.save(path)
    again = SentimentClassifier.load(path)
    assert again.get_config() == trained.get_config() and again.labels == trained.labels
    assert again.trained == trained.trained
    assert again.predict(TEXTS) == trained.predict(TEXTS)


def test_integer_labels_survive_the_file(tmp_path: Path) -> None:
    model = small()
    fit(model, labels=[int(name == "pos") for name in LABELS], epochs=1)
    model.save(tmp_path / "m")
    assert SentimentClassifier.load(tmp_path / "m").labels == [0, 1]


def test_ctrl_c_keeps_the_weights(capfd: pytest.CaptureFixture[str]) -> None:
    def interrupt(batch: int, logs: Any) -> None:
        if batch == 1:
            signal.raise_signal(signal.SIGINT)

    model = small()
    fit(model, callbacks=[LambdaCallback(on_train_batch_end=interrupt)])
    assert model.trained["interrupted"] and model.predict(["a film"])
    assert "interrupted" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], [], "texts must hold at least one text"),
        (["a", " \n"], [0, 1], r"texts\[1\] is empty"),
        (["a", "b"], [0], "labels must be as many as texts, 2, got 1"),
        (["a", "b"], [1.0, float("nan")], r"labels\[1\] must be .*, got nan \(a missing value"),
        (["a", "b"], [0, 0.5], r"labels\[1\] must be a non-empty str, an int or a bool, got 0.5"),
        (["a", "b"], ["x", ""], r"labels\[1\] must be a non-empty str"),
        (["a", "b"], ["x", None], r"labels\[1\] must be a non-empty str.* got None"),
        (["a", "b"], ["x", "x"], "labels must be of at least two kinds, got only 'x'"),
        (TEXTS, [*LABELS[:-1], "ngeg"], r"labels\[31\] = 'ngeg' occurs only once among 32 labels"),
        (["a", "b", "c", "d"], [0, 0, 1, 1], "leaves a label without a text"),
    ],
)
def test_bad_data(texts: list[str], labels: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(texts, labels, validation=0.6, verbose=0)


def test_bad_types_and_arguments(trained: SentimentClassifier) -> None:
    with pytest.raises(TypeError, match="texts must be a list of strings, got one string"):
        trained.predict("a film")
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str, got int"):
        trained.predict(["a", 3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"labels\[1\] must be one of 'neg', 'pos', got 'great'"):
        trained.evaluate(["a", "b"], ["pos", "great"])
    with pytest.raises(ValueError, match="must be trained first"):
        small().predict(["a"])
    for name, value in (("units", 0), ("maxlen", -1), ("dropout", 1.5), ("vocabulary_size", 1), ("cell", "rnn")):
        with pytest.raises(ValueError, match=name):
            small(**{name: value})


def test_length_batches_cover_all_rows_with_little_padding() -> None:
    rng = np.random.default_rng(1)
    sequences = [list(range(1, n + 1)) for n in rng.integers(1, 40, 203)]
    batches = LengthBatches(sequences, np.arange(203, dtype=np.int32), 16, shuffle=True, seed=3)
    passes = [list(batches) for _ in range(2)]
    assert len(batches) == 13 and batches.tokens == sum(map(len, sequences))
    for found in passes:
        rows = np.concatenate([labels for _, labels in found])
        assert sorted(rows) == list(range(203))
        for ids, labels in found:
            for row, label in zip(ids, labels, strict=True):
                np.testing.assert_array_equal(row[row > 0], sequences[label])
                assert (row[len(sequences[label]) :] == 0).all()
            assert ids.shape[1] == max(len(sequences[label]) for label in labels)
        padded = sum(ids.size for ids, _ in found)
        assert padded < 1.3 * batches.tokens
    orders = [np.concatenate([labels for _, labels in found]).tolist() for found in passes]
    assert orders[0] != orders[1]
    again = LengthBatches(sequences, np.arange(203, dtype=np.int32), 16, shuffle=True, seed=3)
    assert np.concatenate([labels for _, labels in again]).tolist() == orders[0]
