"""Questions about stories, whole jobs at small sizes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.tasks.story_generator import story_lines
from recurra.limits import FileFormatError
from recurra.tasks import StoryAnswerer, StoryQuestion, TrainingCheckpoint, Translator, read_stories
from recurra.tasks.story_answerer import split_stories

SIZES: dict[str, Any] = {"units": 12, "embedding": 7, "hops": 2, "dropout": 0.0, "seed": 3}
FIT: dict[str, Any] = {"batch_size": 8, "verbose": 0}
PLACES = ("kitchen", "garden", "office")


def last_place(count: int) -> list[StoryQuestion]:
    """One person walks; stories of 1 to 4 sentences, whose last one tells."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(count):
        walked = [PLACES[i] for i in rng.integers(0, 3, rng.integers(1, 5))]
        story = [f"Mary went to the {place}." for place in walked]
        found.append(StoryQuestion(story, "Where is Mary?", walked[-1], (len(walked) - 1,)))
    return found


@pytest.fixture(scope="module")
def trained() -> StoryAnswerer:
    answerer = StoryAnswerer(**SIZES)
    answerer.fit(last_place(120), **FIT, validation=0.1, epochs=15, learning_rate=0.02, patience=15)
    return answerer


def test_it_learns_where_she_went_last(trained: StoryAnswerer) -> None:
    questions = last_place(200)[120:]
    found = trained.evaluate(questions)
    assert found.accuracy > 0.9 and found.questions == 80 and 0 < found.loss < 0.5
    answers = trained.answers(questions, batch_size=7)
    assert np.mean([a.text == q.answer for a, q in zip(answers, questions, strict=True)]) == found.accuracy
    assert trained.answer(["Mary went to the office."], "where is MARY?").text == "office"
    assert trained.known_answers == ["garden", "kitchen", "office"] and trained.trained["val_accuracy"] > 0.9


def test_an_answer_does_not_depend_on_the_others(trained: StoryAnswerer) -> None:
    questions = last_place(30)
    alone = [trained.answers([one])[0] for one in questions]
    assert trained.answers(questions, batch_size=30) == alone
    done: list[int] = []
    assert trained.answers(questions, batch_size=13, progress=done.append) == alone and done == [13, 13, 4]
    assert trained.answers([]) == []


def test_what_was_never_seen_is_still_answered(trained: StoryAnswerer) -> None:
    odd = [([], "Where is Mary?"), (["…"], "?"), (["Zoe flew to Mars."] * 9, "Who?"), ([""], "Where is Mary?")]
    answers = trained.answers([StoryQuestion(*one) for one in odd])
    assert all(one.text in trained.known_answers and 0 < one.probability <= 1 for one in answers)
    found = trained.evaluate([StoryQuestion(["Mary went to Mars."], "Where is Mary?", "Mars")])
    assert found.accuracy == 0 and found.loss == float("inf")


def test_every_kind_of_the_generator_is_read_and_learned_from(tmp_path: Path) -> None:
    for kind in ("one-fact", "two-facts", "yes-no"):
        path = tmp_path / f"{kind}.txt"
        path.write_text("\n".join(story_lines(kind, 60, 4)) + "\n", encoding="utf-8")
        questions = read_stories(path)
        assert len(questions) >= 60 and all(one.support for one in questions)
        for one in questions:  # what the answer follows from holds it
            told = " ".join(one.story[i] for i in one.support)
            assert str(one.answer) in told or (kind == "yes-no" and one.answer in ("yes", "no"))
        answerer = StoryAnswerer(**SIZES)
        history = answerer.fit(questions, **FIT, validation=0.2, epochs=2, learning_rate=0.01)
        assert history.history["loss"][-1] < history.history["loss"][0]


@pytest.mark.parametrize("more", [{"cell": "lstm", "hops": 1}, {"cell": "gru", "dropout": 0.2, "hops": 3}])
def test_every_form_survives_its_file(more: dict[str, Any], tmp_path: Path) -> None:
    questions = last_place(24)
    answerer = StoryAnswerer(**{**SIZES, **more})
    answerer.fit(questions, **FIT, validation=0, epochs=1)
    answerer.save(tmp_path / "a.rsa")
    again = StoryAnswerer.load(tmp_path / "a.rsa")
    assert again.answers(questions) == answerer.answers(questions)
    assert again.get_config() == answerer.get_config() and again.trained == answerer.trained


def test_the_same_seed_gives_the_same_bits_and_a_training_goes_on(tmp_path: Path) -> None:
    questions = last_place(40)
    fit = {**FIT, "epochs": 3, "validation": 0.2}
    whole = StoryAnswerer(**{**SIZES, "dropout": 0.2})
    whole.fit(questions, **fit)
    stopped = StoryAnswerer(**{**SIZES, "dropout": 0.2})
    from recurra.callbacks import LambdaCallback

    class Stop(Exception):
        pass

    def stop(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise Stop

    checkpoint = TrainingCheckpoint(tmp_path / "c", minutes=1e-6)
    with pytest.raises(Stop):
        stopped.fit(questions, **fit, checkpoint=checkpoint, callbacks=[LambdaCallback(on_epoch_begin=stop)])
    again = StoryAnswerer(**{**SIZES, "dropout": 0.2})
    again.fit(questions, **fit, checkpoint=TrainingCheckpoint(tmp_path / "c", minutes=1e-6, resume=True))
    assert again.answers(questions) == whole.answers(questions)
    with pytest.raises(ValueError, match="epochs must be the same as in the training"):
        again.fit(
            questions, **{**fit, "epochs": 4}, checkpoint=TrainingCheckpoint(tmp_path / "c", minutes=1e-6, resume=True)
        )


def test_a_story_is_held_out_whole() -> None:
    questions = []
    for i in range(10):
        story: list[str] = []
        for k in range(4):
            story.append(f"Mary went to place {i} {k}.")
            questions.append(StoryQuestion(list(story), "Where is Mary?", f"{i} {k}"))
    train, held = split_stories(questions, 0.3, 5)
    told = [{one.story[0] for one in part} for part in (train, held)]
    assert (len(train), len(held)) == (28, 12) and not told[0] & told[1]
    assert split_stories(questions, 0.3, 5) == (train, held)
    with pytest.raises(ValueError, match=r"validation=0\.51 of 1 stories leaves none to train on"):
        split_stories(questions[:4], 0.51, 5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: StoryAnswerer(cell="no"), "cell must be one of"),
        (lambda: StoryAnswerer(hops=0), "hops must be an int >= 1"),
        (lambda: StoryAnswerer(dropout=1.0), r"dropout must be in \[0, 1\)"),
        (lambda: StoryAnswerer().answer([], "Where?"), "must be trained first"),
        (lambda: StoryAnswerer().save("a"), "must be trained first"),
        (lambda: StoryAnswerer().fit([]), "questions must hold at least one question"),
        (lambda: StoryAnswerer().fit(last_place(2), epochs=0), "epochs must be an int >= 1"),
        (lambda: StoryAnswerer().fit([StoryQuestion([], "Where?")]), r"questions\[0\]\.answer must be a text"),
    ],
)
def test_errors_name_the_argument(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_damaged_files_are_refused(trained: StoryAnswerer, tmp_path: Path) -> None:
    trained.save(tmp_path / "a.rsa")
    with pytest.raises(FileFormatError, match="must hold a translator, got a story answerer"):
        Translator.load(tmp_path / "a.rsa")
    with zipfile.ZipFile(tmp_path / "a.rsa") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    held = json.loads(parts["vocabulary.json"])
    config = json.loads(parts["recurra.json"])
    for name, changed in (
        ("answers", {"vocabulary.json": {**held, "answers": held["answers"][:2]}}),
        ("answers must be different", {"vocabulary.json": {**held, "answers": []}}),
        ("words must be a list", {"vocabulary.json": {**held, "words": 3}}),
        ("its network must be made of", {"recurra.json": {**config, "config": {**config["config"], "hops": 1}}}),
    ):
        with zipfile.ZipFile(tmp_path / "b.rsa", "w") as archive:
            for part, content in {**parts, **{k: json.dumps(v).encode() for k, v in changed.items()}}.items():
                archive.writestr(part, content)
        with pytest.raises(FileFormatError, match=rf"b\.rsa.*{name}"):
            StoryAnswerer.load(tmp_path / "b.rsa")
