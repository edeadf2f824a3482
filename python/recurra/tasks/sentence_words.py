"""Sentences to ids of words and punctuation and back: each side of a translation has its own vocabulary."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from recurra.preprocessing.scripts import MARKS, UNSPACED
from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array

LEVELS = ("word", "char", "subword")

_JOINED = "\u2060"  # at the end of a token: the next word follows without a space
_SPACES = " \u00a0\u202f"
_LEAST = 5  # what is rarer stays in parts, else few pairs would make a subword of every word
# Letters with their marks; an ideograph or kana is a word
_WORD = rf"[^\W\d_{UNSPACED}]+(?:[{MARKS}]+[^\W\d_{UNSPACED}]*)*"
# An article or pronoun that lost its vowel (l', qu'); a word with inner apostrophes, or what a hyphen joins to the word
# before; digits; a run of one mark with the space before it, of which French has several kinds
_TOKEN = re.compile(
    rf"(?i:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['\u2019](?=[^\W\d_])|[{UNSPACED}]|"
    rf"-?{_WORD}(?:['\u2019]{_WORD})*|\d+|[{_SPACES}]?([^\w\s]|_)\1*"
)


def split_sentence(text: str) -> list[str]:
    r"""The words and marks of a sentence; :func:`join_sentence` of them is the sentence with single spaces.

    A token that the next word follows without a space ends in U+2060; a mark keeps the space before it.

        >>> [token.replace("\u2060", "+") for token in split_sentence("L'ami dit-il vrai ? It's 3.5.")]
        ["L'+", 'ami', 'dit', '-il', 'vrai', ' ?', "It's", '3', '.+', '5', '.']
    """
    text = re.sub(rf"[^\S{_SPACES[1:]}]+", " ", text).strip()
    tokens = []
    for match in _TOKEN.finditer(text):
        following = text[match.end() : match.end() + 1]
        tokens.append(match.group() + (_JOINED if following.isalnum() else ""))
    return tokens


def join_sentence(tokens: Iterable[str]) -> str:
    """The text of tokens that :func:`split_sentence` made."""
    pieces: list[str] = []
    joined = True
    for token in tokens:
        if not joined and token[:1].isalnum():
            pieces.append(" ")
        joined = token.endswith(_JOINED)
        pieces.append(token.removesuffix(_JOINED))
    return "".join(pieces).strip()


class SentenceWords:
    """The words and marks of one language, with their ids.

    Id 0 is padding, id 1 every unknown word; the others follow from 2 by falling frequency.

    texts : sentences to learn the words from
    size : the most ids to use, 0 and 1 included

    >>> words = SentenceWords(["To be, or not to be!"], 10)
    >>> words.decode(words.encode("not to be, or be!"))
    'not to be, or be!'
    """

    level = "word"

    def __init__(self, texts: Iterable[str], size: int) -> None:
        if size < 3:
            raise ValueError(f"vocabulary size must be >= 3 (padding, unknown, and a word), got {size}")
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split_sentence(text))
        self._learn([token for token, _ in counts.most_common(size - 2)])

    def _learn(self, tokens: Sequence[str]) -> None:
        if not tokens:
            raise ValueError("texts must hold at least one word: there is nothing to learn a vocabulary from")
        self._tokens = ["", "", *tokens]
        self._ids = {token: i + 2 for i, token in enumerate(tokens)}

    def __len__(self) -> int:
        return len(self._tokens)

    def encode(self, text: str) -> Array:
        """The ids of the sentence's tokens, (N,) int32; unknown ones are 1."""
        tokens, get = split_sentence(text), self._ids.get
        return np.fromiter((get(token, UNKNOWN) for token in tokens), dtype=np.int32, count=len(tokens))

    def decode(self, ids: Iterable[int], unknown: Sequence[str] = ()) -> str:
        """The sentence of these ids.

        unknown : the tokens in place of unknown ids, in order; those beyond its end have no text
        """
        left, tokens = iter(unknown), self._tokens
        chosen = [int(i) for i in ids]
        if chosen and (min(chosen) < 0 or max(chosen) >= len(tokens)):
            raise ValueError(f"ids must be in [0, {len(tokens)}), got {min(chosen)} to {max(chosen)}")
        return join_sentence(next(left, "") if i == UNKNOWN else tokens[i] for i in chosen if i)

    def to_json(self) -> str:
        return json.dumps(self._tokens[2:], ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SentenceWords:
        tokens = json.loads(text)
        if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
            raise ValueError("a vocabulary of words must be a list of words")
        if len(set(tokens)) != len(tokens):
            raise ValueError("the words of a vocabulary must be different ones")
        vocabulary = cls.__new__(cls)
        vocabulary._learn(tokens)
        return vocabulary


def learn_sentences(texts: Sequence[str], level: str, size: int) -> Any:
    """A vocabulary of `texts`: words, characters, or subwords (extra ``recurra[tokenizers]``)."""
    from recurra.tasks.subwords import Subwords
    from recurra.tasks.vocabulary import Vocabulary

    if level == "word":
        return SentenceWords(texts, size)
    if level == "char":
        return Vocabulary("".join(texts), "char", size)
    return Subwords("\n".join(texts), size, least=_LEAST)


def sentences_from_json(text: str, level: str) -> Any:
    """What ``to_json`` of a vocabulary of that level wrote."""
    from recurra.tasks.subwords import Subwords
    from recurra.tasks.vocabulary import Vocabulary

    if level == "word":
        return SentenceWords.from_json(text)
    return Vocabulary.from_json(text, "char") if level == "char" else Subwords.from_json(text)
