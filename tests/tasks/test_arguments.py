"""Arguments of the tasks: numbers of numpy, and what is no number or no flag, in each of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.callbacks import LambdaCallback
from recurra.preprocessing.word_vectors import WordVectors
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
from recurra.tasks.inspection import inspect_text

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


LISTS = [
    lambda made: made[TextClassifier].predict,
    lambda made: made[TextClassifier].predict_proba,
    lambda made: made[SentimentClassifier].predict,
    lambda made: made[SequenceTagger].predict,
    lambda made: made[Translator].translate,
    lambda made: made[Translator].search,
    lambda made: made[ChatBot].replies,
    lambda made: made[StoryAnswerer].answers,
    lambda made: lambda story: made[StoryAnswerer].answer(story, "Where is Mary?"),
]


@pytest.fixture(scope="module")
def made() -> dict[Any, Any]:
    return {task: fitted(task) for task in TASKS}


@pytest.mark.parametrize("method", LISTS)
def test_one_text_or_none_is_no_list(made: dict[Any, Any], method: Any) -> None:
    for value in ("one dog", b"one dog", None, 3):
        with pytest.raises(TypeError, match=r"must be (a list|lists) of \w+.*, got"):
            method(made)(value)


@pytest.mark.parametrize("task", [LanguageModel, SequenceTagger, Translator, ChatBot, StoryAnswerer])
def test_fits_refuse_what_is_no_list(task: Any) -> None:
    data = TASKS[task]
    for i in range(len(data)):
        for value in (None, 3, b"abc"):
            with pytest.raises(TypeError, match=r" must be (a list|lists|a str)\b.*, got "):
                task(units=5).fit(*data[:i], value, *data[i + 1 :], verbose=0)


def test_a_missing_text_of_a_pair_is_said() -> None:
    for value in (None, float("nan")):
        with pytest.raises(TypeError, match=r"sources\[1\] must be a str, got \w+ \(a missing value"):
            Translator(units=5).fit(["a", value, "b"], ["c", "d", "e"], verbose=0)  # type: ignore[list-item]


def test_translations_of_an_iterator_and_an_array(made: dict[Any, Any]) -> None:
    texts = ["one dog", "three cats"]
    wanted = made[Translator].search(texts)
    assert made[Translator].search(iter(texts)) == made[Translator].search(np.array(texts)) == wanted
    with pytest.raises(TypeError, match="length_penalty must be >= 0 and finite, got 'x'"):
        made[Translator].translate(texts, length_penalty="x")


def test_a_story_of_an_array_is_one_of_a_list(made: dict[Any, Any]) -> None:
    story = ["Mary is in the hall.", "John is in the garden."]
    answer = made[StoryAnswerer].answer
    assert answer(np.array(story), "Where is John?") == answer(story, "Where is John?")


def test_a_language_model_reads_one_text(made: dict[Any, Any]) -> None:
    lm = made[LanguageModel]
    for call in (lm.perplexity, lm.log_prob, lm.log_probabilities, lambda text: inspect_text(lm, text)):
        for value in (["Ring"], b"Ring", None):
            with pytest.raises(TypeError, match=f"text must be a str, got {type(value).__name__}"):
                call(value)
    with pytest.raises(TypeError, match="training_text must be a str, got list"):
        lm.baseline("Ring", ["Ring"])


@pytest.mark.parametrize("task", TASKS)
def test_tasks_print_as_they_were_made(task: Any) -> None:
    one = task(units=5, embedding=3, seed=7)
    again = eval(repr(one), {task.__name__: task})
    assert again.get_config() == one.get_config() and "units=5" in repr(one) and "dropout" not in repr(one)


@pytest.mark.parametrize("task", [TextClassifier, SequenceTagger])
def test_word_vectors_are_finite(task: Any, tmp_path: Path) -> None:
    numbers = np.arange(1.0, 7.0, dtype="float32").reshape(3, 2)
    fitted(task, vectors=WordVectors(["good", "dog", "film"], numbers), embedding=2)
    numbers[1, 0] = np.nan
    vectors = WordVectors(["good", "dog", "film"], numbers)
    if task is TextClassifier:
        vectors = WordVectors(["film", "good", "dog"], numbers)
    vectors.save(tmp_path / "v.txt")
    for source in (vectors, tmp_path / "v.txt"):
        with pytest.raises(ValueError, match=r"vectors must be finite numbers, got \[nan +4.\] for '(dog|good)'"):
            fitted(task, vectors=source, embedding=2)
    with pytest.raises(TypeError, match="vectors must be a path, WordVectors or None, got list"):
        fitted(task, vectors=[[1.0]])


@pytest.mark.parametrize("task", TASKS)
def test_verbose(task: Any) -> None:
    for value in ("x", None, 0.5, []):
        if task is SentimentClassifier and value is None:
            continue  # of fit: that of the class
        with pytest.raises(ValueError, match="verbose must be 0 for silence, 1 or 'auto' for progress, got "):
            fitted(task, verbose=value)
    fitted(task, verbose=False)


@pytest.mark.parametrize("task", TASKS)
def test_callbacks(task: Any) -> None:
    ends: list[int] = []
    one = LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(epoch))
    for given, times in ((None, 0), (one, 1), ([one, one], 2), ((), 0)):
        ends.clear()
        fitted(task, callbacks=given)
        assert ends == [0] * times
    for given in (3, "EarlyStopping"):
        with pytest.raises(TypeError, match="callbacks must be a list of Callback objects, got"):
            fitted(task, callbacks=given)
    with pytest.raises(TypeError, match="callbacks must hold Callback objects, got 3"):
        fitted(task, callbacks=[3])
