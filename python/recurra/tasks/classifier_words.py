"""How a classifier reads texts: ids of their words, where each stands, and ids of neighbouring pairs of words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from recurra.preprocessing.scripts import UNSPACED, holds_run, runs_on, spread
from recurra.preprocessing.text import Tokenizer, tokenizer_from_json
from recurra.preprocessing.words import DEFAULT_FILTERS
from recurra.tasks.vocabulary import LEVELS, UNKNOWN, Vocabulary, split_text
from recurra.typing import Array

Span = tuple[int, int]

_WORD = re.compile(f"[^ {re.escape(DEFAULT_FILTERS)}]+")
_CHARACTER_OR_WORD = re.compile(f"[{UNSPACED}]|[^ {re.escape(DEFAULT_FILTERS)}{UNSPACED}]+")


class Reader(Protocol):
    """Texts to ids from 1, of which 1 stands for every unknown token."""

    def __len__(self) -> int:
        """One more than the largest id."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text's tokens; a text may have none."""
        ...

    def spans(self, text: str) -> list[Span]:
        """Where each token begins and ends in `text`."""
        ...

    def to_json(self) -> str: ...


class WordReader:
    """Lower-cased words without punctuation; of Chinese and Japanese that no spaces cut into words, each character.

    size : the most ids to use, padding and unknown included
    texts : what to learn the words from
    """

    def __init__(self, size: int, texts: Sequence[str]) -> None:
        self.tokenizer = Tokenizer(num_words=size, oov_token="<unknown>")
        self.tokenizer.fit_on_texts(map(spread, texts) if runs_on(texts) else texts)
        self._spread = not any(map(holds_run, self.tokenizer.word_index))

    def __len__(self) -> int:
        assert self.tokenizer.num_words is not None
        return min(self.tokenizer.num_words, len(self.tokenizer.word_index) + 1)

    @property
    def words(self) -> dict[str, int]:
        """The ids of the words that have one of their own."""
        return {word: i for word, i in self.tokenizer.word_index.items() if UNKNOWN < i < len(self)}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self.tokenizer.texts_to_sequences([spread(text) for text in texts] if self._spread else texts)

    def spans(self, text: str) -> list[Span]:
        pattern = _CHARACTER_OR_WORD if self._spread else _WORD
        return [match.span() for match in pattern.finditer(text)]

    def to_json(self) -> str:
        return str(self.tokenizer.to_json())

    @classmethod
    def from_json(cls, text: str, size: int) -> WordReader:
        """What :meth:`to_json` wrote of a reader of this size."""
        reader = cls.__new__(cls)
        reader.tokenizer = tokenizer_from_json(text)
        ids = sorted(reader.tokenizer.word_index.values())
        if ids != list(range(1, len(ids) + 1)) or reader.tokenizer.num_words != size:
            raise ValueError("the words' ids must be 1, 2, ..., and num_words the vocabulary_size")
        reader._spread = not any(map(holds_run, reader.tokenizer.word_index))
        return reader


class LanguageReader:
    """The tokens of a language model of words or characters."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.vocabulary.encode(text).tolist() for text in texts]

    def spans(self, text: str) -> list[Span]:
        ends = np.cumsum([0, *map(len, split_text(text, self.vocabulary.level))]).tolist()
        return list(pairwise(ends))

    def to_json(self) -> str:
        return self.vocabulary.to_json()

    @classmethod
    def from_json(cls, text: str, level: str) -> LanguageReader:
        """What :meth:`to_json` wrote of a reader of this level, "char" or "word"."""
        if level not in LEVELS:
            raise ValueError(f"the level must be 'char' or 'word', got {level!r}")
        return cls(Vocabulary.from_json(text, level))


class WordPairs:
    """The pairs of neighbouring tokens that occur in at least `least` texts, with ids from 2 by falling frequency.

    A text of T tokens has T pairs, the first of which is unknown: the t-th is of the tokens t - 1 and t. Id 1 stands
    for every unknown pair, 0 for padding.

    sequences : token ids of the texts to learn from
    most : the most pairs to keep
    """

    def __init__(self, sequences: Sequence[Any], most: int, least: int = 3) -> None:
        keys = [np.unique(self._keys(np.asarray(ids, np.int64))) for ids in sequences]
        found, counts = np.unique(np.concatenate(keys), return_counts=True)
        found, counts = found[counts >= least], counts[counts >= least]
        self._set(found[np.argsort(-counts, kind="stable")[:most]])

    def _set(self, keys: Array) -> None:
        """Keep the pairs, in the order of their ids, each as first token · 2³¹ + second."""
        self._by_id = keys
        self._order = np.argsort(keys)
        self._sorted = keys[self._order]

    @staticmethod
    def _keys(ids: Array) -> Array:
        return (ids[..., :-1] << 31) + ids[..., 1:]

    def __len__(self) -> int:
        return len(self._by_id) + 2

    def encode(self, ids: Array) -> Array:
        """The ids of the pairs, (B, T) int32, of token ids (B, T) with zeros for padding at the end."""
        found = (ids > 0).astype(np.int32)
        if len(self._sorted) and ids.shape[1] > 1:
            keys = self._keys(ids.astype(np.int64))
            at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
            known = (self._sorted[at] == keys) & (ids[:, 1:] > 0)
            found[:, 1:] = np.where(known, self._order[at] + 2, found[:, 1:])
        return found

    def to_list(self) -> list[int]:
        """The pairs in the order of their ids, as numbers: tokens a, b, a, b, ..."""
        both: list[int] = np.stack([self._by_id >> 31, self._by_id & (2**31 - 1)], axis=1).ravel().tolist()
        return both

    @classmethod
    def from_list(cls, numbers: Any) -> WordPairs:
        """What :meth:`to_list` gave."""
        small = isinstance(numbers, list) and all(type(n) is int and 0 < n < 2**31 for n in numbers)
        if not small or len(numbers) % 2:
            raise ValueError("pairs must be a list of token ids, two for each pair")
        pairs = cls.__new__(cls)
        both = np.array(numbers, np.int64).reshape(-1, 2)
        keys = (both[:, 0] << 31) + both[:, 1]
        if len(np.unique(keys)) != len(keys):
            raise ValueError("pairs must be different ones")
        pairs._set(keys)
        return pairs


def readings_to_json(reader: Reader, pairs: WordPairs | None) -> str:
    """What a classifier's file keeps of how it reads."""
    text = reader.to_json()
    if pairs is None:
        return text
    return json.dumps({"tokens": text, "pairs": pairs.to_list()}, ensure_ascii=False)


def readings_from_json(text: str, paired: bool) -> tuple[str, WordPairs | None]:
    """The JSON of the reader, and the pairs where there are any."""
    if not paired:
        return text, None
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("tokens"), str):
        raise ValueError("the vocabulary must hold tokens and pairs")
    return found["tokens"], WordPairs.from_list(found.get("pairs"))
