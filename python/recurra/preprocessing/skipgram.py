"""Pairs of words that occur near each other, for training word vectors: :func:`skipgrams`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_EULER = 0.577  # the digits that word2vec's table in Keras uses


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> Array:
    """How likely the word of each rank is to be kept, so that frequent words do not swamp the others.

    Word frequencies are taken to follow Zipf's law: with ``1/f(r) = r (ln r + 0.577) + 1/2 - 1/(12 r)`` and
    ``q = sampling_factor / f(r)`` the word of rank r is kept with probability ``min(1, sqrt(q))``.

    size : number of ranks; rank 0, which is no word, gets the value of rank 1
    returns : (size,) float64

    >>> make_sampling_table(4).round(6)
    array([0.003152, 0.003152, 0.005476, 0.007416])
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if not sampling_factor > 0:
        raise ValueError(f"sampling_factor must be positive, got {sampling_factor!r}")
    rank = np.arange(size)
    rank[0] = 1
    inverse = rank * (np.log(rank) + _EULER) + 0.5 - 1.0 / (12.0 * rank)
    q = sampling_factor * inverse
    return np.asarray(np.minimum(1.0, q / np.sqrt(q)))


def skipgrams(
    sequence: Sequence[int] | Array,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | Array | None = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs (word, neighbour) labelled 1, and pairs (word, random word) labelled 0.

    sequence : word ids; id 0 is no word and is skipped
    vocabulary_size : number of ids; random words are drawn evenly from 1 to ``vocabulary_size - 1``
    window_size : how many places to the left and right count as near
    negative_samples : random pairs for each true pair; ``int(pairs * negative_samples)`` are made
    shuffle : whether to shuffle pairs and labels (together)
    categorical : labels ``[0, 1]`` and ``[1, 0]`` in place of 1 and 0
    sampling_table : probability of keeping a word as the centre, by id; see :func:`make_sampling_table`
    seed : of the shuffle, None for a random one

    returns : couples (list of ``[word, other]``) and labels (list)

    As in Keras all random numbers come from Python's `random`, and with `shuffle` the module is seeded anew with
    `seed`: the same program gives the same pairs there and here.

    >>> couples, labels = skipgrams([5, 0, 7], vocabulary_size=9, negative_samples=0, shuffle=False)
    >>> couples, labels
    ([[5, 7], [7, 5]], [1, 1])
    """
    if window_size < 0:
        raise ValueError(f"window_size must be at least 0, got {window_size}")
    if negative_samples > 0 and vocabulary_size < 2:
        raise ValueError(f"vocabulary_size must be at least 2 to draw random words, got {vocabulary_size}")
    ids = sequence.tolist() if isinstance(sequence, np.ndarray) else list(sequence)
    couples: list[list[int]] = []
    for place, word in enumerate(ids):
        if not word:
            continue
        if sampling_table is not None and sampling_table[word] < random.random():
            continue
        near = ids[max(0, place - window_size) : place] + ids[place + 1 : place + window_size + 1]
        couples.extend([word, other] for other in near if other)
    yes: Any = [0, 1] if categorical else 1
    no: Any = [1, 0] if categorical else 0
    labels = [_fresh(yes) for _ in couples]
    if negative_samples > 0:
        count = int(len(couples) * negative_samples)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [_fresh(no) for _ in range(count)]
    if shuffle:
        if seed is None:
            seed = random.randint(0, 10_000_000)
        random.seed(seed)
        random.shuffle(couples)
        random.seed(seed)
        random.shuffle(labels)
    return couples, labels


def _fresh(label: Any) -> Any:
    return list(label) if isinstance(label, list) else label
