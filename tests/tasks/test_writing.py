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


def test_searches_of_several_prompts(writer: LanguageModel) -> None:
    options: dict[str, Any] = {"length": 6, "width": 3, "length_penalty": 0.5}
    found = writer.search(PROMPTS, **options)
    assert found == [writer.search(prompt, **options) for prompt in PROMPTS]
    assert writer.beam(tuple(PROMPTS), **options) == [[one.text for one in own] for own in found]
    assert all(one.score == pytest.approx(one.log_probability / 6**0.5) for own in found for one in own)
    assert writer.beam([], length=3) == []


@pytest.mark.parametrize("stop", ["s", ["s", "\n"], [", ", "\n"], "of"])
@pytest.mark.parametrize("early", [False, True])
def test_searches_end_at_stops(writer: LanguageModel, stop: Any, early: bool) -> None:
    stops = [stop] if isinstance(stop, str) else stop
    found = writer.search("Ring a", length=30, width=4, stop=stop, early_stopping=early)
    texts = [one.text for one in found]
    assert 0 < len(texts) == len(set(texts)) <= 4
    assert not any(one in text for text in texts for one in stops)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    whole = writer.beam("Ring a", length=30, width=1, stop=stop, early_stopping=True)
    assert whole == [writer.generate("Ring a", length=30, temperature=0, stop=stop)]
    assert writer.beam("Ring a", length=30, width=4, stop="zebra") == writer.beam("Ring a", length=30, width=4)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda w: w.generate(None), TypeError, "prompt must be a str, got NoneType None"),
        (lambda w: w.generate(["Ring", 3]), TypeError, "prompt must be a str, got int 3"),
        (lambda w: w.stream(b"Ring"), TypeError, "prompt must be a str, got bytes b'Ring'"),
        (lambda w: w.next_words(["Ring"]), TypeError, "prefix must be a str, got list"),
        (lambda w: w.generate(length="3"), TypeError, "length must be an int >= 0, got '3'"),
        (lambda w: w.stream(length=-2), ValueError, "length must be an int >= 0, got -2"),
        (lambda w: w.generate(stop=[""]), ValueError, "stop must be a text"),
        (lambda w: w.stream(stop=3), ValueError, "stop must be a text"),
        (lambda w: w.beam(width=0), ValueError, "width must be an int >= 1, got 0"),
        (lambda w: w.beam(length_penalty="x"), TypeError, "length_penalty must be >= 0 and finite, got 'x'"),
        (lambda w: w.beam(stop=""), ValueError, "stop must be a text"),
        (lambda w: w.beam(["Ring", None]), TypeError, "prompt must be a str, got NoneType None"),
        (lambda w: w.search(early_stopping="no"), TypeError, "early_stopping must be True or False, got 'no'"),
        (lambda w: LanguageModel().beam([]), ValueError, "must be trained first"),
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
