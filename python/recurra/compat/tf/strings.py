"""``tf.strings``: texts as bytes, elementwise; what splits gives ragged tensors."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.ragged import RaggedTensor, map_flat
from recurra.compat.tf.tensors import array_of, as_bytes, present
from recurra.preprocessing.fingerprint import fingerprint64, siphash64

__all__ = [
    "as_string", "bytes_split", "format", "join", "length", "lower", "ngrams", "reduce_join", "regex_full_match",
    "regex_replace", "split", "strip", "substr", "to_hash_bucket", "to_hash_bucket_fast",
    "to_hash_bucket_strong", "to_number", "unicode_decode", "unicode_encode", "unicode_split", "upper",
]  # fmt: skip


def texts_of(value: Any) -> Any:
    """An array of bytes objects."""
    array = array_of(value)
    if array.dtype.kind == "O" and not all(type(item) is bytes for item in array.reshape(-1)):
        return as_bytes(array)
    if array.dtype.kind != "O":
        raise TypeError(f"expected texts, got an array of {array.dtype}")
    return array


def _each(function: Callable[[bytes], Any], value: Any, dtype: Any = object) -> Any:
    if isinstance(value, RaggedTensor):
        return map_flat(lambda flat: _each(function, flat, dtype), value)
    array = texts_of(value)
    made = np.empty(array.shape, dtype)
    flat = made.reshape(-1)
    for place, item in enumerate(array.reshape(-1)):
        flat[place] = function(item)
    return present(made)


def lower(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """ASCII letters in lower case; all letters with ``encoding="utf-8"``."""
    return _each(bytes.lower if not encoding else lambda text: text.decode(encoding).lower().encode(encoding), input)


def upper(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """ASCII letters in upper case; all letters with ``encoding="utf-8"``."""
    return _each(bytes.upper if not encoding else lambda text: text.decode(encoding).upper().encode(encoding), input)


def strip(input: Any, name: str | None = None) -> Any:
    """Without white space at both ends."""
    return _each(bytes.strip, input)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    posix = {"alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "space": r"\s"}
    posix["punct"] = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    pattern = re.sub(r"\[:(\w+):\]", lambda found: posix.get(found[1], found[0]), pattern)
    pattern = pattern.replace(r"\pL", r"[^\W\d_]").replace(r"\p{L}", r"[^\W\d_]").replace(r"\pN", r"\d")
    return re.compile(pattern.replace(r"\p{N}", r"\d"))


def regex_replace(input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: str | None = None) -> Any:
    r"""Matches of `pattern` replaced by `rewrite`, in which ``\1`` is the first group."""
    known = _pattern(_text(pattern))
    with_ = re.sub(r"\\(\d)", r"\\g<\1>", _text(rewrite).replace("\\\\", "\0")).replace("\0", "\\\\")
    count = 0 if replace_global else 1
    return _each(lambda text: known.sub(with_, _decode(text), count=count).encode("utf-8", "surrogateescape"), input)


def regex_full_match(input: Any, pattern: Any, name: str | None = None) -> Any:
    """Whether each text matches as a whole."""
    known = _pattern(_text(pattern))
    return _each(lambda text: known.fullmatch(_decode(text)) is not None, input, np.bool_)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _text(value: Any) -> str:
    found = array_of(value)[()] if not isinstance(value, (str, bytes)) else value
    return found.decode() if isinstance(found, bytes) else str(found)


def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """How many bytes, or with ``unit="UTF8_CHAR"`` characters, each text has."""
    return _each(len if unit == "BYTE" else lambda text: len(_decode(text)), input, np.int32)


def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """`len` bytes (or characters) from place `pos` on."""
    first, count = int(array_of(pos)), int(array_of(len))

    def cut(text: Any) -> Any:
        start = first if first >= 0 else max(text.__len__() + first, 0)
        return text[start : start + count]

    return _each(cut if unit == "BYTE" else lambda text: cut(_decode(text)).encode(), input)


def join(inputs: Any, separator: Any = "", name: str | None = None) -> Any:
    """Texts joined one by one, with a separator between."""
    parts = np.broadcast_arrays(*(texts_of(part) for part in inputs))
    between = _text(separator).encode()
    made = np.empty(parts[0].shape, object)
    flat = made.reshape(-1)
    for place, row in enumerate(zip(*(part.reshape(-1) for part in parts), strict=True)):
        flat[place] = between.join(row)
    return present(made)


def reduce_join(
    inputs: Any, axis: Any = None, keepdims: bool = False, separator: Any = "", name: str | None = None
) -> Any:
    """Texts joined along an axis; along all where none is given."""
    between = _text(separator).encode()
    if isinstance(inputs, RaggedTensor):
        return present(as_bytes(np.array([between.join(texts_of(row)) for row in inputs.rows()], object)))
    array = texts_of(inputs)
    if axis is None:
        joined: Any = np.array(between.join(array.reshape(-1)), object)
        return present(joined.reshape((1,) * array.ndim) if keepdims else joined)
    moved = np.moveaxis(array, axis, -1)
    made = np.empty(moved.shape[:-1], object)
    for place in np.ndindex(made.shape):
        made[place] = between.join(moved[place])
    return present(np.expand_dims(made, axis) if keepdims else made)


def _split(value: Any, pieces: Callable[[bytes], list[Any]], dtype: Any = object) -> Any:
    array = texts_of(value)
    if array.ndim == 0:
        return present(_column(pieces(array[()]), dtype))
    if array.ndim == 1:
        return RaggedTensor.from_rows([_column(pieces(text), dtype) for text in array])
    return RaggedTensor.from_rows([_split(row, pieces, dtype) for row in array])


def _column(items: list[Any], dtype: Any) -> Any:
    made = np.empty(len(items), dtype)
    made[:] = items
    return made


def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """The pieces between separators (white space where none is given), a ragged tensor; a tensor for a single text."""
    between = None if sep is None or _text(sep) == "" else _text(sep).encode()
    return _split(input, lambda text: text.split(between, maxsplit))


def bytes_split(input: Any, name: str | None = None) -> Any:
    """The bytes of each text."""
    return _split(input, lambda text: [text[k : k + 1] for k in range(text.__len__())])


def _replacing(replacement_char: int) -> None:
    if replacement_char != 65533:
        raise NotImplementedError(f"replacement_char must be 65533 here, got {replacement_char}")


def unicode_split(
    input: Any,
    input_encoding: str = "UTF-8",
    errors: str = "replace",
    replacement_char: int = 65533,
    name: str | None = None,
) -> Any:
    """The characters of each text."""
    _replacing(replacement_char)
    return _split(input, lambda text: [char.encode() for char in text.decode(input_encoding, errors)])


def unicode_decode(
    input: Any,
    input_encoding: str = "UTF-8",
    errors: str = "replace",
    replacement_char: int = 65533,
    name: str | None = None,
) -> Any:
    """The code points of each text."""
    _replacing(replacement_char)
    return _split(input, lambda text: [ord(char) for char in text.decode(input_encoding, errors)], np.int32)


def unicode_encode(input: Any, output_encoding: str = "UTF-8", errors: str = "replace", name: str | None = None) -> Any:
    """Texts from code points, the last axis joined."""
    if isinstance(input, RaggedTensor):
        rows = ["".join(map(chr, array_of(row))).encode(output_encoding) for row in input.rows()]
        return present(_column(rows, object))
    array = array_of(input)
    made = np.empty(array.shape[:-1], object)
    for place in np.ndindex(made.shape):
        made[place] = "".join(map(chr, array[place])).encode(output_encoding)
    return present(made)


def as_string(input: Any, precision: int = -1, name: str | None = None) -> Any:
    """Numbers as texts, floats with 6 digits unless `precision` says how many."""
    array = array_of(input)
    made = np.empty(array.shape, object)
    flat = made.reshape(-1)
    for place, item in enumerate(array.reshape(-1)):
        if array.dtype.kind == "f":
            flat[place] = f"{item:.{6 if precision < 0 else precision}f}".encode()
        elif array.dtype.kind == "b":
            flat[place] = b"true" if item else b"false"
        else:
            flat[place] = item if isinstance(item, bytes) else str(item).encode()
    return present(made)


def to_number(input: Any, out_type: Any = np.float32, name: str | None = None) -> Any:
    """Texts as numbers."""
    kind = np.dtype(as_dtype(out_type))
    return _each(float if kind.kind == "f" else int, input, kind)


def to_hash_bucket_fast(input: Any, num_buckets: int, name: str | None = None) -> Any:
    """A number below `num_buckets` for each text, by FarmHash's fingerprint, as TensorFlow has it."""
    return _each(lambda text: fingerprint64(text) % num_buckets, input, np.int64)


to_hash_bucket = to_hash_bucket_fast


def to_hash_bucket_strong(input: Any, num_buckets: int, key: Any, name: str | None = None) -> Any:
    """The same by SipHash, with a key of two numbers that others do not know."""
    low, high = (int(number) for number in key)
    return _each(lambda text: siphash64(text, (low, high)) % num_buckets, input, np.int64)


def ngrams(data: Any, ngram_width: Any, separator: str = " ", name: str | None = None) -> Any:
    """Runs of so many texts joined, along the last axis."""
    widths = (ngram_width,) if isinstance(ngram_width, int) else tuple(ngram_width)
    between = _text(separator).encode()

    def runs(row: Any) -> Any:
        items = list(texts_of(row))
        found = [between.join(items[k : k + n]) for n in widths for k in range(items.__len__() - n + 1)]
        return _column(found, object)

    if isinstance(data, RaggedTensor):
        return RaggedTensor.from_rows([runs(row) for row in data.rows()])
    array = texts_of(data)
    return present(runs(array) if array.ndim == 1 else np.stack([runs(row) for row in array]))


def format(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: str | None = None) -> Any:
    """`template` with the values of tensors in place of its placeholders."""
    values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    for value in values:
        array = array_of(value)
        said = f'"{array[()].decode()}"' if array.dtype == np.object_ and not array.ndim else str(array)
        template = template.replace(placeholder, said, 1)
    return present(template)
