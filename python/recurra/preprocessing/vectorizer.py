"""Texts to ids, counts or TF-IDF in the terms of Keras 3: what the layer TextVectorization computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.limits import refuse_path
from recurra.preprocessing import counting
from recurra.preprocessing.words import plain_text, tokens_of
from recurra.typing import PathLike

Array = NDArray[Any]

PADDING, UNKNOWN = "", "[UNK]"

_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
_SPACES = b"\t\n\v\f\r"
_STANDARD = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_OUTPUT = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_BATCH = 128


class Vectorizer:
    """Maps texts to numbers by a vocabulary that it learns (`adapt`) or is given.

    :class:`recurra.layers.TextVectorization` is this as a layer, and says what the arguments mean.
    """

    def __init__(
        self,
        max_tokens: int | None,
        standardize: str | Callable[..., Any] | None,
        split: str | Callable[..., Any] | None,
        ngrams: int | Sequence[int] | None,
        output_mode: str,
        output_sequence_length: int | None,
        pad_to_max_tokens: bool,
        vocabulary: PathLike | Sequence[str] | Array | None,
        idf_weights: Sequence[float] | Array | None,
        sparse: bool,
        ragged: bool,
        encoding: str,
    ) -> None:
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        _choice("standardize", standardize, _STANDARD)
        _choice("split", split, ("whitespace", "character"))
        if output_mode not in _OUTPUT:
            raise ValueError(f"output_mode must be one of {', '.join(_OUTPUT)}, got {output_mode!r}")
        if isinstance(max_tokens, str) or (max_tokens is not None and max_tokens <= 1):
            raise ValueError(f"max_tokens must be greater than 1 or None, got {max_tokens!r}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError("pad_to_max_tokens=True needs max_tokens, got None")
        if output_sequence_length is not None and (output_mode != "int" or not isinstance(output_sequence_length, int)):
            raise ValueError(
                f"output_sequence_length must be None, or an integer with output_mode 'int'; "
                f"got {output_sequence_length!r} with output_mode {output_mode!r}"
            )
        if sparse:
            raise ValueError("sparse must be False: there is no sparse array type here")
        if ragged and output_mode != "int":
            raise ValueError(f"ragged=True needs output_mode 'int', got {output_mode!r}")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"idf_weights need output_mode 'tf_idf', got {output_mode!r}")
        self.max_tokens, self.standardize, self.split = max_tokens, standardize, split
        self.ngrams, self._widths = ngrams, _widths(ngrams)
        self.output_mode, self.output_sequence_length = output_mode, output_sequence_length
        self.pad_to_max_tokens, self.ragged, self.encoding = pad_to_max_tokens, ragged, encoding
        self._tokens: list[str] = []
        self._index: dict[str, int] = {}
        self._idf: Array | None = None
        self._given = vocabulary is not None
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # --- the vocabulary ------------------------------------------------------------------------------------------

    def adapt(self, data: Iterable[Any] | Array, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from `data`, forgetting what was learnt before.

        data : a list or array of texts, or an iterable of batches of them (a Dataset, a generator)
        batch_size : how many texts of a list are looked at together (128)
        steps : how many batches to take from an iterable; None takes all
        """
        self.reset_state()
        if isinstance(data, (list, tuple, np.ndarray)):
            if steps is not None:
                raise ValueError("steps is for an iterable of batches; data is a list or an array")
            texts = self._texts(data)[0]
            for start in range(0, len(texts), batch_size or _BATCH * 32):
                self.update_state(texts[start : start + (batch_size or _BATCH * 32)])
        elif isinstance(data, (str, bytes)) or not hasattr(data, "__iter__"):
            raise TypeError(f"data must be texts or an iterable of batches of texts, got {type(data).__name__}")
        else:
            for batch in islice(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Iterable[Any] | Array) -> None:
        """Count the tokens of one batch of texts."""
        if self._given:
            raise ValueError("the vocabulary was given: adapt is for a layer made without vocabulary=")
        documents = self._token_lists(self._texts(data)[0])
        words, counts, spread = counting.count_tokens(documents)
        for word, times, seen in zip(words, counts.tolist(), spread.tolist(), strict=True):
            self._counts[word] = self._counts.get(word, 0) + times
            self._spread[word] = self._spread.get(word, 0) + seen
        self._documents += len(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._given or not self._counts:
            return
        self._counts.pop(PADDING, None)
        self._counts.pop(UNKNOWN, None)
        ranked = sorted(self._counts, key=lambda word: (self._counts[word], word), reverse=True)
        if self.max_tokens is not None:
            ranked = ranked[: max(self.max_tokens - self._first, 0)]
        self._number(ranked)
        if self.output_mode == "tf_idf":
            spread = np.array([self._spread[word] for word in ranked], np.float64)
            self._set_idf(np.log(1 + self._documents / (1 + spread)))
        self.reset_state()

    def reset_state(self) -> None:
        """Forget the counts (not the vocabulary)."""
        self._counts: dict[str, int] = {}
        self._spread: dict[str, int] = {}
        self._documents = 0

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens by id; without the special ones if so asked."""
        special = ([PADDING, UNKNOWN] if self.output_mode == "int" else [UNKNOWN]) if include_special_tokens else []
        return special + self._tokens

    def vocabulary_size(self) -> int:
        """How many tokens there are, with the special ones."""
        return self._first + len(self._tokens)

    def set_vocabulary(
        self, vocabulary: PathLike | Sequence[str] | Array, idf_weights: Sequence[float] | Array | None = None
    ) -> None:
        """Use this vocabulary: a list of tokens (the special ones may lead it) or the path of a file, one a line.

        idf_weights : for "tf_idf", one for each token
        """
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise ValueError(
                "idf_weights must be given with output_mode 'tf_idf' and with no other, "
                f"got {'none' if idf_weights is None else 'some'} with {self.output_mode!r}"
            )
        if isinstance(vocabulary, (str, os.PathLike)):
            from recurra.utils.io import read_text

            refuse_path("vocabulary", vocabulary)
            tokens = read_text(vocabulary, self.encoding).split("\n")
            tokens = tokens[: len(tokens) - (not tokens[-1])]
        else:
            tokens = [str(token) for token in vocabulary]
        special = self.get_vocabulary()[: self._first]
        leads = tokens[: self._first] == special
        words = tokens[self._first :] if leads else tokens
        if not words:
            raise ValueError("vocabulary must hold at least one token")
        if len(set(words)) != len(words):
            raise ValueError(f"vocabulary holds {next(w for w in words if words.count(w) > 1)!r} more than once")
        if PADDING in words:
            raise ValueError(f"vocabulary may hold the empty padding token only as its first, before {UNKNOWN!r}")
        if self.max_tokens is not None and self._first + len(words) > self.max_tokens:
            raise ValueError(
                f"vocabulary must have at most max_tokens={self.max_tokens}, got {self._first + len(words)}"
            )
        weights = None
        if idf_weights is not None:
            weights = np.asarray(idf_weights, np.float64)
            if weights.shape != (len(tokens),):
                raise ValueError(f"idf_weights must have shape ({len(tokens)},) as the vocabulary, got {weights.shape}")
        self._number(words)
        if weights is not None:
            lead = self._first if leads else 0
            self._set_idf(weights[lead:], weights[:lead] if leads else None)

    @property
    def _first(self) -> int:
        """Id of the first word: after padding and unknown, or after unknown alone."""
        return 2 if self.output_mode == "int" else 1

    def _number(self, words: list[str]) -> None:
        self._tokens = words
        self._index = {word: index for index, word in enumerate(words, self._first)}

    def _set_idf(self, weights: Array, special: Array | None = None) -> None:
        lead = np.full(self._first, weights.mean()) if special is None else special
        self._idf = np.concatenate([lead, weights]).astype(np.float32)

    # --- texts to numbers ----------------------------------------------------------------------------------------

    def vectorize(self, inputs: Any) -> Any:
        """Numbers for texts.

        inputs : one text, B texts, or (B, 1) texts; with ``split=None`` also (B, T) tokens
        returns : "int": (B, T) int64, rows padded with 0 (a list of arrays with `ragged`; ``split=None``: the inputs'
            shape). "one_hot": (B, T, V) int64, or (B, V) with ``split=None``. "multi_hot", "count": (B, V) int64;
            "tf_idf": (B, V) float32. V is the vocabulary's size, or `max_tokens` with `pad_to_max_tokens`. A single
            text gives the same without B.
        """
        if self.output_mode != "int" and not self._tokens and not self.pad_to_max_tokens:
            raise RuntimeError("the vocabulary is not known yet: call adapt, or give vocabulary=")
        texts, shape = self._texts(inputs)
        tokens = self._token_lists(texts)
        if self.split is None and len(shape) == 2 and shape[1] != 1 and self._widths is None:
            tokens = [list(chain.from_iterable(tokens[i : i + shape[1]])) for i in range(0, len(tokens), shape[1])]
        ids = [self._ids(row) for row in tokens]
        if self.output_mode == "int":
            result = self._integers(ids, shape)
        elif self.output_mode == "one_hot":
            result = self._one_hot(ids)
        else:
            result = self._bags(ids)
        return result[0] if not shape else result

    def _ids(self, tokens: list[str]) -> Array:
        unknown = self._first - 1
        if self.output_mode != "int":
            tokens = [token for token in tokens if token != PADDING]
            return np.array([self._index.get(token, unknown) for token in tokens], np.int64)
        return np.array([self._index.get(token, unknown) if token else 0 for token in tokens], np.int64)

    def _integers(self, ids: list[Array], shape: tuple[int, ...]) -> Any:
        if self.split is None and self._widths is None:
            rows = np.array(ids, np.int64).reshape(shape or (1,))
            length = self.output_sequence_length
            if length is None:
                return rows
            ids = list(rows.reshape(-1, shape[-1])) if len(shape) == 2 else [rows]
            padded = self._padded(ids, length)
            return padded if len(shape) == 2 else padded[0] if shape else padded
        if self.ragged:
            return [row[: self.output_sequence_length] for row in ids]
        length = self.output_sequence_length
        return self._padded(ids, max(map(len, ids), default=0) if length is None else length)

    @staticmethod
    def _padded(ids: list[Array], length: int) -> Array:
        rows = np.zeros((len(ids), length), np.int64)
        for row, values in zip(rows, ids, strict=True):
            row[: len(values)] = values[:length]
        return rows

    @property
    def _width(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return self.vocabulary_size()

    def _one_hot(self, ids: list[Array]) -> Array:
        length = max(map(len, ids), default=0)
        rows = np.zeros((len(ids), length, self._width), np.int64)
        for row, values in zip(rows, ids, strict=True):
            row[np.arange(len(values)), values] = 1
        return rows[:, 0] if self.split is None and length == 1 else rows

    def _bags(self, ids: list[Array]) -> Array:
        rows = np.zeros((len(ids), self._width), np.int64)
        for row, values in zip(rows, ids, strict=True):
            row += np.bincount(values, minlength=self._width)
        if self.output_mode == "multi_hot":
            return np.minimum(rows, 1)
        if self.output_mode == "count":
            return rows
        if self._idf is None:
            raise RuntimeError("idf_weights are not known yet: call adapt, or give them with the vocabulary")
        weights: Array = np.pad(self._idf, (0, self._width - len(self._idf)))
        return np.asarray(rows.astype(np.float32) * weights)

    def _texts(self, inputs: Any) -> tuple[list[str], tuple[int, ...]]:
        """All the texts in one list, and the shape that they had."""
        array = np.asarray(inputs, dtype=object) if not isinstance(inputs, np.ndarray) else inputs
        if array.ndim > 2 or (array.ndim == 2 and array.shape[1] != 1 and self.split is not None):
            raise ValueError(f"inputs must be one text, (B,) or (B, 1) texts, got shape {array.shape}")
        texts = []
        for text in array.ravel().tolist():
            if isinstance(text, bytes):
                text = text.decode(self.encoding)
            if not isinstance(text, str):
                raise TypeError(f"inputs must hold strings, got {text!r}")
            texts.append(text)
        return texts, array.shape

    def _token_lists(self, texts: list[str]) -> list[list[str]]:
        texts = self._standardized(texts)
        if self.split is None:
            tokens = [[text] for text in texts]
        elif self.split == "character":
            tokens = [list(text) for text in texts]
        elif self.split == "whitespace":
            spaces = bytes.maketrans(_SPACES, b" " * len(_SPACES))
            tokens = [list(filter(None, _translated(text, spaces, b"").split(" "))) for text in texts]
        else:
            assert callable(self.split)
            tokens = [tokens_of(self.split, text) for text in texts]
        if self._widths is None:
            return tokens
        widths = self._widths[: max(map(len, tokens), default=0)] if isinstance(self._widths, range) else self._widths
        return [[" ".join(row[i : i + n]) for n in widths for i in range(len(row) - n + 1)] for row in tokens]

    def _standardized(self, texts: list[str]) -> list[str]:
        if callable(self.standardize):
            done: list[str] = []
            for start in range(0, len(texts), _BATCH):  # an array of long strings is as wide as its longest
                for item in self.standardize(np.array(texts[start : start + _BATCH], dtype=np.str_)):
                    text = plain_text(item, self.encoding)
                    if text is None:
                        raise TypeError(f"standardize must return texts, got {type(item).__name__}: {item!r}")
                    done.append(text)
            if len(done) != len(texts):
                raise ValueError(f"standardize must return one text for each, got {len(done)} for {len(texts)}")
            return done
        if self.standardize is None:
            return texts
        lower = self.standardize != "strip_punctuation"
        table = bytes.maketrans(_UPPER, _LOWER) if lower else bytes(range(256))
        strip = b"" if self.standardize == "lower" else _PUNCTUATION
        return [_translated(text, table, strip) for text in texts]

    # --- configuration -------------------------------------------------------------------------------------------

    def output_shape_for(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape of the result for inputs of this shape; None where it depends on the texts."""
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return (shape[0], self.output_sequence_length) if self.split is not None else shape
        if self.output_mode == "one_hot" and self.split is not None:
            return (shape[0], None, self._width)
        return (shape[0], self._width)

    def arguments(self) -> dict[str, Any]:
        """The arguments, with the vocabulary, learnt or given: they make the same again."""
        return {
            "max_tokens": self.max_tokens,
            "standardize": self.standardize,
            "split": self.split,
            "ngrams": self.ngrams,
            "output_mode": self.output_mode,
            "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary": self.get_vocabulary() if self._tokens else None,
            "idf_weights": None if self._idf is None else self._idf.tolist(),
            "sparse": False,
            "ragged": self.ragged,
            "encoding": self.encoding,
        }


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value is not None and not callable(value) and value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, None or a callable, got {value!r}")


def _widths(ngrams: int | Sequence[int] | None) -> Sequence[int] | None:
    if ngrams is None:
        return None
    whole = isinstance(ngrams, int)
    widths: Sequence[int] = range(1, ngrams + 1) if isinstance(ngrams, int) else tuple(ngrams)
    if not widths or (not whole and any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in widths)):
        raise ValueError(f"ngrams must be None, an integer of at least 1 or a tuple of such, got {ngrams!r}")
    return widths


def _translated(text: str, table: bytes, delete: bytes) -> str:
    """`text` with ASCII characters mapped by `table` or dropped; others are left alone."""
    return text.encode("utf-8", "surrogatepass").translate(table, delete).decode("utf-8", "surrogatepass")
