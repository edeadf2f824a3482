"""Text to token ids and back, without loss: characters, or words with the spaces before them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from recurra.preprocessing.scripts import MARKS, UNSPACED
from recurra.preprocessing.text import Tokenizer, tokenizer_from_json

Array = np.ndarray[Any, Any]

START = 0
"""The id before the first token of a text."""
UNKNOWN = 1
"""The id of every token that is not in the vocabulary."""

LEVELS = ("char", "word")
_PIECE = 1 << 16

# Letters (with inner apostrophes), digits or a run of one punctuation mark, each with the space before it; other
# white space by itself. Every character belongs to exactly one token, so joining the tokens gives the text back.
_WORD = re.compile(r" ?[^\W\d_]+(?:['\u2019][^\W\d_]+)*| ?\d+| ?([^\w\s]|_)\1*|\n+|\s")
# The same for all scripts: letters with their marks; an ideograph or kana is a word
_LETTERS = rf"[^\W\d_{UNSPACED}]+(?:[{MARKS}]+[^\W\d_{UNSPACED}]*)*"
_ANY_WORD = re.compile(rf" ?{_LETTERS}(?:['\u2019]{_LETTERS})*| ?[{UNSPACED}]| ?\d+| ?([^\w\s]|_)\1*|\n+|\s")


def split_text(text: str, level: str) -> list[str]:
    r"""The tokens of `text`; ``"".join`` of them is the text again.

    level : "char" or "word"; a word keeps the space before it and the marks of its letters; punctuation, line ends and
        the ideographs and kana of scripts without spaces are tokens of their own

        >>> split_text("Well, don't go.\n", "word")
        ['Well', ',', " don't", ' go', '.', '\n']
    """
    if level == "char":
        return list(text)
    pattern = _WORD if text.isascii() else _ANY_WORD
    return [match.group() for match in pattern.finditer(text)]


def _codes(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


class Vocabulary:
    """The tokens that a language model knows, with their ids.

    Id 0 marks the start of a text, id 1 stands for every unknown token, the others follow from 2 by falling frequency.

    text : what to learn the tokens from
    level : "char" or "word"
    size : the most ids to use, 0 and 1 included, or None for every token in the text; rarer tokens become unknown
    """

    def __init__(self, text: str, level: str = "char", size: int | None = None) -> None:
        if level not in LEVELS:
            raise ValueError(f"level must be 'char' or 'word', got {level!r}")
        if size is not None and size < 3:
            raise ValueError(f"vocabulary size must be >= 3 (start, unknown, and a token), got {size}")
        if not text:
            raise ValueError("text must not be empty: there is nothing to learn a vocabulary from")
        self.level = level
        self._tokenizer = Tokenizer(num_words=size, filters="", lower=False, oov_token="<unknown>")
        pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE)) if level == "char" else (text,)
        self._tokenizer.fit_on_texts(split_text(piece, level) for piece in pieces)
        self._index()

    def _index(self) -> None:
        limit = self._tokenizer.num_words
        known = {word: i for word, i in self._tokenizer.word_index.items() if limit is None or i < limit}
        known.pop("<unknown>", None)
        self._ids: dict[str, int] = known
        self._tokens = ["", "", *known]  # the index is in the order of the ids
        self._codes = np.array([], np.uint32)
        if self.level == "char" and known:
            codes, ids = _codes("".join(known)), np.fromiter(known.values(), np.int32)
            order = np.argsort(codes)
            self._codes, self._code_ids = codes[order], ids[order]

    def __len__(self) -> int:
        return len(self._tokens)

    def encode(self, text: str) -> Array:
        """The ids of the text's tokens, (N,) int32; unknown ones are 1."""
        if len(self._codes):
            found = np.empty(len(text), np.int32)
            for start in range(0, len(text), _PIECE):  # what is made on the way takes ten times as much memory
                codes = _codes(text[start : start + _PIECE])
                at = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
                known = self._codes[at] == codes
                found[start : start + len(codes)] = np.where(known, self._code_ids[at], np.int32(UNKNOWN))
            return found
        get = self._ids.get
        tokens = split_text(text, self.level)
        return np.fromiter((get(token, UNKNOWN) for token in tokens), dtype=np.int32, count=len(tokens))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids; start and unknown have none."""
        tokens = self._tokens
        chosen = [int(i) for i in ids]
        if chosen and (min(chosen) < 0 or max(chosen) >= len(tokens)):
            raise ValueError(f"ids must be in [0, {len(tokens)}), got {min(chosen)} to {max(chosen)}")
        return "".join([tokens[i] for i in chosen])

    def unknown(self, text: str) -> list[str]:
        """The distinct tokens of `text` that are not in the vocabulary, in order of appearance."""
        tokens = dict.fromkeys(text if self.level == "char" else split_text(text, self.level))
        return [token for token in tokens if token not in self._ids]

    def to_json(self) -> str:
        return str(self._tokenizer.to_json())

    @classmethod
    def from_json(cls, text: str, level: str) -> Vocabulary:
        vocabulary = cls.__new__(cls)
        vocabulary.level = level
        vocabulary._tokenizer = tokenizer_from_json(text)
        if level == "char" and any(
            len(token) != 1 for token in vocabulary._tokenizer.word_index if token != "<unknown>"
        ):
            raise ValueError("the tokens of a vocabulary of characters must be single characters")
        vocabulary._index()
        if list(vocabulary._ids.values()) != list(range(UNKNOWN + 1, len(vocabulary))):
            raise ValueError(f"the ids of a vocabulary's tokens must be {UNKNOWN + 1}, {UNKNOWN + 2}, ... in order")
        return vocabulary
