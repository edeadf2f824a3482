"""What Keras's text data sets share: lists of word ids, cut by frequency, and the word index."""

from __future__ import annotations

import json

import numpy as np

from recurra.typing import Array


class Documents:
    """Texts as word ids: all ids in one array, and the length of each text.

    x : lists of ranks;  y : their labels
    start : put before each text, if not None;  index_from : added to each rank
    maxlen : texts of so many ids or more are left out
    """

    def __init__(self, x: Array, y: Array, start: int | None, index_from: int, maxlen: int | None) -> None:
        lead = [] if start is None else [start]
        lengths = np.fromiter(map(len, x), np.int64, len(x)) + len(lead)
        kept = lengths < maxlen if maxlen else np.ones(len(x), bool)
        self.lengths, self.labels = lengths[kept], y[kept]
        self.ids = np.zeros(int(self.lengths.sum()), np.int64)
        end = 0
        for text in x[kept]:
            begin = end + len(lead)
            self.ids[end:begin] = lead
            end = begin + len(text)
            self.ids[begin:end] = text
            self.ids[begin:end] += index_from

    def limited(self, skip_top: int, num_words: int, oov: int | None) -> Array:
        """The texts as lists, with ids outside [skip_top, num_words) replaced or dropped."""
        keep = (self.ids >= skip_top) & (self.ids < num_words)
        if oov is not None:
            ids, ends = np.where(keep, self.ids, oov), np.cumsum(self.lengths)
        else:
            ids, ends = self.ids[keep], np.concatenate([[0], np.cumsum(keep)])[np.cumsum(self.lengths)]
        rows = np.empty(len(ends), object)
        begin = 0
        for row, end in enumerate(ends.tolist()):
            rows[row] = ids[begin:end].tolist()
            begin = end
        return rows


def read_word_index(file: str, name: str) -> dict[str, int]:
    """Words and ranks from a JSON file.

    raises : ValueError for a file of another kind
    """
    try:
        with open(file, encoding="utf-8") as stream:
            index = json.load(stream)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{file} is not Keras's {name}: {error}") from None
    if not isinstance(index, dict) or not all(type(rank) is int for rank in index.values()):
        raise ValueError(f"{file} is not Keras's {name}: expected an object of words and ranks")
    return index
