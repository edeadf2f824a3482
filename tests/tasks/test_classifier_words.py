"""Ids of words and of pairs of words, and where the words stand."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recurra.tasks.classifier_words import LanguageReader, WordPairs, WordReader, readings_from_json, readings_to_json
from recurra.tasks.vocabulary import Vocabulary

TEXTS = ["It's a well-made film", "a film, A FILM", "naïve\xa0film?"]


def test_words() -> None:
    reader = WordReader(5, TEXTS)
    assert len(reader) == 5 and reader.words == {"a": 2, "film": 3, "it's": 4}
    assert reader.encode(["a film it's made", "!"]) == [[2, 3, 4, 1], []]
    assert len(WordReader(99, TEXTS)) == 8  # 0, unknown, and six words
    again = WordReader.from_json(reader.to_json(), 5)
    assert again.encode(TEXTS) == reader.encode(TEXTS)
    with pytest.raises(ValueError, match="num_words the vocabulary_size"):
        WordReader.from_json(reader.to_json(), 6)


@given(st.text())
@example("Well-made,\tfilm!\nfilm’s İstanbul ΟΔΟΣ a")
def test_spans_are_those_of_the_ids(text: str) -> None:
    reader = WordReader(50, [text.lower() or "x"])
    spans = reader.spans(text)
    (ids,) = reader.encode([text])
    assert len(spans) == len(ids)
    known = reader.tokenizer.word_index
    assert [known.get(text[a:b].lower(), 1) for a, b in spans] == ids
    assert all(a < b for a, b in spans) and all(x[1] <= y[0] for x, y in itertools.pairwise(spans))


@pytest.mark.parametrize("level", ["word", "char"])
def test_tokens_of_a_language_model(level: str) -> None:
    reader = LanguageReader(Vocabulary("to be, or not to be\n" * 3, level))
    text = "not  To be?\n"
    (ids,) = reader.encode([text])
    spans = reader.spans(text)
    assert len(ids) == len(spans) and "".join(text[a:b] for a, b in spans) == text and min(ids) > 0
    assert LanguageReader.from_json(reader.to_json(), level).encode([text]) == [ids]
    with pytest.raises(ValueError, match="level must be 'char' or 'word', got 'byte'"):
        LanguageReader.from_json(reader.to_json(), "byte")


def test_pairs_by_frequency() -> None:
    sequences = [[2, 3, 4], [2, 3, 2, 3], [9, 2, 3], [3, 4], [3, 4, 3, 4, 3, 4], [7, 7]]
    pairs = WordPairs(sequences, most=9, least=3)
    assert pairs.to_list() == [2, 3, 3, 4] and len(pairs) == 4  # each counts once a text
    assert WordPairs(sequences, most=1, least=3).to_list() == [2, 3]
    ids = np.array([[2, 3, 4, 9, 2, 3], [3, 4, 2, 0, 0, 0], [7, 0, 0, 0, 0, 0]], np.int32)
    expected = [[1, 2, 3, 1, 1, 2], [1, 3, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    found = pairs.encode(ids)
    assert found.tolist() == expected and found.dtype == np.int32
    assert WordPairs.from_list(pairs.to_list()).encode(ids).tolist() == expected
    none = WordPairs([[1], [2]], most=5)
    assert len(none) == 2 and none.to_list() == [] and none.encode(ids[:, :1]).tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("numbers", [[1], [1, 0], [1, 2**31], [1, 2, 1, 2], [1.0, 2], "12", None, [True, 1]])
def test_pairs_that_cannot_be(numbers: object) -> None:
    with pytest.raises(ValueError, match="pairs must be"):
        WordPairs.from_list(numbers)


def test_readings_of_a_file() -> None:
    reader = WordReader(9, TEXTS)
    pairs = WordPairs([[2, 3]] * 3, most=4)
    assert readings_to_json(reader, None) == reader.to_json()
    text, again = readings_from_json(readings_to_json(reader, pairs), paired=True)
    assert text == reader.to_json() and again is not None and again.to_list() == [2, 3]
    assert readings_from_json("x", paired=False) == ("x", None)
    for wrong in ("[]", json.dumps({"tokens": 3, "pairs": []})):
        with pytest.raises(ValueError, match="the vocabulary must hold tokens and pairs"):
            readings_from_json(wrong, paired=True)


def test_of_chinese_without_spaces_each_character_is_a_token() -> None:
    texts = ["这部电影很好看，ok", "这部电影太无聊了"]
    reader = WordReader(30, texts)
    assert set("这部电影很好看太无聊了") <= set(reader.words)
    for read in (reader, WordReader.from_json(reader.to_json(), 30)):
        ids = read.encode(["我ok，这部"])[0]
        spans = read.spans("我ok，这部")
        assert len(ids) == len(spans) and ["我ok，这部"[a:b] for a, b in spans] == ["我", "ok，", "这", "部"]
        assert [ids[0], *ids[2:]] == [1, reader.words["这"], reader.words["部"]]


def test_chinese_cut_into_words_by_spaces_keeps_its_words() -> None:
    texts = ["这 部 电影 很 好看", "这 部 电影 太 无聊"]
    for read in (reader := WordReader(30, texts), WordReader.from_json(reader.to_json(), 30)):
        assert read.encode(["电影"]) == [[reader.words["电影"]]] and read.spans("电影 好") == [(0, 2), (3, 4)]
