"""Where texts in scripts without spaces, and words with marks, are cut."""

from __future__ import annotations

import re
import unicodedata

import pytest

from recurra.preprocessing.scripts import MARKS, UNSPACED, holds_run, runs_on, spread


@pytest.mark.parametrize("text", ["日本語をよむ", "コーヒー", "人々", "𠮷野家", "ｶﾀｶﾅ"])
def test_each_character_of_an_unspaced_script_stands_alone(text: str) -> None:
    assert spread(f"a{text}b").split() == ["a", *text, "b"]


def test_other_texts_stay_as_they_are() -> None:
    for text in ("plain ascii", "où ça", "한국어 문장", "русский", "السلام", "ไทย", "・、。"):
        assert spread(text) == text and not runs_on([text]) and not holds_run(text)


def test_texts_that_are_cut_into_words_already_do_not_run_on() -> None:
    assert runs_on(["ok", "这部电影很好看，我喜欢"])
    assert not runs_on(["这 部 电影 很 好看 ， 我 喜欢", "好看"])
    assert holds_run("电影") and not holds_run("电a影")


@pytest.mark.parametrize("word", ["हिन्दी", "السَّلامُ", "שָׁלוֹם", "می‌خواهم", unicodedata.normalize("NFD", "été"), "မြန်မာ"])
def test_marks_continue_a_word(word: str) -> None:
    letter = rf"[^\W\d_{UNSPACED}]"
    assert re.fullmatch(rf"{letter}+(?:[{MARKS}]+{letter}*)*", word)
