"""Texts of a language model: lists of prompts, stops, and arguments of other types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recurra.tasks import LanguageModel

VERSE = "Ring a ring of roses,\na pocket full of posies,\nashes, ashes,\nwe all fall down.\n\n"


@pytest.fixture(scope="module", params=["char", "word"])
def writer(request: pytest.FixtureRequest) -> LanguageModel:
    model = LanguageModel(request.param, cell="gru", units=19, embedding=7, seed=4)
    model.fit(VERSE * 8, epochs=2, window=20, batch_size=3, verbose=0)
    return model


PROMPTS = ["Ring a", "", "we all fall", "a pocket full of posies,\nashes"]


def test_a_list_of_prompts(writer: LanguageModel) -> None:
    greedy = writer.generate(PROMPTS, length=15, temperature=0, repetition_penalty=1.2)
    assert greedy == [writer.generate(one, length=15, temperature=0, repetition_penalty=1.2) for one in PROMPTS]
    drawn = writer.generate(tuple(PROMPTS), length=15, seed=3)
    assert drawn == writer.generate(PROMPTS, length=15, seed=3) != writer.generate(PROMPTS, length=15, seed=4)
    assert drawn[0] == writer.generate(PROMPTS[0], length=15, seed=3)
    assert writer.generate([], length=3) == [] and writer.generate(["", "Ring"], length=0) == ["", ""]


def test_stops(writer: LanguageModel) -> None:
    for prompt, text in zip(PROMPTS, writer.generate(PROMPTS, length=60, temperature=0), strict=True):
        cut = text[: min(text.find(stop) % 1000 for stop in (", ", "s", "\n"))]
        stops = [", ", "s", "\n"]
        assert writer.generate(prompt, length=60, temperature=0, stop=stops) == cut
        assert "".join(writer.stream(prompt, temperature=0, length=60, stop=stops)) == cut
        assert writer.generate([prompt], length=60, temperature=0, stop=stops) == [cut]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda w: w.generate(None), TypeError, "prompt must be a str, got NoneType None"),
        (lambda w: w.generate(["Ring", 3]), TypeError, "prompt must be a str, got int 3"),
        (lambda w: w.stream(b"Ring"), TypeError, "prompt must be a str, got bytes b'Ring'"),
        (lambda w: w.next_words(["Ring"]), TypeError, "prompt must be a str, got list"),
        (lambda w: w.generate(length="3"), TypeError, "length must be an int >= 0, got '3'"),
        (lambda w: w.stream(length=-2), ValueError, "length must be an int >= 0, got -2"),
        (lambda w: w.generate(stop=[""]), ValueError, "stop must be a text"),
        (lambda w: w.stream(stop=3), ValueError, "stop must be a text"),
        (lambda w: w.beam(width=0), ValueError, "width must be an int >= 1, got 0"),
        (lambda w: w.beam(length_penalty="x"), TypeError, "length_penalty must be >= 0 and finite, got 'x'"),
        (lambda w: LanguageModel().generate(["a"]), ValueError, "must be trained first"),
    ],
)
def test_errors(writer: LanguageModel, call: Callable[[Any], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(writer)


def test_next_words_of_several_prefixes(writer: LanguageModel) -> None:
    done: list[int] = []
    found = writer.next_words_of(PROMPTS, count=3, progress=done.append)
    assert found == [writer.next_words(prompt, count=3) for prompt in PROMPTS] and done == [1] * len(PROMPTS)
