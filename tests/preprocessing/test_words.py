from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.preprocessing.text import hashing_trick, one_hot, text_to_word_sequence
from recurra.preprocessing.words import DEFAULT_FILTERS
from tests.support.keras_text import golden


def test_words_are_keras_s() -> None:
    assert [text_to_word_sequence(text) for text in golden()["texts"]] == golden()["words"]


def test_hashes_are_keras_s() -> None:
    assert [hashing_trick(text, 50, "md5") for text in golden()["texts"]] == golden()["hashes"]


def test_default_filters_keep_the_apostrophe_the_carriage_return_and_the_no_break_space() -> None:
    assert text_to_word_sequence("don't\r a\u00a0b") == ["don't\r", "a\u00a0b"]
    assert set(DEFAULT_FILTERS).isdisjoint("'\r\u00a0")


@given(
    text=st.text(st.sampled_from("aAbÉé-, .\t日\ud800")),
    filters=st.text(st.sampled_from("-,.aé"), max_size=4),
    lower=st.booleans(),
    split=st.sampled_from([" ", "-", "--", "é", "b"]),
)
def test_words_follow_the_definition(text: str, filters: str, lower: bool, split: str) -> None:
    expected = text.lower() if lower else text
    expected = "".join(split if character in filters else character for character in expected)
    assert text_to_word_sequence(text, filters, lower, split) == [word for word in expected.split(split) if word]


def test_filters_may_be_a_list() -> None:
    assert text_to_word_sequence("a-b.c", filters=["-", "."]) == ["a", "b", "c"]  # type: ignore[arg-type]


def test_one_hot_is_the_hashing_trick_with_hash() -> None:
    text = "to be or not to be"
    expected = [hash(word) % 6 + 1 for word in text.split()]
    assert one_hot(text, 7) == hashing_trick(text, 7) == expected
    assert one_hot(text, 7, analyzer=lambda t: [t]) == [hash(text) % 6 + 1]


def test_a_hash_function_of_one_s_own_and_any_analyzer() -> None:
    assert hashing_trick("aa b", 10, len) == [3, 2]

    def tokens(text: str) -> list[SimpleNamespace]:  # as spaCy gives them
        return [SimpleNamespace(text=word) for word in text.split("|")]

    assert hashing_trick("aaa|b b", 10, len, analyzer=tokens) == [4, 4]
    with pytest.raises(TypeError, match="analyzer must return strings or objects with a `text`"):
        hashing_trick("a", 10, len, analyzer=lambda text: [3])


def test_md5_is_the_same_in_another_process() -> None:
    code = "from recurra.preprocessing.text import hashing_trick as h; print(h('to be or not', 1000, 'md5'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() == str(hashing_trick("to be or not", 1000, "md5"))


@pytest.mark.parametrize("n", [1, 0, -3, 2.0, True])
def test_n_must_leave_room(n: object) -> None:
    with pytest.raises(ValueError, match="n must be an integer of at least 2"):
        hashing_trick("a", n)  # type: ignore[arg-type]


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="input_text must be a string, got bytes; decode it first"):
        text_to_word_sequence(b"a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="split must be a string of at least one character, got ''"):
        text_to_word_sequence("a", split="")
    with pytest.raises(ValueError, match="hash_function must be a callable, 'md5' or None, got 'sha'"):
        hashing_trick("a", 5, "sha")
