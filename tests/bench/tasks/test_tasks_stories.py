"""The generator of stories tells what is so, and the bench on them runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.tasks import stories
from bench.tasks.story_generator import KINDS, PEOPLE, PLACES, THINGS, story_lines
from recurra.tasks import StoryQuestion, read_stories


def answer(one: StoryQuestion) -> str:
    """The answer by a world of its own, told by the sentences alone."""
    at: dict[str, str] = {}
    has: dict[str, str] = {}
    lies: dict[str, str] = {}
    for sentence in one.story:
        person = next(name for name in PEOPLE if sentence.startswith(name))
        place = next((name for name in PLACES if sentence.endswith(f"the {name}.")), None)
        thing = next((name for name in THINGS if sentence.endswith(f"the {name}.")), None)
        if place is not None:
            at[person] = place
        elif thing is not None and any(verb in sentence for verb in ("picked", "grabbed", "took", "got")):
            has[thing] = person
            lies.pop(thing, None)
        elif thing is not None and person in at:
            assert has.pop(thing, person) == person
            lies[thing] = at[person]
    words = one.text.rstrip("?").split()
    if words[0] == "Is":
        return "yes" if at[words[1]] == words[-1] else "no"
    asked = words[-1]
    return at[asked] if asked in PEOPLE else lies[asked] if asked in lies else at[has[asked]]


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_answers_follow_from_the_sentences(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(story_lines(kind, 300, 7)), encoding="utf-8")
    questions = read_stories(tmp_path / "a.txt")
    assert len(questions) >= 300 and all(answer(one) == one.answer for one in questions)
    for one in questions:  # the sentences that it follows from are enough where they are told in their order
        assert answer(one._replace(story=[one.story[i] for i in sorted(one.support)])) == one.answer
    shares = np.unique([one.answer for one in questions], return_counts=True)[1] / len(questions)
    assert shares.max() < (0.65 if kind == "yes-no" else 0.35)
    assert list(story_lines(kind, 300, 7)) == (tmp_path / "a.txt").read_text().split("\n")
    assert list(story_lines(kind, 300, 8)) != list(story_lines(kind, 300, 7))


def test_the_bench(tmp_path: Path, capsys: Any) -> None:
    sizes = ["--train", "40", "--test", "20", "--epochs", "1", "--quiet"]
    assert stories.main([*sizes, "--files", str(tmp_path / "f"), "--seeds", "1", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{kind}, seed {seed}" for kind in KINDS for seed in (1, 2)]
    assert all("questions about unseen stories; " in line and "CPU s" in line for line in lines)
    assert len(list((tmp_path / "f").iterdir())) == 6
    assert len(read_stories(tmp_path / "f" / "two-facts_test.txt")) >= 20
