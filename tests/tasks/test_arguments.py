"""Arguments of the tasks: numbers of numpy, and what is no number or no flag, in each of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.tasks import (
    ChatBot,
    LanguageModel,
    SentimentClassifier,
    SequenceTagger,
    StoryAnswerer,
    StoryQuestion,
    TextClassifier,
    Translator,
)

TEXTS = [f"{kind} film {i % 3}" for i in range(12) for kind in ("good", "bad")]
WORDS = [["the", "dog", "runs"], ["a", "cat"], ["the", "owl", "flies", "far"]] * 3
LABELS = [["D", "N", "V"], ["D", "N"], ["D", "N", "V", "A"]] * 3
PAIRS = ["one dog", "two dogs", "three cats", "one cat"] * 3, ["un chien", "deux chiens", "trois chats", "un chat"] * 3
STORIES = [
    StoryQuestion((f"Mary is in the {place}.", f"John is in the {other}."), f"Where is {who}?", where)
    for place, other in (("hall", "garden"), ("garden", "hall"))
    for who, where in (("Mary", place), ("John", other))
] * 2
TASKS: dict[Any, tuple[Any, ...]] = {
    LanguageModel: ("Ring a ring of roses,\na pocket full of posies,\n" * 9,),
    SentimentClassifier: (TEXTS, ["p", "n"] * 12),
    TextClassifier: (TEXTS, ["p", "n"] * 12),
    SequenceTagger: (WORDS, LABELS),
    Translator: PAIRS,
    ChatBot: PAIRS,
    StoryAnswerer: (STORIES,),
}
SIZES = {"units": 5, "embedding": 3, "characters": 2, "seed": 7, "epochs": 2, "batch_size": 3, "averaging": 0.5}
NUMBERS = {**SIZES, "projection": 4, "vocabulary_size": 60, "learning_rate": 0.01, "validation": 0.25, "window": 9}


def fitted(task: Any, **given: Any) -> Any:
    """A task made and trained with arguments of either."""
    makes, fits = inspect.signature(task).parameters, inspect.signature(task.fit).parameters
    given = {**SIZES, "epochs": 1, "verbose": 0, **given}
    made = task(**{name: value for name, value in given.items() if name in makes})
    made.fit(*TASKS[task], **{name: value for name, value in given.items() if name in fits and name not in makes})
    return made


def numeric() -> Iterator[tuple[Any, str, Any]]:
    """Each task with its arguments that are numbers or flags, and their defaults."""
    for task in TASKS:
        for place in (task, task.fit):
            for name, parameter in inspect.signature(place).parameters.items():
                if isinstance(parameter.default, (int, float)) or name in NUMBERS:
                    yield task, name, parameter.default


CASES = list(dict.fromkeys((task, name) for task, name, _ in numeric()))


@pytest.mark.parametrize("task", TASKS)
def test_numbers_of_numpy(task: Any, tmp_path: Path) -> None:
    plain = {name: NUMBERS.get(name, value) for kind, name, value in numeric() if kind is task}
    plain = {name: value for name, value in plain.items() if not isinstance(value, bool)}
    if task is LanguageModel:
        del plain["weight_drop"]
    given = {name: np.int64(v) if isinstance(v, int) else np.float32(v) for name, v in plain.items()}
    assert len(given) >= 10
    made = fitted(task, **given)
    made.save(tmp_path / "model")
    again = task.load(tmp_path / "model")
    for name, value in again.get_config().items():
        assert not isinstance(value, np.generic)
        if name in plain:
            assert value == pytest.approx(plain[name])
    network = getattr(made, "translator", made).model
    loaded = getattr(again, "translator", again).model
    for one, other in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("task", "name"), CASES)
def test_an_error_names_the_argument(task: Any, name: str) -> None:
    for value in ("x", float("nan"), [], b"3", -float("inf") if name != "least_confidence" else float("inf")):
        with pytest.raises((ValueError, TypeError), match=name):
            fitted(task, **{name: value})
    if name in ("learning_rate", "clipnorm"):
        with pytest.raises(ValueError, match=f"{name} must be a finite number > 0"):
            fitted(task, **{name: float("inf")})
    if name == "seed":
        with pytest.raises(ValueError, match=r"seed must be in \[0, 2\*\*63\), got -1"):
            fitted(task, seed=-1)
