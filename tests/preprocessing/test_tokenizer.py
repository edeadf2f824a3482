from __future__ import annotations

import json
import lzma
import os
import pickle
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.preprocessing import counting
from recurra.preprocessing.text import Tokenizer
from tests.support.keras_text import golden

REAL = os.environ.get("RECURRA_TEST_DATA")
WORDS = ["The", "the", "CAT", "cat.", "dog's", "it's", "É", "élan", "a", "b-c", "<unk>", "x\u00a0y", "z\r\tab", "日本"]
WORDS += ["ß", "\ud800", "--"]
settings = st.fixed_dictionaries(
    {
        "num_words": st.sampled_from([None, 0, 1, 2, 3, 6]),
        "lower": st.booleans(),
        "oov_token": st.sampled_from([None, "<unk>", "cat"]),
        "split": st.sampled_from([" ", "-", "--"]),
        "filters": st.sampled_from(["", ".-", "aé", "!\"'.-<>\t"]),
        "char_level": st.sampled_from([False, False, True]),
    }
)
text = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
texts = st.lists(text, max_size=6)


def fitted(arguments: dict[str, Any], *batches: list[Any]) -> Tokenizer:
    tokenizer = Tokenizer(**arguments)
    for batch in batches:
        tokenizer.fit_on_texts(batch)
    return tokenizer


@pytest.mark.parametrize("case", golden()["tokenizers"], ids=lambda case: str(case["arguments"]))
def test_everything_is_as_in_keras(case: dict[str, Any]) -> None:
    tokenizer = fitted(case["arguments"], [*golden()["texts"], golden()["tokens"]], golden()["texts"][:1])
    assert list(tokenizer.word_counts.items()) == [tuple(pair) for pair in case["word_counts"]]
    assert sorted(tokenizer.word_docs.items()) == [tuple(pair) for pair in case["word_docs"]]
    assert list(tokenizer.word_index.items()) == [tuple(pair) for pair in case["word_index"]]
    assert sorted(tokenizer.index_docs.items()) == [tuple(pair) for pair in case["index_docs"]]
    assert tokenizer.index_word == {index: word for word, index in case["word_index"]}
    assert tokenizer.document_count == case["document_count"]
    assert tokenizer.texts_to_sequences(golden()["queries"]) == case["sequences"]
    assert list(tokenizer.texts_to_sequences_generator(golden()["queries"])) == case["sequences"]
    assert tokenizer.sequences_to_texts(golden()["sequences"]) == case["texts"]
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(
            tokenizer.sequences_to_matrix(golden()["sequences"], mode), np.array(case[mode]), rtol=1e-14
        )


@pytest.mark.parametrize("case", golden()["tokenizers"], ids=lambda case: str(case["arguments"]))
def test_json_is_keras_s(case: dict[str, Any]) -> None:
    tokenizer = fitted(case["arguments"], [*golden()["texts"], golden()["tokens"]], golden()["texts"][:1])
    ours, theirs = json.loads(tokenizer.to_json()), json.loads(case["json"])
    for value in (ours, theirs):
        for name in ("word_counts", "word_docs", "index_docs", "word_index", "index_word"):
            value["config"][name] = json.loads(value["config"][name])
    assert ours == theirs


class Plain:
    """The Tokenizer's definition, a word at a time."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)
        self.counts: dict[str, int] = {}

    def tokens(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return [token.lower() for token in value] if self.lower else value
        value = value.lower() if self.lower else value
        if self.char_level:
            return list(value)
        for character in self.filters:
            value = value.replace(character, self.split) if character != self.split else value
        return [word for word in value.split(self.split) if word]

    def fit(self, values: list[Any]) -> None:
        for value in values:
            for word in self.tokens(value):
                self.counts[word] = self.counts.get(word, 0) + 1
        words = sorted(self.counts, key=lambda word: -self.counts[word])
        self.index = {word: k for k, word in enumerate(([self.oov_token] if self.oov_token else []) + words, 1)}

    def encode(self, value: Any) -> list[int]:
        ids = []
        for word in self.tokens(value):
            index = self.index.get(word)
            if index is None or (self.num_words and index >= self.num_words):
                index = self.index[self.oov_token] if self.oov_token else None
            ids += [index] if index is not None else []
        return ids


@given(arguments=settings, first=texts, more=texts, queries=texts)
def test_fitting_and_encoding_follow_the_definition(
    arguments: dict[str, Any], first: list[str], more: list[str], queries: list[str]
) -> None:
    if "-" in arguments["filters"] and arguments["split"] == "--":
        arguments["filters"] = "."  # `Plain` replaces one character after the other
    ours, plain = fitted(arguments, first, more), Plain(**arguments)
    plain.fit(first)
    plain.fit(more)
    assert list(ours.word_counts.items()) == list(plain.counts.items())
    assert ours.word_index == plain.index
    assert ours.texts_to_sequences(queries) == [plain.encode(query) for query in queries]


@given(arguments=settings, first=texts, queries=texts)
def test_many_texts_give_what_single_ones_give(arguments: dict[str, Any], first: list[str], queries: list[str]) -> None:
    tokenizer = fitted(arguments, first)
    many = (queries or [""]) * 70  # more than are looked up one by one
    assert tokenizer.texts_to_sequences(many) == list(tokenizer.texts_to_sequences_generator(many))


@given(first=texts, queries=texts, arguments=settings)
def test_the_kernels_give_what_python_gives(first: list[str], queries: list[str], arguments: dict[str, Any]) -> None:
    one_by_one = fitted(arguments, first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_BULK", 0)
        in_bulk = fitted(arguments, first)
        sequences = in_bulk.texts_to_sequences(queries)
    assert in_bulk.get_config() == one_by_one.get_config()
    assert dict(in_bulk.word_docs) == dict(one_by_one.word_docs)
    assert sequences == one_by_one.texts_to_sequences(queries)


def test_a_large_text_goes_through_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)
    words = [f"w{int(draw.paretovariate(0.9))}" for _ in range(40_000)]
    documents = [" ".join(words[start : start + 100]) for start in range(0, len(words), 100)]
    fast = fitted({"num_words": 50, "oov_token": "?"}, documents)
    sequences = fast.texts_to_sequences(documents)
    monkeypatch.setattr(counting, "compiled", lambda texts: None)
    slow = fitted({"num_words": 50, "oov_token": "?"}, documents)
    assert slow.get_config() == fast.get_config()
    assert slow.texts_to_sequences(documents) == sequences


@given(values=texts)
def test_words_survive_the_way_there_and_back(values: list[str]) -> None:
    tokenizer = fitted({}, values)
    back = tokenizer.sequences_to_texts(tokenizer.texts_to_sequences(values))
    assert back == [" ".join(tokenizer._tokens(value)) for value in values]


def test_num_words_keeps_one_less_and_does_not_cut_the_vocabulary() -> None:
    tokenizer = fitted({"num_words": 3}, ["a a a b b c"])
    assert tokenizer.word_index == {"a": 1, "b": 2, "c": 3}
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[1, 2]]
    tokenizer.num_words = None
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[1, 2, 3]]


def test_changes_of_the_dictionaries_count_at_once() -> None:
    tokenizer = fitted({}, ["a b"])
    tokenizer.word_index["<pad>"] = 0
    tokenizer.index_word[0] = "<pad>"
    assert tokenizer.texts_to_sequences(["<pad> a"]) == [[1]]  # < and > are filtered
    assert tokenizer.texts_to_sequences([["<pad>", "a"]] * 70)[0] == [0, 1]
    assert tokenizer.sequences_to_texts([[0, 1]]) == ["<pad> a"]


def test_a_text_that_holds_the_oov_token_moves_it_as_in_keras() -> None:
    tokenizer = fitted({"oov_token": "a"}, ["a b a"])
    assert tokenizer.word_index == {"a": 2, "b": 3}
    assert tokenizer.index_word == {2: "a", 3: "b"}
    assert tokenizer.texts_to_sequences(["z"]) == [[2]]


def test_any_callable_is_an_analyzer() -> None:
    def pipeline(value: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(text=word) for word in value.split("/")]

    tokenizer = fitted({"analyzer": pipeline}, ["New York/is/big", "New York/is"])
    assert tokenizer.word_index == {"New York": 1, "is": 2, "big": 3}  # not lower-cased, not filtered
    assert tokenizer.texts_to_sequences(["is/New York", ["NEW YORK"]]) == [[2, 1], []]
    assert fitted({"analyzer": str.split}, ["b a  b"]).word_index == {"b": 1, "a": 2}
    with pytest.raises(TypeError, match="analyzer must be a callable"):
        Tokenizer(analyzer="nltk")  # type: ignore[arg-type]


def test_texts_may_come_from_a_generator() -> None:
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(f"w{k % 3}" for k in range(10_000))
    assert tokenizer.document_count == 10_000
    assert dict(tokenizer.word_docs) == {"w0": 3334, "w1": 3333, "w2": 3333}


def test_fit_on_sequences_counts_documents() -> None:
    tokenizer = Tokenizer(num_words=5)
    tokenizer.fit_on_sequences([[1, 1, 3], np.array([3]), []])
    assert tokenizer.document_count == 3 and dict(tokenizer.index_docs) == {1: 1, 3: 2}
    matrix = tokenizer.sequences_to_matrix([[1, 1, 3]], "tfidf")
    expected = [0, (1 + np.log(2)) * np.log(1 + 3 / 2), 0, np.log(1 + 3 / 3), 0]
    np.testing.assert_allclose(matrix, [expected])


def test_arrays_are_sequences_too() -> None:
    tokenizer = fitted({"oov_token": "?"}, ["a b c"])
    assert tokenizer.sequences_to_texts(np.array([[2, 3], [4, 9]])) == ["a b", "c ?"]
    assert tokenizer.texts_to_matrix(["a a"], "count").tolist() == [[0, 0, 2, 0, 0]]


def test_a_tokenizer_can_be_pickled() -> None:
    tokenizer = fitted({"num_words": 3}, ["a b a"])
    again = pickle.loads(pickle.dumps(tokenizer))
    again.fit_on_texts(["c"])
    assert again.word_counts == {"a": 2, "b": 1, "c": 1} and again.num_words == 3


def test_one_string_is_many_texts_as_in_keras_but_warns() -> None:
    tokenizer = Tokenizer()
    with pytest.warns(UserWarning, match=r"takes its characters for texts: pass \[text\]"):
        tokenizer.fit_on_texts("ab a")
    assert tokenizer.document_count == 4 and tokenizer.word_counts == {"a": 2, "b": 1}
    characters = Tokenizer(char_level=True)
    characters.fit_on_texts("ab a")  # the usual way to number characters: no warning
    assert characters.word_index == {"a": 1, "b": 2, " ": 3}


def test_older_names() -> None:
    with pytest.warns(UserWarning, match="num_words"):
        assert Tokenizer(nb_words=7).num_words == 7
    assert Tokenizer(document_count=4).document_count == 4
    with pytest.raises(TypeError, match="unknown arguments vocab"):
        Tokenizer(vocab=3)


@pytest.mark.parametrize("num_words", [-1, 2.5, True, False])
def test_num_words_must_be_a_count(num_words: Any) -> None:
    with pytest.raises(ValueError, match="num_words must be an integer of at least 0 or None"):
        Tokenizer(num_words)


@pytest.mark.skipif(not REAL, reason="RECURRA_TEST_DATA does not say where the data sets are")
def test_real_reviews_get_the_ranks_that_keras_published() -> None:
    folder = Path(str(REAL), "imdb")
    with lzma.open(folder / "imdb_train.jsonl.xz", "rt", encoding="utf-8") as file:
        reviews = [json.loads(line)["text"] for line in file]
    tokenizer = fitted({"num_words": 10_000}, reviews)
    published = json.loads((folder / "imdb_word_index.json").read_text())
    ours = list(tokenizer.word_index)
    assert len(set(published) - set(ours)) < 50  # Keras's was made with ASCII's lower case alone
    assert ours[:100] == sorted(published, key=published.__getitem__)[:100]


def test_wrong_texts() -> None:
    tokenizer = Tokenizer()
    with pytest.raises(TypeError, match="texts must hold strings or lists of tokens, got bytes; decode it first"):
        tokenizer.fit_on_texts([b"a"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="got float"):
        tokenizer.fit_on_texts(["a", float("nan")])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="a list of tokens must hold strings, got 3"):
        tokenizer.texts_to_sequences([["a", 3]])  # type: ignore[list-item]
    assert tokenizer.document_count == 0  # nothing of a refused batch was counted
    with pytest.raises(ValueError, match="split must be a string of at least one character"):
        Tokenizer(split="")


def test_matrices_need_a_width_and_known_modes() -> None:
    with pytest.raises(ValueError, match="num_words must be given"):
        Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(ValueError, match="mode must be one of binary, count, freq, tfidf, got 'tf'"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "tf")
    with pytest.raises(ValueError, match="needs document counts"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf")
    with pytest.raises(ValueError, match="ids of at least 0, got -1"):
        Tokenizer(num_words=3).sequences_to_matrix([[-1]])
