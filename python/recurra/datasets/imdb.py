"""IMDB: 25,000 + 25,000 film reviews as lists of word ids, positive (1) or negative (0), as Keras gives them.

The reviews are not part of this package: they are downloaded once from Keras's address, or read from a local path.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.datasets.npz import read_npz
from recurra.datasets.sources import locate
from recurra.datasets.word_ids import Documents, read_word_index

Array = NDArray[Any]
PathLike = str | os.PathLike[str]

_FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_REVIEWS = (_FOLDER + "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
_WORDS = (_FOLDER + "imdb_word_index.json", "bfafd718b763782e994055a2d397834f")
_MEMBERS = ("x_train", "y_train", "x_test", "y_test")


def load_data(
    path: PathLike = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The reviews, shuffled, with their labels.

    path : of a copy of Keras's imdb.npz; or the name under which the download is kept in the cache
    num_words : keep ids below it; the others become `oov_char`. None takes the largest id, which itself is then not
        kept, as in Keras.
    skip_top : ids below it become `oov_char` (`start_char` too, if it is one)
    maxlen : leave out reviews of `maxlen` ids or more, the start included. They are not cut.
    seed : of the two shuffles
    start_char : put before each review; None for nothing
    oov_char : what takes the place of ids that are not kept; None drops them
    index_from : added to every word's rank in the word index: the most frequent word has id ``1 + index_from``
    nb_words : older name of `num_words`

    returns : ``(x_train, y_train), (x_test, y_test)``; x are object arrays of lists of ints, y int64 arrays
    raises : ConnectionError without a network, saying which file to put where; ValueError where `maxlen` leaves
        nothing, or for a file of another kind
    """
    if "nb_words" in kwargs:
        warnings.warn("imdb.load_data: nb_words is now called num_words", stacklevel=2)
        num_words = kwargs.pop("nb_words")
    if kwargs:
        raise TypeError(f"imdb.load_data: unknown arguments {', '.join(kwargs)}")
    file = locate(path, *_REVIEWS)
    arrays = read_npz(file)
    missing = [member for member in _MEMBERS if member not in arrays]
    if missing:
        raise ValueError(f"{file} has no {', '.join(missing)}: it is not Keras's imdb.npz")
    random = np.random.RandomState(seed)
    parts = []
    for x, y in ((arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])):
        if len(x) != len(y):
            raise ValueError(f"{file} has {len(x)} reviews but {len(y)} labels")
        order = np.arange(len(x))
        random.shuffle(order)
        parts.append(Documents(x[order], y[order], start_char, index_from, maxlen))
    if any(not len(part.lengths) for part in parts):
        raise ValueError(f"maxlen={maxlen} leaves no review in train or in test: increase it")
    if not num_words:
        num_words = max(int(part.ids.max(initial=0)) for part in parts)
    train, test = (part.limited(skip_top, num_words, oov_char) for part in parts)
    return (train, parts[0].labels), (test, parts[1].labels)


def get_word_index(path: PathLike = "imdb_word_index.json") -> dict[str, int]:
    """The rank of each word, 1 for the most frequent.

    path : of a copy of Keras's imdb_word_index.json; or the name under which the download is kept in the cache

    The ranks are not yet shifted: the id of a word in :func:`load_data` is its rank plus `index_from` (3), with 0 for
    padding, 1 for the start and 2 for words that were left out.

    raises : ConnectionError without a network, ValueError for a file of another kind
    """
    return read_word_index(locate(path, *_WORDS), "imdb_word_index.json")
