r"""Questions about short stories, from files in the format of the bAbI tasks (Weston et al. 2015).

    1 Mary moved to the bathroom.
    2 John went to the hallway.
    3 Where is Mary?<tab>bathroom<tab>1

Lines are numbered, and 1 begins a new story. A question stands between the sentences that it may be answered from and
those that come later; a tab, its answer, another tab and the numbers of the lines that the answer follows from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from recurra.limits import SENTENCE
from recurra.tasks.arguments import listed
from recurra.typing import PathLike
from recurra.utils.io import display_name, iter_lines


class StoryQuestion(NamedTuple):
    """A question about a story.

    story : the sentences that were told before it
    text : the question
    answer : or None where it is not known
    support : which sentences the answer follows from, from 0; empty where that is not known
    """

    story: list[str]
    text: str
    answer: str | None = None
    support: tuple[int, ...] = ()


def read_stories(path: PathLike, *, answered: bool = True, encoding: str = "utf-8") -> list[StoryQuestion]:
    """The questions of a file in bAbI's format; "-" is standard input.

    answered : whether every question must have its answer. Without it a line that ends in "?" is a question too
    raises : ValueError naming the file and the line for anything else
    """
    found = list(iter_stories(path, answered=answered, encoding=encoding))
    if not found:
        raise ValueError(
            f"{display_name(path)} holds no question: a line is one where a tab and its answer follow"
            + ("" if answered else ", or where it ends in a question mark")
        )
    return found


def iter_stories(path: PathLike, *, answered: bool = True, encoding: str = "utf-8") -> Iterator[StoryQuestion]:
    """As :func:`read_stories`, one question at a time, in memory that does not grow with the file."""
    name = display_name(path)
    story: list[str] = []
    places: dict[int, int] = {}  # of the sentences, by the numbers of their lines
    for at, line in enumerate(iter_lines(path, encoding, blank=True, longest=SENTENCE), 1):
        if not line:
            continue
        digits, _, rest = line.strip(" \r\n").partition(" ")
        text, *more = (part.strip() for part in rest.split("\t"))
        if not (digits.isascii() and digits.isdigit()) or not text:
            raise ValueError(f"{name}, line {at}: must be a number, a space and a sentence, got {line.strip()[:60]!r}")
        number = int(digits)
        if number == 1:
            story, places = [], {}
        if not more and (answered or not text.endswith("?")):
            places[number] = len(story)
            story.append(text)
            continue
        answer, support = (more[0] if more else ""), (more[1].split() if len(more) > 1 else [])
        if answered and not answer:
            raise ValueError(f"{name}, line {at}: the question must have an answer behind the tab, got none")
        if not all(word.isascii() and word.isdigit() and int(word) in places for word in support):
            raise ValueError(
                f"{name}, line {at}: behind the answer must stand the numbers of sentences before it, got "
                f"{' '.join(support)[:60]!r}"
            )
        yield StoryQuestion(list(story), text, answer or None, tuple(places[int(word)] for word in support))


def check_stories(questions: Sequence[StoryQuestion], answered: bool) -> list[StoryQuestion]:
    """`questions` as a list, or an error that says which one is not whole."""
    found = []
    for i, one in enumerate(listed(questions, "questions", "StoryQuestion")):
        if not isinstance(one, (StoryQuestion, tuple, list)) or not 2 <= len(one) <= 4:
            raise TypeError(f"questions[{i}] must be a StoryQuestion(story, text, answer), got {type(one).__name__}")
        question = StoryQuestion(*one)
        if not all(isinstance(text, str) for text in listed(question.story, f"questions[{i}].story", "sentences")):
            raise TypeError(f"questions[{i}].story must be a list of sentences, got {type(question.story).__name__}")
        if not isinstance(question.text, str) or not question.text.strip():
            raise ValueError(f"questions[{i}].text must be a question that is not empty, got {question.text!r}")
        if answered and (not isinstance(question.answer, str) or not question.answer):
            raise ValueError(f"questions[{i}].answer must be a text that is not empty, got {question.answer!r}")
        found.append(question)
    if answered and not found:
        raise ValueError("questions must hold at least one question, got none")
    return found
