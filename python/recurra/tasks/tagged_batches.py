"""Sentences and their labels as batches of nearly equal lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from recurra.preprocessing.sequence import pad_sequences
from recurra.tasks.buckets import LengthBatches
from recurra.tasks.tagging_vocabulary import Words
from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array


def batch_size_for(sentences: int) -> int:
    """The batch size where none is given: 32, or less for so few sentences that an epoch would have under 50 steps."""
    return max(2, min(32, sentences // 50))


class TaggedBatches:
    """Batches of what :func:`recurra.tasks.tagging_network.tagging_network` takes, with the labels.

    words, rows : the different words, and the sentences as rows of them; none empty
    labels : for each sentence (T,) label ids, or None for batches without
    batch_size, shuffle, seed : see :class:`recurra.tasks.buckets.LengthBatches`
    word_dropout : a in ``a / (a + count)``, the probability that a word is read as an unknown one; of every second
        such word the pretrained vector is left out as well
    pretrained, characters : whether the network takes them

    Labels are padded with 0; the network's mask says which count.
    """

    def __init__(
        self,
        words: Words,
        rows: Sequence[Array],
        labels: Sequence[Array] | None,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        word_dropout: float = 0.0,
        pretrained: bool = True,
        characters: bool = True,
    ) -> None:
        self.words, self.labels, self.word_dropout = words, labels, word_dropout
        self.pretrained, self.characters = pretrained, characters
        self.batches = LengthBatches(cast(Any, rows), np.arange(len(rows)), batch_size, shuffle=shuffle, seed=seed)

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def tokens(self) -> int:
        """How many words one pass reads."""
        return self.batches.tokens

    def state_dict(self) -> dict[str, int]:
        """What the next pass depends on."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Make the next pass the one that :meth:`state_dict` was asked before."""
        self.batches.load_state_dict(state)

    def __iter__(self) -> Iterator[Any]:
        for inputs, sentences in self.with_numbers():
            if self.labels is None:
                yield inputs
            else:
                yield inputs, pad_sequences([self.labels[i] for i in sentences], padding="post")

    def with_numbers(self) -> Iterator[tuple[list[Array], Array]]:
        """What the network takes, and which sentences it is, batch by batch."""
        rng = np.random.default_rng([self.batches.seed, self.batches.passes, 1])
        for rows, sentences in self.batches:
            yield self._inputs(rows, rng), sentences

    def _inputs(self, rows: Array, rng: np.random.Generator) -> list[Array]:
        words = self.words
        ids, vectors = words.ids[rows], words.vectors[rows]
        if self.word_dropout:
            drawn = rng.random(rows.shape)
            rate = self.word_dropout / (self.word_dropout + words.counts[rows])
            there = rows > 0
            ids[there & (drawn < rate)] = UNKNOWN
            vectors[there & (drawn < rate / 2)] = UNKNOWN
        inputs = [ids]
        if self.pretrained:
            inputs.append(vectors)
        if self.characters:
            spelled = words.characters[rows]
            inputs.append(np.ascontiguousarray(spelled[..., : max(1, int((spelled > 0).any((0, 1)).sum()))]))
        return inputs
