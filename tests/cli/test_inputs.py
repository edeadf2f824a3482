"""What commands read: lines that are longer than any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurra.limits import LINE, SENTENCE
from recurra.tasks import ChatBot, SentimentClassifier, SequenceTagger, StoryAnswerer, Translator
from recurra.tasks.stories import StoryQuestion
from tests.support.limited import needs_limits, run_limited

COMMAND = """
import os, sys
from recurra.cli import main
os.dup2(1, 2)
if sys.argv[-2] == "<":
    os.dup2(os.open(sys.argv.pop(), os.O_RDONLY), 0)
    sys.argv.pop()
try:
    main()
except SystemExit as end:
    print("code", end.code)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each task that reads lines."""
    folder = tmp_path_factory.mktemp("models")
    quick: dict[str, Any] = {"epochs": 1, "validation": 0, "verbose": 0}
    classifier = SentimentClassifier(units=3, embedding=2, seed=1)
    classifier.fit(["good fun", "a bad film"] * 4, ["pos", "neg"] * 4, **quick)
    tagger = SequenceTagger(units=3, embedding=2, seed=1)
    tagger.fit([["Ada", "met", "Bob"], ["a", "cat"]], [["B", "O", "B"], ["O", "O"]], **quick)
    translator = Translator(units=4, embedding=2, seed=1)
    translator.fit(["one two", "two one", "one"], ["1 2", "2 1", "1"], **quick)
    bot = ChatBot(units=4, embedding=2, seed=1)
    bot.fit(["Hello there", "Who are you?"], ["Hi!", "A network."], epochs=1, verbose=0)
    answerer = StoryAnswerer(units=3, embedding=2, seed=1)
    answerer.fit([StoryQuestion(["Ada is here."], "Who is here?", who) for who in ("Ada", "Bob")], **quick)
    for name, task in (("rsc", classifier), ("rst", tagger), ("rtr", translator), ("rct", bot), ("rsa", answerer)):
        task.save(folder / f"m.{name}")
    return folder


@needs_limits
@pytest.mark.parametrize(
    ("command", "first", "most"),
    [
        (("sentiment", "predict", "m.rsc"), "", LINE),
        (("classify", "predict", "m.rsc"), "", LINE),
        (("classify", "evaluate", "m.rsc", "--format", "text"), "pos\t", LINE),
        (("sentiment", "train", "-o", "new.rsc", "--format", "text"), "pos\t", LINE),
        (("tag", "predict", "m.rst"), "", SENTENCE),
        (("tag", "evaluate", "m.rst", "--format", "conllu"), "", SENTENCE),
        (("translate", "predict", "m.rtr"), "", SENTENCE),
        (("translate", "evaluate", "m.rtr"), "one\t", 2 * SENTENCE),
        (("chat", "predict", "m.rct"), "", SENTENCE),
        (("chat", "train", "-o", "new.rct"), "one\t", 2 * SENTENCE),
        (("answer", "predict", "m.rsa"), "1 ", SENTENCE),
        (("answer", "evaluate", "m.rsa"), "1 ", SENTENCE),
    ],
)
def test_a_line_of_20_mb_is_refused_in_little_memory(
    models: Path, tmp_path: Path, command: tuple[str, ...], first: str, most: int
) -> None:
    path = tmp_path / "long.txt"
    path.write_text("\n" + first + "one two " * (20_000_000 // 8) + "\n")
    check_refusal(models, tmp_path, [*command, path], f"{path}, line 2", most)


@needs_limits
@pytest.mark.parametrize(
    ("command", "most"),
    [
        (("sentiment", "predict", "m.rsc"), LINE),
        (("tag", "predict", "m.rst"), SENTENCE),
        (("chat", "predict", "m.rct"), SENTENCE),
    ],
)
def test_such_a_line_from_standard_input(models: Path, tmp_path: Path, command: tuple[str, ...], most: int) -> None:
    path = tmp_path / "long.txt"
    path.write_text("\N{EURO SIGN}" + "x" * 50_000_000)  # where it is cut is inside of no character
    check_refusal(models, tmp_path, [*command, "<", path], "standard input, line 1", most)


def check_refusal(models: Path, folder: Path, command: list[Any], place: str, most: int) -> None:
    words = [str(word).replace("m.", f"{models}/m.", 1) if str(word).startswith("m.") else word for word in command]
    words = [folder / word if str(word).startswith("new.") else word for word in words]
    said = run_limited(COMMAND, *words, memory=160 << 20)
    assert f"recurra: error: {place}: a line of more than {most:,} characters is not read" in said
    assert said.endswith("code 2\n")
    assert len(said) < 2000
    assert not list(folder.glob("new.*"))
