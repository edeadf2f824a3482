"""Words counted and numbered: every implementation against plain definitions."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

texts = st.lists(st.text(st.sampled_from(" ,-aAbé日\u00a0\ud800\0")), max_size=6)
separators = st.text(st.sampled_from(" ,-]^\\\0a"), max_size=4)


def words_of(text: str, separators: str) -> list[str]:
    for separator in separators:
        text = text.replace(separator, "\uffff")
    return [word for word in text.split("\uffff") if word]


@given(texts=texts, separators=separators)
def test_words_are_counted(core: ModuleType, texts: list[str], separators: str) -> None:
    words, times, documents = core.tokenize_count(texts, separators)
    expected: dict[str, list[int]] = {}
    for text in texts:
        found = words_of(text, separators)
        for word in found:
            expected.setdefault(word, [0, 0])[0] += 1
        for word in set(found):
            expected[word][1] += 1
    assert words == list(expected)
    assert times.dtype == documents.dtype == np.int64
    assert [list(pair) for pair in zip(times.tolist(), documents.tolist(), strict=True)] == list(expected.values())


@given(
    texts=texts,
    separators=separators,
    unknown=st.sampled_from([-1, 0, 7]),
    known=st.sets(st.text("aAbé日", min_size=1)),
)
def test_words_are_numbered(core: ModuleType, texts: list[str], separators: str, unknown: int, known: set[str]) -> None:
    words = sorted(known)
    ids = np.arange(len(words), dtype=np.int32)[::-1] * 3 - 3  # one of them negative: left out
    flat, ends = core.tokenize_encode(texts, separators, words, ids.copy(), unknown)
    assert flat.dtype == np.int32 and ends.dtype == np.int64
    table = dict(zip(words, ids.tolist(), strict=True))
    start = 0
    assert len(ends) == len(texts)
    for text, end in zip(texts, ends.tolist(), strict=True):
        found = [table.get(word, unknown) for word in words_of(text, separators)]
        assert flat[start:end].tolist() == [index for index in found if index >= 0]
        start = end
    assert start == len(flat)


def test_many_words_of_many_lengths(core: ModuleType) -> None:
    draw = np.random.default_rng(3)
    pool = [("ab" * 20)[: k % 23] + str(k) for k in range(5000)]
    chosen = [[pool[k] for k in draw.integers(0, len(pool), 400)] for _ in range(50)]
    texts = [" ".join(words) for words in chosen]
    words, times, documents = core.tokenize_count(texts, " ")
    everything = [word for document in chosen for word in document]
    assert words == list(dict.fromkeys(everything))
    assert times.tolist() == [everything.count(word) for word in words[:100]] + times[100:].tolist()
    assert times.sum() == len(everything) and documents.sum() == sum(len(set(document)) for document in chosen)
    ids = draw.permutation(len(words)).astype(np.int32)
    flat, ends = core.tokenize_encode(texts, " ", words, ids, -1)
    table = dict(zip(words, ids.tolist(), strict=True))
    assert flat.tolist() == [table[word] for word in everything]
    assert ends.tolist() == list(range(400, 20_001, 400))


IDS = np.zeros(1, np.int32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((("a",), " ", ["a"], IDS, 0), TypeError, "texts must be a list of strings, got tuple"),
        (([b"a"], " ", ["a"], IDS, 0), TypeError, "texts must be a list of strings, got an element of type bytes"),
        ((["a"], 3, ["a"], IDS, 0), TypeError, "separators must be a string, got int"),
        ((["a"], "é", ["a"], IDS, 0), ValueError, "separators must be ASCII characters"),
        ((["a"], " ", ["a", "b"], IDS, 0), ValueError, r"ids must have shape (W,) = (2,), got (1,)"),
        ((["a"], " ", ["a"], IDS.astype("int64"), 0), TypeError, "ids must be int32, got int64"),
        ((["a"], " ", ["a", "a"], np.zeros(2, np.int32), 0), ValueError, "words must be distinct"),
        (
            (["a"], " ", ["a", 3], np.zeros(2, np.int32), 0),
            TypeError,
            "words must be a list of strings, got an element",
        ),
        ((["a"], " ", ["a"], IDS, -2), ValueError, "unknown must be an integer in [-1, 2147483647], got -2"),
    ],
)
def test_wrong_arguments(core: ModuleType, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        core.tokenize_encode(*arguments)
    if "texts" in message or "separators" in message:
        with pytest.raises(error, match=re.escape(message)):
            core.tokenize_count(*arguments[:2])
