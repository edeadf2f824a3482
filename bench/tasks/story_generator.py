"""Stories in the style of the bAbI tasks (Weston et al. 2015): people walk about and carry things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

PEOPLE = ("Mary", "John", "Daniel", "Sandra")
PLACES = ("kitchen", "garden", "office", "bathroom", "hallway", "bedroom")
THINGS = ("football", "milk", "apple")
_GO = ("went to", "moved to", "travelled to", "journeyed to", "went back to")
_TAKE = ("picked up", "grabbed", "took", "got")
_DROP = ("dropped", "put down", "discarded", "left")


class Question(NamedTuple):
    """A question after some sentences, its answer, and the numbers (from 1) of the lines that it follows from."""

    text: str
    answer: str
    support: tuple[int, ...]


class Story(NamedTuple):
    """Sentences, and questions among them: each with the number of sentences that stand before it."""

    sentences: list[str]
    questions: list[tuple[int, Question]]


class _World:
    """Who is where and has what, and the sentences that said so, by their places in the story."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.sentences = rng, list[str]()
        self.at: dict[str, tuple[str, int]] = {}
        self.has: dict[str, tuple[str, int]] = {}
        self.lies: dict[str, tuple[str, int, int]] = {}  # a thing that was dropped: place, sentences of it

    def pick(self, names: tuple[str, ...] | list[str]) -> str:
        return names[int(self.rng.integers(len(names)))]

    def walk(self) -> None:
        person = self.pick(PEOPLE)
        place = self.pick([place for place in PLACES if place != self.at.get(person, ("",))[0]])
        self.at[person] = place, len(self.sentences)
        self.sentences.append(f"{person} {self.pick(_GO)} the {place}.")

    def handle(self) -> None:
        """Somebody who is somewhere takes a thing that nobody has, or drops one; else somebody walks."""
        there = list(self.at)
        if not there:
            return self.walk()
        person, thing = self.pick(there), self.pick(THINGS)
        holder = self.has.get(thing)
        if holder is None:
            place = self.lies.get(thing)
            if place is not None and place[0] != self.at[person][0]:
                return self.walk()
            self.has[thing] = person, len(self.sentences)
            self.lies.pop(thing, None)
            self.sentences.append(f"{person} {self.pick(_TAKE)} the {thing}.")
        elif holder[0] == person:
            place, walked = self.at[person]
            del self.has[thing]
            self.lies[thing] = place, len(self.sentences), walked
            self.sentences.append(f"{person} {self.pick(_DROP)} the {thing}.")
        else:
            self.walk()
        return None


def one_fact(rng: np.random.Generator) -> Story:
    """Where is a person? One sentence tells."""
    world, questions = _World(rng), []
    for _ in range(5):
        world.walk()
        world.walk()
        person = world.pick(list(world.at))
        place, line = world.at[person]
        questions.append((len(world.sentences), Question(f"Where is {person}?", place, (line,))))
    return Story(world.sentences, questions)


def two_facts(rng: np.random.Generator) -> Story:
    """Where is a thing? One sentence tells who has it or dropped it, another one where that was."""
    world, questions = _World(rng), []
    while len(questions) < 5:
        for _ in range(int(rng.integers(2, 5))):
            (world.handle if rng.random() < 0.5 else world.walk)()
        known = [*world.has, *world.lies]
        if not known:
            continue
        thing = world.pick(known)
        if thing in world.has:
            person, taken = world.has[thing]
            place, walked = world.at[person]
            support = (taken, walked)
        else:
            place, *lines = world.lies[thing]
            support = tuple(lines)
        questions.append((len(world.sentences), Question(f"Where is the {thing}?", place, support)))
    return Story(world.sentences, questions)


def yes_no(rng: np.random.Generator) -> Story:
    """Is a person in a place? One sentence tells; half of the answers are yes."""
    world, questions = _World(rng), []
    for _ in range(5):
        world.walk()
        world.walk()
        person = world.pick(list(world.at))
        place, line = world.at[person]
        asked = place if rng.random() < 0.5 else world.pick([other for other in PLACES if other != place])
        answer = "yes" if asked == place else "no"
        questions.append((len(world.sentences), Question(f"Is {person} in the {asked}?", answer, (line,))))
    return Story(world.sentences, questions)


KINDS: dict[str, Callable[[np.random.Generator], Story]] = {
    "one-fact": one_fact,
    "two-facts": two_facts,
    "yes-no": yes_no,
}


def story_lines(kind: str, questions: int, seed: int) -> Iterator[str]:
    """The lines of a file in bAbI's format with at least so many questions of one kind."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    made = 0
    while made < questions:
        story = KINDS[kind](rng)
        number, numbers, asked = 0, [], list(story.questions)
        for i, sentence in enumerate([*story.sentences, ""]):
            while asked and asked[0][0] == i:
                number += 1
                question = asked.pop(0)[1]
                support = " ".join(str(numbers[line]) for line in question.support)
                yield f"{number} {question.text} \t{question.answer}\t{support}"
                made += 1
            if sentence:
                number += 1
                numbers.append(number)
                yield f"{number} {sentence}"
