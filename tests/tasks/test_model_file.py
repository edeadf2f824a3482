"""Model files: whole or not at all, and refused with one clear error where they are something else."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from recurra.cli.root import cli
from recurra.limits import FileFormatError
from recurra.tasks import ChatBot, LanguageModel, SentimentClassifier, SequenceTagger, TextClassifier, Translator
from recurra.tasks.model_file import check_destination, describe_archive, read_archive, write_archive
from tests.support.limited import needs_limits, run_limited
from tests.support.runner import runner


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "a.rlm"
    model = LanguageModel(units=5, embedding=3, seed=1)
    model.fit("a small text, " * 9, epochs=1, window=7, batch_size=2, verbose=0)
    model.save(path)
    return path


def test_description(saved: Path) -> None:
    found = describe_archive(saved)
    assert found["format"] == 1 and found["task"] == "language_model" and found["config"]["units"] == 5


def test_the_wrong_task(saved: Path) -> None:
    with pytest.raises(ValueError, match="must hold a sentiment classifier, got a language model"):
        SentimentClassifier.load(saved)


def test_other_files(saved: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no model", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.txt is not a model that recurra's tasks saved"):
        LanguageModel.load(text)
    packed = tmp_path / "other.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme", "no model")
    with pytest.raises(ValueError, match="is a zip file, but not one that recurra's tasks saved"):
        describe_archive(packed)
    with pytest.raises(FileNotFoundError, match=r"none\.rlm: there is no such file"):
        LanguageModel.load(tmp_path / "none.rlm")
    with pytest.raises(TypeError, match=r"path must be a path .*, got int"):
        LanguageModel.load(10**6)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"path must be a path .*, got int"):
        LanguageModel.load(saved).save(10**6)  # type: ignore[arg-type]


def rewrite(source: Path, target: Path, name: str, content: bytes | None) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.namelist():
            if item != name:
                new.writestr(item, old.read(item))
            elif content is not None:
                new.writestr(item, content)


@pytest.mark.parametrize("part", ["vocabulary.json", "model.keras"])
def test_a_missing_part(saved: Path, tmp_path: Path, part: str) -> None:
    broken = tmp_path / "broken.rlm"
    rewrite(saved, broken, part, None)
    with pytest.raises(ValueError, match="damaged"):
        LanguageModel.load(broken)


@pytest.mark.parametrize("share", [0.2, 0.7, 0.98])
def test_a_cut_file(saved: Path, tmp_path: Path, share: float) -> None:
    broken = tmp_path / "cut.rlm"
    whole = saved.read_bytes()
    broken.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"cut\.rlm"):
        LanguageModel.load(broken)


def test_another_format(saved: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.rlm"
    description = json.dumps({**describe_archive(saved), "format": 99}).encode()
    rewrite(saved, newer, "recurra.json", description)
    with pytest.raises(ValueError, match="must have format 1, got 99"):
        LanguageModel.load(newer)


class Failing:
    """A model whose saving fails halfway."""

    def save(self, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.rlm"
    path.write_bytes(b"the old one")
    with pytest.raises(OSError, match="disk full"):
        write_archive(path, "language_model", {}, "{}", Failing())
    assert path.read_bytes() == b"the old one"
    assert os.listdir(tmp_path) == ["model.rlm"]


def test_destinations(tmp_path: Path) -> None:
    check_destination(tmp_path / "new.rlm")
    with pytest.raises(IsADirectoryError, match="must be the name of a file"):
        check_destination(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_destination(tmp_path / "no" / "x.rlm")


def test_reading_executes_nothing(saved: Path, tmp_path: Path) -> None:
    """A layer that the file names is looked up among the known ones, never imported from where the file says."""
    evil = tmp_path / "evil.rlm"
    with zipfile.ZipFile(saved) as archive:
        (tmp_path / "model.keras").write_bytes(archive.read("model.keras"))
    with zipfile.ZipFile(tmp_path / "model.keras") as inner:
        config: dict[str, Any] = json.loads(inner.read("config.json"))
        config["config"]["layers"][-1].update(module="os", class_name="system", config={"command": "touch x"})
    rewrite(tmp_path / "model.keras", tmp_path / "evil.keras", "config.json", json.dumps(config).encode())
    rewrite(saved, evil, "model.keras", (tmp_path / "evil.keras").read_bytes())
    with pytest.raises((ValueError, TypeError)):
        read_archive(evil, "language_model")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "a.rsc"
    model = SentimentClassifier(units=5, embedding=3, seed=1)
    model.fit(["good fun", "a bad film"] * 6, ["pos", "neg"] * 6, epochs=1, batch_size=4, validation=0, verbose=0)
    model.save(path)
    return path


def described(source: Path, target: Path, **changes: Any) -> Path:
    """The model with other values in the configuration of its description; None takes one out."""
    description = describe_archive(source)
    config = {**description["config"], **changes}
    description["config"] = {key: value for key, value in config.items() if value != "gone"}
    rewrite(source, target, "recurra.json", json.dumps(description).encode())
    return target


@pytest.mark.parametrize(
    "changes",
    [{"units": 6}, {"units": 10**12}, {"units": "5"}, {"layers": 2}, {"layers": 10**9}, {"embedding": 4},
     {"cell": "gru"}, {"cell": ["lstm"]}, {"level": "byte"}, {"level": {}}, {"dropout": "much"}, {"seed": [1]},
     {"seed": 1.5}, {"trained": 5}, {"trained": [1]}, {"unknown": 1}, {"vocabulary_size": "x"}, {"units": None}],
)  # fmt: skip
def test_language_models_that_are_not_what_they_say(saved: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError, match=r"other\.rlm"):
        LanguageModel.load(described(saved, tmp_path / "other.rlm", **changes))


@pytest.mark.parametrize(
    "changes",
    [{"units": 6}, {"labels": "gone"}, {"labels": 5}, {"labels": ["a"]}, {"labels": ["a", "a"]},
     {"labels": [["a"], "b"]}, {"labels": ["a", "b", "c"]},
     {"bidirectional": False}, {"maxlen": -1}, {"maxlen": "x"}, {"vocabulary_size": 4},
     {"vocabulary_size": 10**12}, {"trained": 5}, {"unknown": 1}],
)  # fmt: skip
def test_classifiers_that_are_not_what_they_say(classifier: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert SentimentClassifier.load(described(classifier, tmp_path / "same.rsc")).predict(["good"])
    with pytest.raises(FileFormatError, match=r"other\.rsc"):
        SentimentClassifier.load(described(classifier, tmp_path / "other.rsc", **changes))


@pytest.mark.parametrize("level", ["char", "word"])
def test_vocabularies_that_do_not_fit(saved: Path, tmp_path: Path, level: str) -> None:
    with zipfile.ZipFile(saved) as archive:
        outer = json.loads(archive.read("vocabulary.json"))
    for change in (
        {"a": 1, "bb": 2},
        {"a": 2, "b": 2},
        {"a": 900},
        {"a": -1},
        {"a": 10**30},
        {"a": "2"},
        ["a"],
        {},
    ):
        vocabulary = {**outer, "config": {**outer["config"], "word_index": json.dumps(change)}}
        rewrite(saved, tmp_path / "other.rlm", "vocabulary.json", json.dumps(vocabulary).encode())
        with pytest.raises(FileFormatError, match=r"other\.rlm"):
            LanguageModel.load(described(tmp_path / "other.rlm", tmp_path / "again_other.rlm", level=level))


def damaged(source: Path, target: Path, kind: str) -> Path:
    """The file with one member damaged as `kind` says."""
    rewrite(source, target, "none", None)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            new.writestr(item, old.read(item))
    data = bytearray(target.read_bytes())
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    if kind == "deflate":
        data[local + 30 + len("recurra.json") + 3 : local + 30 + len("recurra.json") + 9] = b"\xff" * 6
    elif kind == "encrypted":
        data[local + 6] |= 1
        data[central + 8] |= 1
    else:
        data[local + 8], data[central + 10] = 99, 99
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("kind", ["deflate", "encrypted", "compression"])
def test_damaged_members(saved: Path, tmp_path: Path, kind: str) -> None:
    path = damaged(saved, tmp_path / "bad.rlm", kind)
    for read in (LanguageModel.load, describe_archive):
        with pytest.raises(FileFormatError, match=r"bad\.rlm"):
            read(path)


@pytest.mark.parametrize(
    ("member", "content"),
    [("recurra.json", b"[" * 100_000), ("recurra.json", b'{"a":' * 100_000), ("recurra.json", b"[]"),
     ("recurra.json", b"\xff"), ("recurra.json", b'{"format": 1, "task": ["x"], "config": {}}'),
     ("recurra.json", b'{"format": 1, "task": "language_model", "config": []}'), ("recurra.json", b"1" * 5000),
     ("vocabulary.json", b"[" * 100_000), ("vocabulary.json", b"\xff"), ("vocabulary.json", b"null"),
     ("vocabulary.json", b'{"config": 5}'), ("model.keras", b""), ("model.keras", b"PK")],
)  # fmt: skip
def test_members_of_something_else(saved: Path, tmp_path: Path, member: str, content: bytes) -> None:
    rewrite(saved, tmp_path / "bad.rlm", member, content)
    with pytest.raises(FileFormatError, match=r"bad\.rlm"):
        LanguageModel.load(tmp_path / "bad.rlm")
    done = runner().invoke(cli, ["lm", "perplexity", str(tmp_path / "bad.rlm"), __file__])
    assert done.exit_code == 2 and done.stderr.startswith("recurra: error: ") and done.stderr.count("\n") == 1
    assert "bad.rlm" in done.stderr


@needs_limits
@pytest.mark.parametrize("member", ["recurra.json", "vocabulary.json", "model.keras"])
def test_members_that_inflate(saved: Path, tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(tmp_path / "bomb.rlm", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=True) as file:
                file.write(old.read(name))
                for _ in range(300 if name == member else 0):
                    file.write(b" " * (1 << 20))
    code = """
import sys
from recurra.tasks import LanguageModel
try:
    LanguageModel.load(sys.argv[1])
except ValueError as error:
    print(type(error).__name__, error)
"""
    said = run_limited(code, tmp_path / "bomb.rlm", memory=200 << 20)
    assert said.startswith("FileFormatError") and f"bomb.rlm: {member} claims" in said


def test_folders_and_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "p", "is a pipe, a socket or a device")):
        with pytest.raises(FileFormatError, match=said):
            LanguageModel.load(path)


HALF = "\ud83d"  # of a surrogate pair, as JSON that was cut in the middle of one gives it


def _trained_on_half_a_pair(task: str) -> Any:
    pairs, quiet = ([f"one{HALF} two", "two one"], ["1 2", f"2 {HALF}"]), {"epochs": 1, "verbose": 0}
    if task == "translator":
        translator = Translator(units=4, embedding=2, seed=1)
        translator.fit(*pairs, validation=0, **quiet)
        return translator
    if task == "chat":
        bot = ChatBot(units=4, embedding=2, seed=1)
        bot.fit(*pairs, **quiet)
        return bot
    if task == "tagger":
        tagger = SequenceTagger(units=3, embedding=2, seed=1)
        tagger.fit([["a", HALF], ["b", "c"]], [["X", f"B{HALF}"], ["X", "X"]], validation=0, **quiet)
        return tagger
    if task == "language_model":
        model = LanguageModel(units=3, embedding=2, seed=1)
        model.fit(f"a small text{HALF}, " * 9, window=7, batch_size=2, **quiet)
        return model
    texts, labels = [f"good{HALF} fun", "a bad film"] * 6, [f"p{HALF}", "n"] * 6
    if task == "classifier":
        classifier = TextClassifier(units=3, embedding=2, seed=1, **quiet)
        classifier.fit(texts, labels)
        return classifier
    sentiment = SentimentClassifier(units=3, embedding=2, seed=1)
    sentiment.fit(texts, labels, batch_size=4, validation=0, **quiet)
    return sentiment


@pytest.mark.parametrize("task", ["translator", "chat", "tagger", "language_model", "classifier", "sentiment"])
def test_half_a_surrogate_pair_does_not_lose_the_training(tmp_path: Path, task: str) -> None:
    model = _trained_on_half_a_pair(task)
    model.save(tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as file:
        before = {name: file.read(name) for name in file.namelist() if name.endswith(".json")}
    assert any(b"ud83d" in content for content in before.values())
    type(model).load(tmp_path / "m").save(tmp_path / "n")
    with zipfile.ZipFile(tmp_path / "n") as file:
        assert {name: file.read(name) for name in before} == before
