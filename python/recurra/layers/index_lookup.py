"""Strings or integers to ids by a vocabulary, and back: :class:`StringLookup` and :class:`IntegerLookup`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.autograd import Array
from recurra.layers.vocabulary_lookup import VocabularyLookup
from recurra.preprocessing.fingerprint import fingerprint64
from recurra.typing import DType, PathLike


class StringLookup(VocabularyLookup):
    """Strings to ids by a vocabulary that it learns (`adapt`) or is given.

    max_tokens : size of the vocabulary at most, with its special tokens; None for no limit
    num_oov_indices : ids for unknown strings, of which each has the one that Keras gives it, by FarmHash's fingerprint
        of its UTF-8 bytes; 0 makes them an error
    mask_token : None, or a string that has id 0
    oov_token : what `invert` gives for ids of unknown strings
    vocabulary : list of strings, or the path of a file of one a line
    idf_weights : for "tf_idf" with a given vocabulary: one weight for each string
    invert : ids to strings
    output_mode : "int", or "one_hot", "multi_hot", "count", "tf_idf" over the vocabulary (without the mask's token)
    pad_to_max_tokens : `max_tokens` columns even if the vocabulary is smaller
    encoding : of strings given as bytes
    name, trainable : of the layer; nothing in it is trained
    dtype : taken for Keras's sake

    >>> from recurra.layers import StringLookup
    >>> StringLookup(vocabulary=["a", "b", "c"])(["b", "x", "a"])
    array([2, 0, 1])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: PathLike | Sequence[Any] | Array | None = None,
        idf_weights: Sequence[float] | Array | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        *,
        trainable: bool = True,
        dtype: DType | None = None,
        vocabulary_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        if dtype not in (None, "string", "int64", "float32"):
            raise ValueError(f"dtype must be None, 'string' or that of the numbers, got {dtype!r}")
        super().__init__(name=name, trainable=trainable, autocast=False, **kwargs)
        self.encoding = encoding
        self._set(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, sparse, vocabulary_size,
        )  # fmt: skip

    def _key(self, value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode(self.encoding)
        if not isinstance(value, str):
            raise TypeError(f"{self.name}: inputs must hold strings, got {value!r}")
        return value

    def _bucket(self, token: str) -> int:
        return fingerprint64(token.encode("utf-8")) % self.num_oov_indices

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}


class IntegerLookup(VocabularyLookup):
    """Integers of any size to ids by a vocabulary that it learns (`adapt`) or is given.

    max_tokens : size of the vocabulary at most, with its special tokens; None for no limit
    num_oov_indices : ids for unknown integers (``value % num_oov_indices`` of them); 0 makes them an error
    mask_token : None, or an integer that has id 0
    oov_token : what `invert` gives for ids of unknown integers
    vocabulary, idf_weights, invert, output_mode, pad_to_max_tokens, name, trainable, dtype : as for
        :class:`StringLookup`

    >>> from recurra.layers import IntegerLookup
    >>> IntegerLookup(vocabulary=[12, 1138, 42])([42, 7, 12])
    array([3, 0, 1])
    """

    _token_dtype = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: PathLike | Sequence[Any] | Array | None = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Sequence[float] | Array | None = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        name: str | None = None,
        *,
        trainable: bool = True,
        dtype: DType | None = None,
        vocabulary_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        if dtype not in (None, "int64", "int32", "float32"):
            raise ValueError(f"dtype must be None or that of the numbers, got {dtype!r}")
        if vocabulary_dtype not in ("int64", "int32"):
            raise ValueError(f"vocabulary_dtype must be 'int64' or 'int32', got {vocabulary_dtype!r}")
        super().__init__(name=name, trainable=trainable, autocast=False, **kwargs)
        self.vocabulary_dtype = vocabulary_dtype
        self._set(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, sparse, vocabulary_size,
        )  # fmt: skip

    def _key(self, value: Any) -> int:
        if isinstance(value, str):  # of a vocabulary's file
            return int(value)
        number = int(value)
        if number != value:
            raise TypeError(f"{self.name}: inputs must hold integers, got {value!r}")
        return number

    def _bucket(self, token: int) -> int:
        return token % self.num_oov_indices

    def _as_output(self, tokens: Array) -> Array:
        return tokens.astype(self.vocabulary_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}
