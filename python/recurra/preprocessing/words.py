"""Text into words, and words into numbers without a vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from recurra.autograd import value_of

DEFAULT_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'

Analyzer = Callable[[str], Iterable[Any]]


def text_to_word_sequence(
    input_text: str, filters: str = DEFAULT_FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    r"""The words of a text.

    Lower case first; then every character of `filters` becomes `split`; then the text is split at `split` and empty
    words are dropped. The apostrophe is not among the default filters, nor are ``\r`` and the no-break space: they
    stay in the words, as in Keras.

    input_text : the text
    filters : characters to drop
    lower : whether to lower the case
    split : what separates words, one or more characters

    >>> text_to_word_sequence("It's a well-made film, isn't it?")
    ["it's", 'a', 'well', 'made', 'film', "isn't", 'it']
    """
    check_text(input_text, "input_text")
    check_split(split)
    return words_of(input_text, filters, lower, split)


def words_of(text: str, filters: str, lower: bool, split: str) -> list[str]:
    """:func:`text_to_word_sequence` without its checks."""
    if lower:
        text = text.lower()
    if not isinstance(filters, str):  # a list of characters serves as well
        filters = "".join(filters)
    table = separator_table(filters, split)
    if table is None:
        text = text.translate(_general_table(filters, split))
    elif text.isascii():
        text = text.encode("ascii").translate(table).decode("ascii")
    else:  # every filter is ASCII, so that no byte of a longer character is touched
        text = text.encode("utf-8", "surrogatepass").translate(table).decode("utf-8", "surrogatepass")
    return list(filter(None, text.split(split)))


@lru_cache(maxsize=64)
def separator_table(filters: str, split: str) -> bytes | None:
    """For ``bytes.translate``: the table that turns filters into `split`; None where they are not all ASCII."""
    joined = "".join(filters)
    if len(split) != 1 or not split.isascii() or not joined.isascii() or len(joined) != len(filters):
        return None
    table = bytearray(range(256))
    for character in joined.encode("ascii"):
        table[character] = ord(split)
    return bytes(table)


def separators(filters: str, split: str) -> str | None:
    """The characters that end a word, for the compiled tokenizer, or None where they are not all single ASCII."""
    return None if separator_table(filters, split) is None else split + filters


@lru_cache(maxsize=64)
def _general_table(filters: str, split: str) -> dict[int, str]:
    return str.maketrans({character: split for character in filters})


def tokens_of(analyzer: Analyzer, text: str) -> list[str]:
    """What any callable makes of a text, as strings: strings as they are, bytes decoded, of other objects their `text`.

    So ``str.split``, a bound method, a spaCy pipeline or tokenizer, or a function of tensors of texts all serve.

    raises : TypeError for tokens that are none of these
    """
    tokens = []
    for token in analyzer(text):
        word = token if isinstance(token, str) else plain_text(getattr(token, "text", token))
        if word is None:
            raise TypeError(
                f"analyzer must return strings or objects with a `text` (spaCy's tokens), got {type(token).__name__}"
            )
        tokens.append(word)
    return tokens


def plain_text(value: Any, encoding: str = "utf-8") -> str | None:
    """A text given as a string, as bytes, or as an array or tensor of one of them; None for anything else."""
    value = value_of(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bytes):
        return value.decode(encoding)
    return str(value) if isinstance(value, str) else None


def one_hot(
    input_text: str,
    n: int,
    filters: str = DEFAULT_FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """The words of a text as numbers from 1 to ``n - 1``, by Python's `hash`.

    Different words may share a number. Python salts the hash of strings anew in each process, so the numbers hold
    only within one; :func:`hashing_trick` with "md5" is stable.

    Arguments as for :func:`hashing_trick`.
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: str = DEFAULT_FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """The words of a text as numbers: ``hash(word) % (n - 1) + 1``.

    n : numbers run from 1 to ``n - 1``
    hash_function : a callable from str to int, "md5" (the same numbers everywhere), or None for Python's `hash`
        (other numbers in each process)
    filters, lower, split : as for :func:`text_to_word_sequence`
    analyzer : any callable from a text to its words, used in place of that function

    >>> hashing_trick("to be or not to be", 100, "md5")
    [5, 66, 50, 12, 5, 66]
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise ValueError(f"n must be an integer of at least 2, got {n!r}")
    check_text(text, "text")
    if hash_function == "md5":
        number: Callable[[str], int] = _md5
    elif hash_function is None:
        number = hash
    elif callable(hash_function):
        number = hash_function
    else:
        raise ValueError(f"hash_function must be a callable, 'md5' or None, got {hash_function!r}")
    if analyzer is not None:
        words = tokens_of(analyzer, text)
    else:
        check_split(split)
        words = words_of(text, filters, lower, split)
    return [number(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def check_text(text: Any, name: str) -> None:
    """Raise TypeError unless `text` is a string."""
    if not isinstance(text, str):
        hint = "; decode it first" if isinstance(text, bytes) else ""
        raise TypeError(f"{name} must be a string, got {type(text).__name__}{hint}")


def check_split(split: str | Callable[..., Any] | None) -> None:
    """Raise ValueError unless `split` can separate words."""
    if not isinstance(split, str) or not split:
        raise ValueError(f"split must be a string of at least one character, got {split!r}")
