"""Words as the tagger's network reads them: ids of words, of pretrained vectors, and of characters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array

#: characters of a word that are read; of a longer word the first and the last half of as many
LONGEST_WORD = 24
_FIRST = 2  # the id of the first known word or character; 0 is padding, 1 unknown


class Words(NamedTuple):
    """Different words and what the network reads of each; row 0 is padding.

    ids : (N,) of the words that the network learns a vector for, 1 for others
    vectors : (N,) rows of the pretrained table, 1 for words without a vector
    characters : (N, L), 0 behind a word's end
    counts : (N,) how often a word is in the training texts, 0 for those without an id
    """

    ids: Array
    vectors: Array
    characters: Array
    counts: Array


class TaggingVocabulary:
    """The words, characters and labels of the training sentences, and the words that have a pretrained vector.

    words : how often each is in the training texts, lower case; those in `known` have an id
    known, characters, labels, pretrained : id by name
    """

    def __init__(
        self,
        words: dict[str, int],
        known: Sequence[str],
        characters: Sequence[str],
        labels: Sequence[str],
        pretrained: Sequence[str] = (),
    ) -> None:
        self.counts = words
        self.known = {word: i for i, word in enumerate(known, _FIRST)}
        self.characters = {character: i for i, character in enumerate(characters, _FIRST)}
        self.labels = list(labels)
        self.pretrained = {word: i for i, word in enumerate(pretrained, _FIRST)}

    @classmethod
    def learn(
        cls,
        sentences: Iterable[Sequence[str]],
        labels: Iterable[Sequence[str]],
        pretrained: Sequence[str] = (),
        *,
        size: int,
        rare: int,
    ) -> TaggingVocabulary:
        """From training sentences and their labels.

        size : the most words with an id; rare : words seen less often have none
        """
        counts: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(word.lower() for word in sentence)
            characters.update(character for word in sentence for character in word)
        known = [word for word, n in counts.most_common(size) if n >= rare]
        return cls(
            {word: counts[word] for word in known},
            known,
            sorted(character for character, n in characters.items() if n >= rare),
            sorted({label for row in labels for label in row}),
            pretrained,
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows of the tables of words, of characters and of pretrained vectors."""
        return len(self.known) + _FIRST, len(self.characters) + _FIRST, len(self.pretrained) + _FIRST

    def encode(self, sentences: Sequence[Sequence[str]]) -> tuple[Words, list[Array]]:
        """The different words of some sentences, and each sentence as rows of them, (T,) int32."""
        places: dict[str, int] = {}
        rows = [
            np.fromiter((places.setdefault(word, len(places) + 1) for word in sentence), np.int32, len(sentence))
            for sentence in sentences
        ]
        width = min(LONGEST_WORD, max(map(len, places), default=1))
        characters = np.zeros((len(places) + 1, width), np.int32)
        ids, vectors, counts = (np.zeros(len(places) + 1, np.int32) for _ in range(3))
        for word, row in places.items():
            lower = word.lower()
            ids[row] = self.known.get(lower, UNKNOWN)
            vectors[row] = self.pretrained.get(word) or self.pretrained.get(lower, UNKNOWN)
            counts[row] = self.counts.get(lower, 0)
            if len(word) > LONGEST_WORD:
                word = word[: LONGEST_WORD // 2] + word[-(LONGEST_WORD // 2) :]
            characters[row, : len(word)] = [self.characters.get(character, UNKNOWN) for character in word]
        return Words(ids, vectors, characters, counts), rows

    def to_json(self) -> str:
        """As JSON text."""
        found = {
            "words": self.counts,
            "characters": list(self.characters),
            "labels": self.labels,
            "pretrained": list(self.pretrained),
        }
        return json.dumps(found, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> TaggingVocabulary:
        """What :meth:`to_json` wrote.

        raises : ValueError where it is anything else
        """
        found: Any = json.loads(text)
        if not isinstance(found, dict) or not {"words", "characters", "labels", "pretrained"} <= set(found):
            raise ValueError("the vocabulary must hold words, characters, labels and pretrained")
        words = found["words"]
        if not isinstance(words, dict) or not all(type(n) is int and 0 < n < 2**31 for n in words.values()):
            raise ValueError("words must be counts by word, below 2**31")
        for name in ("characters", "labels", "pretrained"):
            items = found[name]
            if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
                raise ValueError(f"{name} must be a list of texts")
            if len(set(items)) != len(items):
                raise ValueError(f"{name} must be different ones")
        if not found["labels"]:
            raise ValueError("labels must not be empty")
        return cls(words, list(words), found["characters"], found["labels"], found["pretrained"])
