"""Sentences to words and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.tasks.sentence_words import (
    SentenceWords,
    join_sentence,
    learn_sentences,
    sentences_from_json,
    split_sentence,
)

SENTENCES = [
    "Don't!",
    "L'homme qu'il a vu n'est pas là.",
    "Où vas-tu\u202f?",
    "Y a-t-il quelqu'un\xa0?",
    "¿Dónde está? ¡Aquí!",
    'He said: "No (not now), 3.5 % or 1,000..."',
    "C\u2019est l\u2019été.",
    "B52 at 10h30 - or e-mail me@home_now.",
    "aujourd'hui; o'clock",
    "中文 字",
    "It costs $5. I'd go (if I could).",
    "- Non, merci.",
]


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_comes_back(text: str) -> None:
    assert join_sentence(split_sentence(text)) == text


@given(st.text(alphabet=st.sampled_from("aéÉ9 '\u2019-.!?\"(_\u202f\xa0\n\t$²ß字"), max_size=30))
def test_any_text_comes_back_but_for_white_space(text: str) -> None:
    joined = join_sentence(split_sentence(text))
    assert "".join(joined.split()) == "".join(text.split())
    assert join_sentence(split_sentence(joined)) == joined


def test_french_articles_are_words_of_their_own_and_english_contractions_are_not() -> None:
    plain = [token.replace("\u2060", "") for token in split_sentence("L'eau qu'on boit, I don't")]
    assert plain == ["L'", "eau", "qu'", "on", "boit", ",", "I", "don't"]


def test_ids_go_by_frequency_and_the_rest_is_unknown() -> None:
    words = SentenceWords(["b a b.", "b c"], 4)
    assert len(words) == 4
    assert words.encode("b a z c.").tolist() == [2, 3, 1, 1, 1]
    assert words.decode([2, 1, 0, 3]) == "b a"
    assert words.decode([2, 1, 1, 1, 3], ["X", "Y"]) == "b X Y a"


def test_a_vocabulary_survives_json() -> None:
    words = SentenceWords(SENTENCES, 50)
    again = SentenceWords.from_json(words.to_json())
    assert all((again.encode(text) == words.encode(text)).all() for text in SENTENCES)


@pytest.mark.parametrize("text", ["{}", "[1]", '["a", "a"]', "[]", '[""]'])
def test_what_is_no_vocabulary_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"vocabulary|word"):
        SentenceWords.from_json(text)


def test_sizes_and_ids_are_checked() -> None:
    with pytest.raises(ValueError, match=">= 3"):
        SentenceWords(["a"], 2)
    with pytest.raises(ValueError, match="at least one word"):
        SentenceWords([" "], 9)
    with pytest.raises(ValueError, match=r"ids must be in \[0, 3\)"):
        SentenceWords(["a"], 9).decode([3])


def test_characters_and_subwords_have_their_vocabularies() -> None:
    characters = learn_sentences(["12+3", "45"], "char", 50)
    assert characters.decode(characters.encode("4+1")) == "4+1"
    assert sentences_from_json(characters.to_json(), "char").encode("5+").tolist() == characters.encode("5+").tolist()
    pytest.importorskip("tokenizers")
    pieces = learn_sentences(["to be or not to be"] * 3, "subword", 270)
    assert sentences_from_json(pieces.to_json(), "subword").decode(pieces.encode("not a bee")) == "not a bee"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("हिन्दी में लिखा है।", ["हिन्दी", "में", "लिखा", "है", "।"]),
        ("السَّلامُ عليكم", ["السَّلامُ", "عليكم"]),
        ("می‌خواهم بروم", ["می‌خواهم", "بروم"]),
        ("d'e\u0301te\u0301", ["d'+", "e\u0301te\u0301"]),
        ("我喜欢，ok。", ["我+", "喜+", "欢", "，+", "ok", "。"]),
        ("电影 a一b", ["电+", "影", "a+", "一+", "b"]),
    ],
)
def test_words_of_other_scripts(text: str, tokens: list[str]) -> None:
    found = split_sentence(text)
    assert [token.replace("\u2060", "+") for token in found] == tokens
    assert join_sentence(found) == text


def test_subwords_of_few_sentences_are_not_whole_rare_words() -> None:
    pytest.importorskip("tokenizers")
    texts = [*["the cat sleeps"] * 6, "a rhinoceros yawns"]
    vocabulary = learn_sentences(texts, "subword", 400)
    assert vocabulary.decode([int(vocabulary.encode("the")[0])]) == "the"
    assert len(vocabulary.encode("rhinoceros")) > 5
    assert vocabulary.decode(vocabulary.encode("a rhinoceros yawns")) == "a rhinoceros yawns"
