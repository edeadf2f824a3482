"""A vocabulary learnt from texts, in Keras's terms: :class:`Tokenizer`."""

from __future__ import annotations

import json
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.preprocessing import counting
from recurra.preprocessing.words import (
    DEFAULT_FILTERS,
    Analyzer,
    check_split,
    separators,
    tokens_of,
    words_of,
)

Array = NDArray[Any]
Text = str | Sequence[str]

_MODES = ("binary", "count", "freq", "tfidf")
_FEW = 64  # texts up to which each is looked up word by word, without preparing anything


class Tokenizer:
    """Texts to sequences of word ids and back.

    num_words : keep the ids below it, that is the ``num_words - 1`` most frequent words (the out-of-vocabulary token
        is one of them); None keeps all. The vocabulary itself always holds every word.
    filters : characters to drop from the texts. The default holds punctuation, tab and newline, not the apostrophe.
    lower : whether to lower the case
    split : what separates words
    char_level : every character is a token; nothing is filtered
    oov_token : a token for words that are unknown or beyond `num_words`; it gets id 1. Without it they are left out.
    analyzer : any callable from a text to its tokens (``str.split``, a spaCy tokenizer, …) in place of filters and
        split. It is not lower-cased for you, and it is not part of the JSON form.
    nb_words, document_count : Keras's older name of `num_words`, and the count of documents seen, for configurations

    A text may also be a list of tokens, which are only lower-cased. Ids run from 1, the most frequent word first, ties
    in order of first appearance; 0 is left for padding.

    Attributes, as in Keras: `word_counts` (OrderedDict, by first appearance), `word_docs` (documents that hold the
    word), `word_index`, `index_word`, `index_docs`, `document_count`.

    >>> tokenizer = Tokenizer(num_words=4, oov_token="<unk>")
    >>> tokenizer.fit_on_texts(["The cat sat on the mat.", "The dog sat."])
    >>> tokenizer.word_index
    {'<unk>': 1, 'the': 2, 'sat': 3, 'cat': 4, 'on': 5, 'mat': 6, 'dog': 7}
    >>> tokenizer.texts_to_sequences(["the dog sat"])
    [[2, 1, 3]]
    >>> tokenizer.sequences_to_texts([[2, 1, 3]])
    ['the <unk> sat']
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = DEFAULT_FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Analyzer | None = None,
        **kwargs: Any,
    ) -> None:
        if "nb_words" in kwargs:
            warnings.warn("Tokenizer: nb_words is now called num_words", stacklevel=2)
            num_words = kwargs.pop("nb_words")
        self.document_count: int = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer: unknown arguments {', '.join(kwargs)}")
        if num_words is not None and (isinstance(num_words, bool) or num_words != int(num_words) or num_words < 0):
            raise ValueError(f"num_words must be an integer of at least 0 or None, got {num_words!r}")
        if analyzer is not None and not callable(analyzer):
            raise TypeError(f"analyzer must be a callable from a text to its tokens, got {analyzer!r}")
        check_split(split)
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.index_docs: defaultdict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    # --- learning the vocabulary ---------------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Text]) -> None:
        """Count the words of `texts` and number them anew. Counts of earlier calls stay.

        texts : iterable of strings or of lists of tokens. A single string is an iterable of characters, each of which
            is a document then, as in Keras: pass ``[text]`` for one document.
        """
        if isinstance(texts, str) and not self.char_level and len(texts) > 1:
            warnings.warn("fit_on_texts got one string and takes its characters for texts: pass [text]", stacklevel=2)
        for chunk in counting.chunks(texts):
            core = self._compiled(chunk)
            if core is not None:
                found = core.tokenize_count(self._lowered(chunk), separators(self.filters, self.split))
            else:
                found = counting.count_tokens(map(self._tokens, chunk))
            self.document_count += len(chunk)
            for word, times, documents in zip(found[0], found[1].tolist(), found[2].tolist(), strict=True):
                self.word_counts[word] = self.word_counts.get(word, 0) + times
                self.word_docs[word] = self.word_docs.get(word, 0) + documents
        self._number()

    def _number(self) -> None:
        ranked = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        if self.oov_token is not None:
            ranked.insert(0, self.oov_token)
        # a text that holds the oov token moves it to its own rank, as in Keras
        self.word_index = {word: index for index, word in enumerate(ranked, 1)}
        self.index_word = {index: word for word, index in self.word_index.items()}
        for word, documents in self.word_docs.items():
            self.index_docs[self.word_index[word]] = documents

    def fit_on_sequences(self, sequences: Sequence[Iterable[int]]) -> None:
        """Count in how many of `sequences` each id occurs, for `sequences_to_matrix` with "tfidf" without texts."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for index in set(_listed(sequence)):
                self.index_docs[index] = self.index_docs.get(index, 0) + 1

    # --- texts to ids and back -----------------------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Text]) -> list[list[int]]:
        """The ids of the words of each text; unknown words become the out-of-vocabulary id or are left out."""
        sequences: list[list[int]] = []
        for chunk in counting.chunks(texts):
            core = self._compiled(chunk)
            if core is None:
                sequences.extend(self._sequences(chunk))
                continue
            ids, unknown = self._emitted()
            flat, ends = core.tokenize_encode(
                self._lowered(chunk),
                separators(self.filters, self.split),
                list(ids),
                np.fromiter(ids.values(), np.int32, len(ids)),
                -1 if unknown is None else unknown,
            )
            start = 0
            for end in ends.tolist():
                sequences.append(flat[start:end].tolist())
                start = end
        return sequences

    def texts_to_sequences_generator(self, texts: Iterable[Text]) -> Iterator[list[int]]:
        """As :meth:`texts_to_sequences`, one text at a time."""
        for text in texts:
            yield from self._sequences([text])

    def _sequences(self, texts: list[Text]) -> Iterator[list[int]]:
        if len(texts) <= _FEW:
            for text in texts:
                ids = map(self._id_of, self._tokens(text))
                yield [index for index in ids if index is not None]
            return
        emitted, unknown = self._emitted()
        if unknown is None:
            for text in texts:
                yield [index for index in map(emitted.get, self._tokens(text)) if index is not None]
        else:
            for text in texts:
                yield [emitted.get(word, unknown) for word in self._tokens(text)]

    def _id_of(self, word: str) -> int | None:
        index = self.word_index.get(word)
        if index is None or (self.num_words and index >= self.num_words):
            return self._oov_index()
        return index

    def _oov_index(self) -> int | None:
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def _emitted(self) -> tuple[dict[str, int], int | None]:
        """The words that have an id of their own, and the id of all others (None: they are left out)."""
        limit = self.num_words
        if not limit:
            return self.word_index, self._oov_index()
        return {word: index for word, index in self.word_index.items() if index < limit}, self._oov_index()

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence of ids, joined by single spaces.

        An id without a word, or beyond `num_words`, becomes the out-of-vocabulary token or is left out.
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """As :meth:`sequences_to_texts`, one sequence at a time."""
        oov = self._oov_index()
        for sequence in sequences:
            words = []
            for index in _listed(sequence):
                word = self.index_word.get(index)
                if word is None or (self.num_words and index >= self.num_words):
                    word = None if oov is None else self.index_word.get(oov, self.oov_token)
                if word is not None:
                    words.append(word)
            yield " ".join(words)

    # --- matrices ------------------------------------------------------------------------------------------------

    def texts_to_matrix(self, texts: Iterable[Text], mode: str = "binary") -> Array:
        """:meth:`sequences_to_matrix` of :meth:`texts_to_sequences`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Iterable[int]], mode: str = "binary") -> Array:
        """One row for each sequence, one column for each id.

        mode : "binary" (1 where the id occurs), "count" (c), "freq" (c / length of the sequence) or "tfidf",
            ``(1 + ln c) * ln(1 + N / (1 + df))`` with N documents of which df hold the word
        returns : (B, V) float64, V = `num_words` or the vocabulary's size + 1; ids from V on are not counted
        """
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
        width = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not width:
            raise ValueError("num_words must be given, or the Tokenizer fitted on texts: the width is not known yet")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("mode 'tfidf' needs document counts: fit the Tokenizer on texts or sequences first")
        matrix = np.zeros((len(sequences), width))
        if mode == "tfidf":
            documents = np.zeros(width)
            for index, number in self.index_docs.items():
                if 0 <= index < width:
                    documents[index] = number
            idf = np.log(1 + self.document_count / (1 + documents))
        for row, sequence in zip(matrix, sequences, strict=True):
            ids = np.asarray(_listed(sequence), np.int64)
            if not ids.size:
                continue
            if ids.min() < 0:
                raise ValueError(f"sequences must hold ids of at least 0, got {ids.min()}")
            used, counts = np.unique(ids[ids < width], return_counts=True)
            if mode == "binary":
                row[used] = 1
            elif mode == "count":
                row[used] = counts
            elif mode == "freq":
                row[used] = counts / len(ids)
            else:
                row[used] = (1 + np.log(counts)) * idf[used]
        return matrix

    # --- configuration -------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The state in Keras's form, the dictionaries as JSON strings. An `analyzer` is not part of it."""
        return {
            "num_words": None if self.num_words is None else int(self.num_words),
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            "word_counts": json.dumps(self.word_counts),
            "word_docs": json.dumps(self.word_docs),
            "index_docs": json.dumps(self.index_docs),
            "index_word": json.dumps(self.index_word),
            "word_index": json.dumps(self.word_index),
        }

    def to_json(self, **kwargs: Any) -> str:
        """A JSON string for :func:`tokenizer_from_json`, ours or Keras's; keyword arguments go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)

    # --- tokens of one text --------------------------------------------------------------------------------------

    def _tokens(self, text: Text) -> Iterable[str]:
        if isinstance(text, str):
            if self.char_level:
                return text.lower() if self.lower else text
            if self.analyzer is not None:
                return tokens_of(self.analyzer, text)
            return words_of(text, self.filters, self.lower, self.split)
        if isinstance(text, (list, tuple)):
            try:
                return [token.lower() for token in text] if self.lower else text
            except AttributeError:
                odd = next(token for token in text if not isinstance(token, str))
                raise TypeError(f"a list of tokens must hold strings, got {odd!r}") from None
        hint = "; decode it first" if isinstance(text, bytes) else ""
        raise TypeError(f"texts must hold strings or lists of tokens, got {type(text).__name__}{hint}")

    def _lowered(self, texts: list[Any]) -> list[Any]:
        return [text.lower() for text in texts] if self.lower else texts

    def _compiled(self, texts: list[Any]) -> Any:
        """The compiled tokenizer, if these texts are of the kind and number for it."""
        if self.char_level or self.analyzer is not None or not isinstance(self.filters, str):
            return None
        if separators(self.filters, self.split) is None or set(map(type, texts)) != {str}:
            return None
        return counting.compiled(texts)


def _listed(sequence: Any) -> list[Any]:
    return sequence.tolist() if isinstance(sequence, np.ndarray) else list(sequence)
