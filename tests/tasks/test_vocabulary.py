"""Text to ids and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.tasks.vocabulary import START, UNKNOWN, Vocabulary, split_text

TEXT = "To be, or not to be: that's the question--\n\nWhether 'tis nobler in 1603 \u2019til naïve_end...\n"


@given(st.text())
def test_tokens_join_to_the_text(text: str) -> None:
    for level in ("char", "word"):
        assert "".join(split_text(text, level)) == text


@given(st.text(min_size=1))
def test_a_text_decodes_to_itself(text: str) -> None:
    for level in ("char", "word"):
        vocabulary = Vocabulary(text, level)
        ids = vocabulary.encode(text)
        assert ids.dtype == np.int32 and ids.min() > UNKNOWN and ids.max() < len(vocabulary)
        assert vocabulary.decode(ids) == text


def test_words_keep_the_space_before_and_punctuation_stands_alone() -> None:
    assert split_text(TEXT, "word")[:14] == [
        "To", " be", ",", " or", " not", " to", " be", ":", " that's", " the", " question", "--", "\n\n", "Whether",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("नमस्ते दुनिया, आप", ["नमस्ते", " दुनिया", ",", " आप"]),
        ("ฉันรัก ไทย", ["ฉันรัก", " ไทย"]),
        ("e\u0301te\u0301 d'e\u0301te\u0301", ["e\u0301te\u0301", " d'e\u0301te\u0301"]),
        ("مَرْحَبًا، كيف", ["مَرْحَبًا", "،", " كيف"]),
        ("今天 好。カナ", ["今", "天", " 好", "。", "カ", "ナ"]),
        ("텍스트입니다 12", ["텍스트입니다", " 12"]),
        ("\u0301a 👍🏽!", ["\u0301", "a", " 👍", "🏽", "!"]),
    ],
)
def test_words_of_other_scripts(text: str, words: list[str]) -> None:
    assert split_text(text, "word") == words
    assert Vocabulary(text * 3, "word").decode(Vocabulary(text * 3, "word").encode(text)) == text


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_words_do_not_depend_on_what_stands_behind(text: str) -> None:
    assert split_text(text + "\né", "word") == [*split_text(text + "\n", "word"), "é"]


def test_ids_go_by_frequency_from_two() -> None:
    vocabulary = Vocabulary("abacab", "char")
    np.testing.assert_array_equal(vocabulary.encode("abcx"), [2, 3, 4, UNKNOWN])
    assert len(vocabulary) == 5
    assert vocabulary.decode([START, 2, UNKNOWN, 3]) == "ab"


def test_a_limited_vocabulary_knows_the_most_frequent() -> None:
    vocabulary = Vocabulary("a a a b b c d", "word", size=4)
    assert len(vocabulary) == 4
    assert vocabulary.unknown("a b c b e a") == ["a", " c", " e"]
    np.testing.assert_array_equal(vocabulary.encode(" a b c"), [2, 3, UNKNOWN])


@pytest.mark.parametrize(("level", "size"), [("char", None), ("word", None), ("word", 9), ("char", 12)])
def test_json_round_trip(level: str, size: int | None) -> None:
    vocabulary = Vocabulary(TEXT, level, size)
    again = Vocabulary.from_json(vocabulary.to_json(), level)
    assert len(again) == len(vocabulary) == (size or len(vocabulary))
    np.testing.assert_array_equal(again.encode(TEXT + "§"), vocabulary.encode(TEXT + "§"))
    ids = vocabulary.encode(TEXT)
    assert again.decode(ids) == vocabulary.decode(ids)


def test_a_token_that_reads_like_the_mark_for_unknown_ones() -> None:
    vocabulary = Vocabulary("<unknown> is a <unknown>", "word")
    assert vocabulary.decode(vocabulary.encode("<unknown> is")) == "<unknown> is"


def test_errors() -> None:
    with pytest.raises(ValueError, match="level must be 'char' or 'word', got 'syllable'"):
        Vocabulary("a", "syllable")
    with pytest.raises(ValueError, match="vocabulary size must be >= 3"):
        Vocabulary("a", size=2)
    with pytest.raises(ValueError, match="text must not be empty"):
        Vocabulary("")
    with pytest.raises(ValueError, match=r"ids must be in \[0, 4\), got 1 to 4"):
        Vocabulary("ab").decode([1, 4])


@pytest.mark.parametrize("level", ["char", "word"])
def test_long_texts_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    text = "to be, \N{GRINNING FACE}or not \ud800to be"
    vocabulary = Vocabulary("to be or \N{GRINNING FACE}not", level)
    whole = vocabulary.encode(text)
    assert whole.tolist() == [vocabulary._ids.get(token, 1) for token in split_text(text, level)]
    assert vocabulary.unknown(text + ",?") == list(
        dict.fromkeys(t for t in split_text(text + ",?", level) if t not in vocabulary._ids)
    )
    for piece in (1, 3, 7, len(text), 100):
        monkeypatch.setattr("recurra.tasks.vocabulary._PIECE", piece)
        found = vocabulary.encode(text)
        assert found.dtype == np.int32 and found.tolist() == whole.tolist()
    assert vocabulary.encode("").shape == (0,)
