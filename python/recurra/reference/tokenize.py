"""Words of texts, counted and numbered. A word is a longest run of characters without a separator."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]


def tokenize_count(texts: list[str], separators: str) -> tuple[list[str], Array, Array]:
    """The distinct words in order of first appearance, how often each occurs (int64), and in how many texts (int64)."""
    pattern = _pattern(separators)
    times: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for text in _strings("texts", texts):
        words = pattern.findall(text)
        times.update(words)
        documents.update(set(words))
    words = list(times)
    return words, np.array([times[w] for w in words], np.int64), np.array([documents[w] for w in words], np.int64)


def tokenize_encode(
    texts: list[str], separators: str, words: list[str], ids: Array, unknown: int
) -> tuple[Array, Array]:
    """``ids[k]`` for each occurrence of ``words[k]``, `unknown` for other words; nothing where that is negative.

    Returns one int32 array for all texts, and where each text ends in it (int64).
    """
    pattern = _pattern(separators)
    _strings("texts", texts)
    checks.shaped("ids", checks.typed("ids", ids, np.int32), "(W,)", (len(_strings("words", words)),))
    unknown = checks.integer("unknown", unknown, -1, 2**31 - 1)
    numbers = dict(zip(words, ids.tolist(), strict=True))
    if len(numbers) != len(words):
        raise ValueError("words must be distinct")
    flat: list[int] = []
    ends = np.zeros(len(texts), np.int64)
    for k, text in enumerate(texts):
        found = [numbers.get(word, unknown) for word in pattern.findall(text)]
        flat.extend(index for index in found if index >= 0)
        ends[k] = len(flat)
    return np.array(flat, np.int32), ends


def _pattern(separators: str) -> re.Pattern[str]:
    if not isinstance(separators, str):
        raise TypeError(f"separators must be a string, got {type(separators).__name__}")
    if not separators.isascii():
        raise ValueError("separators must be ASCII characters")
    return re.compile(f"[^{re.escape(separators)}]+" if separators else "(?s:.)+")


def _strings(name: str, values: Any) -> list[str]:
    if not isinstance(values, list):
        raise TypeError(f"{name} must be a list of strings, got {type(values).__name__}")
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a list of strings, got an element of type {type(value).__name__}")
    return values
