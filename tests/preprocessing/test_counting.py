from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from recurra.preprocessing.counting import chunks, count_tokens


@given(st.lists(st.lists(st.sampled_from("abcdefg"))))
def test_counts_and_documents(documents: list[list[str]]) -> None:
    words, counts, spread = count_tokens(documents)
    total = Counter(word for document in documents for word in document)
    assert words == list(total)
    assert dict(zip(words, counts.tolist(), strict=True)) == total
    assert spread.tolist() == [sum(word in document for document in documents) for word in words]


def test_more_documents_than_are_looked_at_together() -> None:
    words, counts, spread = count_tokens([[str(k % 7), "x", "x"] for k in range(40_000)])
    assert words[:2] == ["0", "x"] and counts[1] == 80_000 and spread[1] == 40_000
    assert counts[[0, 2, 7]].tolist() == [5715, 5715, 5714]


def test_chunks() -> None:
    assert list(chunks(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
