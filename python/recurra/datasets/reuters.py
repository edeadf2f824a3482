"""Reuters: 11,228 newswires as lists of word ids, each of one of 46 topics, as Keras gives them.

They are not part of this package: they are downloaded once from Keras's address, or read from a local path.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.datasets.npz import read_npz
from recurra.datasets.sources import KERAS, check_split, locate
from recurra.datasets.word_ids import Documents, read_word_index

Array = NDArray[Any]
PathLike = str | os.PathLike[str]

_WIRES = (KERAS + "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916")
_WORDS = (KERAS + "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921")
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: PathLike = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The newswires, shuffled, with their topics.

    path : of a copy of Keras's reuters.npz; or the name under which the download is kept in the cache
    test_split : the share that is for testing
    num_words, skip_top, maxlen, seed, start_char, oov_char, index_from : as for ``imdb.load_data``

    returns : ``(x_train, y_train), (x_test, y_test)``; x are object arrays of lists of ints, y int64 arrays
    raises : ConnectionError without a network, saying which file to put where; ValueError where `maxlen` leaves
        nothing, or for a file of another kind
    """
    check_split(test_split)
    file = locate(path, *_WIRES)
    arrays = read_npz(file)
    if "x" not in arrays or "y" not in arrays or len(arrays["x"]) != len(arrays["y"]):
        raise ValueError(f"{file} is not Keras's reuters.npz: it must hold x and y of one length")
    order = np.arange(len(arrays["x"]))
    np.random.RandomState(seed).shuffle(order)
    wires = Documents(arrays["x"][order], arrays["y"][order], start_char, index_from, maxlen)
    if not len(wires.lengths):
        raise ValueError(f"maxlen={maxlen} leaves no newswire: increase it")
    x = wires.limited(skip_top, num_words or int(wires.ids.max(initial=0)), oov_char)
    first = int(len(x) * (1 - test_split))
    return (x[:first], wires.labels[:first]), (x[first:], wires.labels[first:])


def get_word_index(path: PathLike = "reuters_word_index.json") -> dict[str, int]:
    """The rank of each word, 1 for the most frequent. Its id in :func:`load_data` is the rank plus `index_from` (3).

    path : of a copy of Keras's reuters_word_index.json; or the name under which the download is kept in the cache
    raises : ConnectionError without a network, ValueError for a file of another kind
    """
    return read_word_index(locate(path, *_WORDS), "reuters_word_index.json")


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, in the order of their numbers."""
    return tuple(_TOPICS.split())
