"""Files of questions about stories: what is read, and what is refused with its line."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks.stories import StoryQuestion, check_stories, iter_stories, read_stories

TEXT = """\
1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1

4 John took the milk.
5 Where is the milk?\thallway\t4 2
1 Daniel went to the office.
2 Is Daniel in the office?\tyes
"""


def test_questions_with_the_sentences_before_them(tmp_path: Path) -> None:
    path = tmp_path / "qa.txt"
    path.write_text(TEXT, encoding="utf-8")
    first = ["Mary moved to the bathroom.", "John went to the hallway."]
    assert read_stories(path) == [
        StoryQuestion(first, "Where is Mary?", "bathroom", (0,)),
        StoryQuestion([*first, "John took the milk."], "Where is the milk?", "hallway", (2, 1)),
        StoryQuestion(["Daniel went to the office."], "Is Daniel in the office?", "yes", ()),
    ]


def test_questions_without_answers(tmp_path: Path) -> None:
    path = tmp_path / "qa.txt"
    path.write_text("1 Mary moved.\n2 Where is Mary?\n3 Who moved?\t\n4 Is it so?\tyes\n", encoding="utf-8")
    found = read_stories(path, answered=False)
    assert [(one.text, one.answer) for one in found] == [
        ("Where is Mary?", None), ("Who moved?", None), ("Is it so?", "yes")
    ]  # fmt: skip
    assert all(one.story == ["Mary moved."] for one in found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Mary moved.", "line 4: must be a number, a space and a sentence, got 'Mary moved.'"),
        ("3", "line 4: must be a number, a space and a sentence, got '3'"),
        ("3 Where?\t", "line 4: the question must have an answer behind the tab, got none"),
        ("3 Where?\tx\t7", "line 4: behind the answer must stand the numbers of sentences before it, got '7'"),
        ("3 Where?\tx\tone", "line 4: behind the answer .* got 'one'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "qa.txt"
    path.write_text(f"1 Mary moved.\n\n2 She ran.\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"qa\.txt, {said}"):
        read_stories(path)


def test_a_file_without_questions(tmp_path: Path) -> None:
    path = tmp_path / "qa.txt"
    path.write_text("1 Where is Mary?\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no question: a line is one where a tab and its answer follow"):
        read_stories(path)
    assert len(read_stories(path, answered=False)) == 1


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for stories in (6000, 18_000):
        path = tmp_path / f"{stories}.txt"
        path.write_text(TEXT * stories, encoding="utf-8")
        tracemalloc.start()
        assert sum(1 for _ in iter_stories(path)) == 3 * stories
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.4 * peaks[0], peaks


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Where?", r"questions\[1\] must be a StoryQuestion"),
        (StoryQuestion("one text", "Where?", "x"), r"questions\[1\]\.story must be a list of sentences"),  # type: ignore[arg-type]
        (StoryQuestion(["a"], " ", "x"), r"questions\[1\]\.text must be a question that is not empty"),
        (StoryQuestion(["a"], "Where?"), r"questions\[1\]\.answer must be a text that is not empty, got None"),
    ],
)
def test_questions_are_checked(question: Any, said: str) -> None:
    whole = StoryQuestion([], "Where?", "x")
    assert check_stories([whole], True) == [whole]
    with pytest.raises((ValueError, TypeError), match=said):
        check_stories([whole, question], True)
