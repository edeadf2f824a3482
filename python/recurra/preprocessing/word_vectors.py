"""Word vectors: read and written in the text formats of word2vec and GloVe, neighbours, and tables for Embedding.

>>> import numpy as np
>>> vectors = WordVectors(["cat", "dog", "sea"], np.array([[1.0, 0.1], [0.9, 0.2], [0.0, 1.0]], "float32"))
>>> vectors.most_similar("cat", topn=1)[0][0]
'dog'
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.files import atomic_path
from recurra.preprocessing.tokenizer import Tokenizer
from recurra.typing import ArrayLike, DType
from recurra.utils.io import byte_lines

Array = NDArray[Any]
PathLike = str | os.PathLike[str]

FORMATS = ("word2vec", "glove")


class WordVectors:
    """A vector for each word.

    words : V distinct words
    vectors : (V, D) numbers; kept as they are, not copied

    ``vectors["word"]`` is its vector, ``"word" in vectors`` whether there is one, ``len(vectors)`` is V.
    """

    def __init__(self, words: Iterable[str], vectors: ArrayLike) -> None:
        self.words: list[str] = list(words)
        self.vectors: Array = np.asarray(vectors)
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.words):
            raise ValueError(f"vectors must have shape (V, D) = ({len(self.words)}, D), got {self.vectors.shape}")
        if self.vectors.dtype.kind != "f":
            self.vectors = self.vectors.astype(np.float32)
        self.index: dict[str, int] = {word: row for row, word in enumerate(self.words)}
        if len(self.index) != len(self.words):
            twice = next(word for row, word in enumerate(self.words) if self.index[word] != row)
            raise ValueError(f"words must be distinct, got {twice!r} more than once")
        self._unit: Array | None = None

    @classmethod
    def from_embedding(cls, weights: ArrayLike, index_word: Mapping[int, str] | Tokenizer) -> WordVectors:
        """The rows of a trained Embedding's table under their words.

        weights : (V, D) table
        index_word : the word of each row, or the Tokenizer that numbered them; rows without a word are left out
        """
        table = np.asarray(weights)
        words = index_word.index_word if isinstance(index_word, Tokenizer) else index_word
        rows = sorted(row for row in words if 0 <= row < len(table))
        return cls([words[row] for row in rows], table[rows])

    @property
    def dimension(self) -> int:
        """D, the length of a vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> Array:
        try:
            return np.asarray(self.vectors[self.index[word]])
        except KeyError:
            raise KeyError(f"there is no vector for {word!r}") from None

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, dimension={self.dimension})"

    def similarity(self, first: str, second: str) -> float:
        """The cosine of the angle between two words' vectors; 0 where one is all zeros."""
        unit = self._units()
        self[first], self[second]  # a clear error for a word without a vector
        return float(unit[self.index[first]] @ unit[self.index[second]])

    def most_similar(
        self,
        positive: str | Array | Sequence[str | Array],
        negative: str | Array | Sequence[str | Array] = (),
        topn: int = 10,
    ) -> list[tuple[str, float]]:
        """The nearest words by cosine, the nearest first.

        positive : a word, a vector of length D, or a list of these, whose directions are added
        negative : the same, subtracted: ``most_similar(["king", "woman"], ["man"])``
        topn : how many
        returns : pairs of word and cosine. The words asked for are left out.
        raises : KeyError for a word without a vector, ValueError for a vector of another length
        """
        if topn < 1:
            raise ValueError(f"topn must be at least 1, got {topn}")
        unit = self._units()
        target = np.zeros(self.dimension, unit.dtype)
        asked = set()
        for sign, given in ((1, positive), (-1, negative)):
            items = [given] if isinstance(given, (str, np.ndarray)) else given
            for item in items:
                if isinstance(item, str):
                    self[item]
                    asked.add(self.index[item])
                    target += sign * unit[self.index[item]]
                else:
                    vector = np.asarray(item)
                    if vector.shape != (self.dimension,):
                        raise ValueError(f"a vector must have shape (D,) = ({self.dimension},), got {vector.shape}")
                    target += sign * _unit(vector[None])[0]
        scores = unit @ _unit(target[None])[0]
        scores[list(asked)] = -np.inf
        count = min(topn, len(scores) - len(asked))
        best = np.argpartition(-scores, max(count - 1, 0))[:count] if count else np.zeros(0, int)
        return [(self.words[row], float(scores[row])) for row in best[np.argsort(-scores[best], kind="stable")]]

    def _units(self) -> Array:
        if self._unit is None:
            self._unit = _unit(self.vectors)
        return self._unit

    def embedding_matrix(
        self,
        words: Tokenizer | Mapping[str, int],
        num_words: int | None = None,
        missing: str = "zeros",
        seed: int = 0,
        dtype: DType = "float32",
    ) -> Array:
        """The table of an Embedding layer for a vocabulary: row i is the vector of the word with id i.

        words : a fitted Tokenizer, or a mapping from word to id (`word_index`)
        num_words : number of rows; None takes the Tokenizer's `num_words`, else the largest id + 1. Words with ids from
            it on are left out.
        missing : what words without a vector get: "zeros", or "normal" for random numbers with the mean and the
            deviation of the vectors that were found. Row 0, the padding, is always zeros.
        seed : of the random numbers
        returns : (num_words, D) array

        >>> vectors = WordVectors(["cat"], [[1.0, 2.0]])
        >>> vectors.embedding_matrix({"cat": 1, "unicorn": 2})
        array([[0., 0.],
               [1., 2.],
               [0., 0.]], dtype=float32)
        """
        if missing not in ("zeros", "normal"):
            raise ValueError(f"missing must be 'zeros' or 'normal', got {missing!r}")
        if isinstance(words, Tokenizer):
            num_words = num_words or words.num_words
            words = words.word_index
        size = num_words or max(words.values(), default=0) + 1
        matrix = np.zeros((size, self.dimension), dtype)
        pairs = [(row, self.index.get(word)) for word, row in words.items() if 0 <= row < size]
        found = [(row, source) for row, source in pairs if source is not None]
        if found:
            rows, sources = (list(part) for part in zip(*found, strict=True))
            matrix[rows] = self.vectors[sources]
        absent = sorted(row for row, source in pairs if source is None and row > 0)
        if missing == "normal" and absent:
            known = self.vectors[[source for _, source in found]] if found else self.vectors
            draws = np.random.Generator(np.random.Philox(seed)).standard_normal((len(absent), self.dimension))
            matrix[absent] = draws * known.std(dtype=np.float64) + known.mean(dtype=np.float64)
        return matrix

    def save(self, path: PathLike, format: str = "word2vec") -> None:
        """Write the vectors as text: "word2vec" (a first line ``V D``) or "glove" (without it).

        Numbers are written so that reading gives the same float32 or float64. The file appears whole or not at all.

        raises : ValueError for a word that the format cannot hold: empty, or with a space or line end in it
        """
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
        for word in self.words:
            if not word or any(space in word for space in " \n\r"):
                raise ValueError(f"the word {word!r} cannot be written: words must be without spaces and line ends")
        with atomic_path(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
            if format == "word2vec":
                file.write(f"{len(self)} {self.dimension}\n")
            for word, vector in zip(self.words, self.vectors, strict=True):
                file.write(f"{word} {' '.join(map(str, vector))}\n")  # str of a numpy float is its shortest exact form


def load_word_vectors(
    path: PathLike,
    format: str | None = None,
    words: Iterable[str] | None = None,
    limit: int | None = None,
    dtype: DType = "float32",
    encoding: str = "utf-8",
) -> WordVectors:
    """Word vectors from word2vec's text format (also fastText's ``.vec``) or GloVe's; .gz, .bz2 and .xz are unpacked.

    path : the file, or "-" for standard input
    format : "word2vec" (first line ``V D``), "glove", or None to see by the first line
    words : keep these only (a vocabulary, say): the memory is then that of their vectors, whatever the file's size
    limit : read the first lines only; they hold the most frequent words
    encoding : of the words
    returns : :class:`WordVectors`; of a word that occurs twice the first vector counts
    raises : OSError, or ValueError naming the line
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)} or None, got {format!r}")
    name = os.fspath(path)
    lines = byte_lines(path)
    first = next(lines, b"")
    header = _header(first)
    if format == "word2vec" and header is None:
        raise ValueError(f"{name}, line 1: word2vec's format begins with two numbers, V and D, got {first[:60]!r}")
    start = 1 if header is not None and format != "glove" else 0
    dimension = header[1] if header is not None and start else None
    keep = None if words is None else set(words)
    names: dict[str, None] = {}
    rows: list[Array] = []
    for number, line in enumerate(lines if start else chain([first], lines), start + 1):
        if limit is not None and number - start > limit:
            break
        line = line.strip(b" \r\t")
        if not line:
            continue
        if dimension is None:
            dimension = line.count(b" ")
        fields = line.rsplit(b" ", dimension)  # from the right: a few words hold spaces
        try:
            word = fields[0].decode(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}, line {number}: not {encoding} text: {error}; pass encoding=") from None
        if len(fields) != dimension + 1:
            raise ValueError(f"{name}, line {number}: expected a word and {dimension} numbers, got {len(fields) - 1}")
        if word in names or (keep is not None and word not in keep):
            continue
        try:
            vector = np.array(list(map(float, fields[1:])), dtype)
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: expected {dimension} numbers after {word!r}: {error}") from None
        names[word] = None
        rows.append(vector)
    if not rows:
        raise ValueError(f"{name} holds no word vectors" + (" of the words asked for" if keep is not None else ""))
    return WordVectors(names, np.stack(rows))


def _header(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() and len(field) < 10 for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def _unit(vectors: Array) -> Array:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norm == 0, 1, norm))
