"""Sentences into other sentences, whole jobs at small sizes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.saving import load_model
from recurra.tasks import TrainingCheckpoint, Translator
from recurra.tasks.translator import forcing_schedule

NUMBERS = {"one": "un", "two": "deux", "three": "trois", "four": "quatre", "five": "cinq", "big": "grand"}
SIZES: dict[str, Any] = {"units": 16, "embedding": 12, "dropout": 0.0, "seed": 3}
FIT: dict[str, Any] = {"validation": 0.0, "batch_size": 8, "verbose": 0}


def pairs(count: int = 60) -> tuple[list[str], list[str]]:
    """Words and their translations in the opposite order."""
    rng = np.random.default_rng(1)
    words = list(NUMBERS)
    rows = [[words[i] for i in rng.integers(0, len(words), rng.integers(1, 5))] for _ in range(count)]
    return [" ".join(row) for row in rows], [" ".join(NUMBERS[word] for word in reversed(row)) for row in rows]


@pytest.fixture(scope="module")
def trained() -> Translator:
    translator = Translator(**{**SIZES, "units": 32})
    translator.fit(*pairs(150), **FIT, epochs=25, learning_rate=0.02)
    return translator


def test_it_learns_the_pairs(trained: Translator) -> None:
    sources, targets = pairs(150)
    for beam in (1, 4):
        found = trained.translate(sources, beam=beam, batch_size=7)
        assert np.mean([a == b for a, b in zip(found, targets, strict=True)]) > 0.95
    assert trained.trained["longest"] == 4 and trained.trained["pairs"] == 150
    assert trained.evaluate(sources, targets).loss < 0.1


@pytest.mark.parametrize(
    "more",
    [
        {"attention": None},
        {"attention": "dot"},
        {"attention": "additive", "cell": "gru"},
        {"attention": "bilinear", "input_feeding": True},
        {"attention": "dot", "layers": 2, "cell": "simple_rnn", "level": "char"},
    ],
)
def test_every_form_learns_and_survives_its_file(more: dict[str, Any], tmp_path: Path) -> None:
    sources, targets = pairs(24)
    translator = Translator(**{**SIZES, "units": 24, **more})
    history = translator.fit(sources, targets, **FIT, epochs=12, learning_rate=0.02)
    assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]
    translator.save(tmp_path / "a.rtr")
    again = Translator.load(tmp_path / "a.rtr")
    assert again.get_config() == translator.get_config() and again.trained == translator.trained
    assert again.search(sources[:9]) == translator.search(sources[:9])
    assert again.evaluate(sources, targets) == translator.evaluate(sources, targets)


def test_search_gives_the_best_first_and_scores_by_length(trained: Translator) -> None:
    found = trained.search(["one two three", "big"], beam=3)
    for outputs in found:
        assert len(outputs) == 3 and [o.score for o in outputs] == sorted((o.score for o in outputs), reverse=True)
    best = found[0][0]
    assert best.score == pytest.approx(best.log_probability / 4)
    assert trained.search(["one two three"], beam=3, length_penalty=0.0)[0][0].score == pytest.approx(
        best.log_probability
    )


def test_unknown_words_are_copied_where_the_attention_is(trained: Translator) -> None:
    # Teach that unknown words stay: the targets' own are as rare
    sources, targets = pairs(40)
    names = [f"name{chr(97 + i % 20)}{chr(97 + i // 20)}" for i in range(40)]
    translator = Translator(**{**SIZES, "units": 32, "vocabulary_size": 8})
    translator.fit(
        [*sources, *names], [*targets, *names], **FIT, epochs=25, learning_rate=0.02
    )  # fmt: skip
    assert translator.translate(["namexyz"]) == ["namexyz"]
    for outputs in translator.search(["one two big", "three"], beam=4):  # no unknown word, nothing to copy
        assert all(set(output.text.split()) <= set(NUMBERS.values()) for output in outputs)


def test_without_attention_no_unknown_word_is_written() -> None:
    names = [f"name{chr(97 + i)}" for i in range(20)]
    translator = Translator(**{**SIZES, "vocabulary_size": 6, "attention": None})
    translator.fit(["one two", *names], ["un", *names], **FIT, epochs=4)
    for outputs in translator.search(["namez", "one"], beam=4):
        assert all("  " not in output.text for output in outputs)


def test_the_attention_map_has_a_row_for_each_token_and_the_end(trained: Translator) -> None:
    found = trained.attention("three big two")
    assert found.source == ["three", "big", "two"] and found.target[-1] == "∎"
    assert found.weights.shape == (len(found.target), 3)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    assert trained.attention("three big two", "deux").target == ["deux", "∎"]


def test_held_out_sources_choose_the_epoch() -> None:
    sources, targets = pairs(60)
    translator = Translator(**SIZES)
    history = translator.fit(sources, targets, validation=0.2, epochs=3, batch_size=8, verbose=0)
    assert len(history.history["val_loss"]) == 3
    assert translator.trained["pairs"] < 60


def test_a_seed_repeats_the_training_to_the_bit() -> None:
    sources, targets = pairs(30)
    runs = []
    for _ in range(2):
        translator = Translator(**{**SIZES, "dropout": 0.2})
        translator.fit(sources, targets, **FIT, epochs=3, teacher_forcing=(1.0, 0.3))
        runs.append([np.asarray(weight) for weight in translator.model.weights])
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_less_teacher_forcing_is_another_training() -> None:
    sources, targets = pairs(30)
    losses = []
    for share in (1.0, 0.2):
        translator = Translator(**SIZES)
        losses.append(translator.fit(sources, targets, **FIT, epochs=2, teacher_forcing=share).history["loss"])
    assert losses[1] != losses[0]


def test_a_training_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    sources, targets = pairs(30)
    options = {**FIT, "teacher_forcing": (1.0, 0.5), "epochs": 4}
    whole = Translator(**SIZES)
    whole.fit(sources, targets, **options)

    class Stop(Exception):
        pass

    from recurra.callbacks import LambdaCallback

    def stop(epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        Translator(**SIZES).fit(
            sources, targets, **options, callbacks=[LambdaCallback(on_epoch_begin=stop)],
            checkpoint=TrainingCheckpoint(tmp_path / "run"),
        )  # fmt: skip
    resumed = Translator(**SIZES)
    resumed.fit(sources, targets, **options, checkpoint=TrainingCheckpoint(tmp_path / "run", resume=True))
    for a, b in zip(whole.model.weights, resumed.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    with pytest.raises(ValueError, match="teacher_forcing must be the same"):
        Translator(**SIZES).fit(
            sources, targets, **{**options, "teacher_forcing": 1.0},
            checkpoint=TrainingCheckpoint(tmp_path / "run", resume=True),
        )  # fmt: skip


def test_long_pairs_are_left_out_and_counted() -> None:
    sources, targets = pairs(30)
    translator = Translator(**SIZES)
    translator.fit([*sources, "one " * 9], [*targets, "un"], **FIT, epochs=1, maxlen=5)
    assert translator.trained["left_out"] == 1 and translator.trained["pairs"] == 30
    with pytest.raises(ValueError, match="no pair has at most maxlen=1 tokens"):
        translator.fit(["one two"], ["un"], **FIT, epochs=1, maxlen=1)


def test_subwords(tmp_path: Path) -> None:
    """From raw strings to the file and back: what was trained is learned, and words never seen are made of pieces."""
    pytest.importorskip("tokenizers")
    sources = [f"{a} {b}" for a in NUMBERS for b in NUMBERS]
    targets = [f"{NUMBERS[b]} {NUMBERS[a]}" for a in NUMBERS for b in NUMBERS]
    size = {"vocabulary_size": 300, "units": 32, "embedding": 16}
    translator = Translator(**{**SIZES, **size, "level": "subword"})
    translator.fit(sources, targets, **{**FIT, "batch_size": 4}, epochs=100, patience=9, learning_rate=0.01)
    found = translator.translate(sources)
    assert np.mean([a == b for a, b in zip(found, targets, strict=True)]) > 0.9
    seen = translator.attention(sources[0], targets[0])
    assert "".join(seen.source) == sources[0] and "".join(seen.target[:-1]) == targets[0]
    assert seen.weights.shape == (len(seen.target), len(seen.source))
    translator.save(tmp_path / "a.rtr")
    again = Translator.load(tmp_path / "a.rtr")
    texts = [*sources[:4], "naïve 東京 \x00", "threetwo"]
    assert again.search(texts, beam=3) == translator.search(texts, beam=3)
    with pytest.raises(ValueError, match="vocabulary_size must be >= 258 for subwords, got 257"):
        Translator(level="subword", vocabulary_size=257)


def test_texts_of_no_known_token_are_translated(trained: Translator) -> None:
    assert len(trained.translate(["…", "zzz qqq"])) == 2
    assert trained.translate([]) == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: t.translate("one"), "texts must be a list of strings"),
        (lambda t: t.translate(["one", ""]), r"texts\[1\] is empty"),
        (lambda t: t.translate(["one"], beam=0), "beam must be an int >= 1"),
        (lambda t: t.translate(["one"], length_penalty=-1), "length_penalty must be >= 0"),
        (lambda t: t.translate(["one"], length_penalty=float("nan")), "length_penalty must be >= 0 and finite"),
        (lambda t: t.evaluate(["one"], []), "targets must be as many as sources"),
        (lambda t: t.fit(["one"], ["un"], teacher_forcing=1.5), r"teacher_forcing must be a number in \[0, 1\]"),
        (lambda t: t.fit(["one"], ["un"], epochs=0), "epochs must be an int >= 1"),
        (lambda t: Translator().translate(["one"]), "must be trained first"),
        (lambda t: Translator(level="line"), "level must be one of word, char, subword"),
        (lambda t: Translator(attention="none"), "attention must be None or one of"),
    ],
)
def test_arguments_are_checked(trained: Translator, call: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        call(trained)


def test_without_attention_there_is_no_map() -> None:
    translator = Translator(**{**SIZES, "attention": None})
    translator.fit(["one", "two"], ["un", "deux"], **FIT, epochs=1)
    with pytest.raises(ValueError, match="trained without attention"):
        translator.attention("one")


def test_schedules() -> None:
    assert forcing_schedule(0.7, 3) == [0.7, 0.7, 0.7]
    np.testing.assert_allclose(forcing_schedule((1.0, 0.5), 3), [1.0, 0.75, 0.5])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"units": 40}, "decoder_0|must be"),
        ({"attention": "additive"}, "network must be made of"),
        ({"attention": "none"}, "attention must be"),
        ({"layers": 10**9}, "layers must be at most"),
        ({"level": "lines"}, "level must be"),
        ({"trained": {}}, "'longest' must be a number"),
    ],
)
def test_a_damaged_file_is_refused(trained: Translator, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    trained.save(tmp_path / "a.rtr")
    with zipfile.ZipFile(tmp_path / "a.rtr") as old, zipfile.ZipFile(tmp_path / "b.rtr", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "recurra.json":
                description = json.loads(data)
                description["config"].update(change)
                data = json.dumps(description).encode()
            new.writestr(name, data)
    with pytest.raises(ValueError, match=said):
        Translator.load(tmp_path / "b.rtr")


def test_the_network_in_the_file_is_a_model_of_its_own(trained: Translator, tmp_path: Path) -> None:
    trained.save(tmp_path / "a.rtr")
    with zipfile.ZipFile(tmp_path / "a.rtr") as archive:
        (tmp_path / "model.keras").write_bytes(archive.read("model.keras"))
    model = load_model(tmp_path / "model.keras", compile=False)
    scores = model({"source": np.array([[2, 3]], np.int32), "target": np.array([[4]], np.int32)})
    assert scores.shape == (1, 1, len(trained.target) + 2)


def test_tokens_that_no_pair_holds_do_not_hinder_learning() -> None:
    words = {"one": "un", "two": "deux", "big": "grand"}
    sources = [f"{a} {b}" for a in words for b in words]
    targets = [f"{words[b]} {words[a]}" for a in words for b in words]
    left_out = " ".join(chr(0x4E00 + 3 * i) for i in range(280))  # longer than maxlen; its words are in the vocabulary
    translator = Translator(units=32, embedding=16, dropout=0, seed=1)
    translator.fit(
        [*sources, left_out], [*targets, left_out], validation=0, epochs=25, batch_size=2, learning_rate=0.02,
        maxlen=20, verbose=0,
    )  # fmt: skip
    assert len(translator.target) > 280 and translator.trained["left_out"] == 1
    assert translator.translate(sources) == targets
