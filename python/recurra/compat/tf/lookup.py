"""``tf.lookup``: tables from texts to numbers and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.ragged import RaggedTensor, map_flat
from recurra.compat.tf.strings import to_hash_bucket_fast
from recurra.compat.tf.tensors import array_of, present

__all__ = [
    "KeyValueTensorInitializer", "StaticHashTable", "StaticVocabularyTable", "TextFileIndex", "TextFileInitializer",
]  # fmt: skip


class KeyValueTensorInitializer:
    """The content of a table: keys, and a value for each."""

    def __init__(
        self, keys: Any, values: Any, key_dtype: Any = None, value_dtype: Any = None, name: str | None = None
    ) -> None:
        self.keys, self.values = array_of(keys), array_of(values)
        if key_dtype is not None:
            self.keys = self.keys.astype(np.dtype(as_dtype(key_dtype)))
        if value_dtype is not None:
            self.values = self.values.astype(np.dtype(as_dtype(value_dtype)))
        if self.keys.shape != self.values.shape or self.keys.ndim != 1:
            raise ValueError(f"keys and values must be as many, got shapes {self.keys.shape} and {self.values.shape}")


class TextFileIndex:
    """What a line of a file gives: the whole line, or its number."""

    WHOLE_LINE = -2
    LINE_NUMBER = -1


class TextFileInitializer(KeyValueTensorInitializer):
    """The content of a table, from the lines of a file."""

    def __init__(
        self,
        filename: Any,
        key_dtype: Any,
        key_index: int,
        value_dtype: Any,
        value_index: int,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str | None = None,
        value_index_offset: int = 0,
    ) -> None:
        with open(filename, "rb") as file:
            lines = file.read().splitlines()[:vocab_size]

        def column(index: int, dtype: Any) -> Any:
            if index == TextFileIndex.LINE_NUMBER:
                return np.arange(len(lines)) + value_index_offset
            items = (
                lines
                if index == TextFileIndex.WHOLE_LINE
                else [line.split(delimiter.encode())[index] for line in lines]
            )
            made = np.empty(len(items), object)
            made[:] = items
            return made if as_dtype(dtype).name == "string" else made.astype(np.dtype(as_dtype(dtype)))

        super().__init__(column(key_index, key_dtype), column(value_index, value_dtype), None, value_dtype)


class StaticHashTable:
    """A table that does not change."""

    def __init__(self, initializer: KeyValueTensorInitializer, default_value: Any, name: str | None = None) -> None:
        self._dtype = initializer.values.dtype
        self._default = array_of(default_value)[()]
        self._table = dict(zip(initializer.keys.tolist(), initializer.values.tolist(), strict=True))

    def _missing(self, key: Any) -> Any:
        return self._default

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The value of each key; the default where there is none."""
        if isinstance(keys, RaggedTensor):
            return map_flat(self.lookup, keys)
        array = array_of(keys)
        made = np.empty(array.shape, self._dtype)
        flat = made.reshape(-1)
        for place, key in enumerate(array.reshape(-1).tolist()):
            flat[place] = self._table[key] if key in self._table else self._missing(key)
        return present(made)

    __getitem__ = lookup

    def size(self, name: str | None = None) -> Any:
        """How many keys."""
        return present(np.array(len(self._table), np.int64))


class StaticVocabularyTable(StaticHashTable):
    """A table of words, with numbers behind them for words that it does not know."""

    def __init__(
        self,
        initializer: KeyValueTensorInitializer,
        num_oov_buckets: int,
        lookup_key_dtype: Any = None,
        name: str | None = None,
        experimental_is_anonymous: bool = False,
    ) -> None:
        super().__init__(initializer, -1)
        self._buckets = int(num_oov_buckets)

    def _missing(self, key: Any) -> Any:
        text = key if isinstance(key, bytes) else str(key).encode()
        return len(self._table) + int(to_hash_bucket_fast(present(np.array(text, object)), self._buckets))

    def size(self, name: str | None = None) -> Any:
        """How many numbers there are."""
        return present(np.array(len(self._table) + self._buckets, np.int64))
