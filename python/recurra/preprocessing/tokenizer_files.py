"""Tokenizers from files: JSON, and pickles of old without running anything in them."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from reprlib import repr as shortened
from typing import Any

from recurra.limits import FileFormatError, PickleError, check_json, read_file
from recurra.preprocessing.tokenizer import Tokenizer
from recurra.preprocessing.words import Analyzer
from recurra.utils.safe_pickle import check_keys, restricted_load

_SETTINGS = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
_PACKAGES = ("keras", "keras_preprocessing", "recurra", "tensorflow", "tf_keras")
_COUNTS = ("word_counts", "word_docs", "index_docs", "word_index", "index_word")


def tokenizer_from_json(json_string: str, analyzer: Analyzer | None = None) -> Tokenizer:
    """A Tokenizer from what ``to_json`` gave, here or in Keras. It can go on being fitted.

    json_string : the JSON
    analyzer : the callable that the Tokenizer had, if any: JSON does not hold it
    raises : FileFormatError (a ValueError) for anything else

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["one fish two fish"])
    >>> again = tokenizer_from_json(tokenizer.to_json())
    >>> again.fit_on_texts(["red fish blue fish"])
    >>> again.word_counts["fish"]
    4
    """
    try:
        config = _parsed(json_string)["config"]
        state = {name: config[name] for name in _SETTINGS if name in config}
        state |= {name: _parsed(config[name]) for name in _COUNTS}
    except KeyError as error:
        raise FileFormatError(f"json_string must be what Tokenizer.to_json gives: it has no {error}") from None
    except FileFormatError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise FileFormatError(f"json_string must be what Tokenizer.to_json gives: {error}") from None
    unknown = set(config) - set(_SETTINGS) - set(_COUNTS) - {"analyzer"}
    if unknown:
        raise FileFormatError(f"json_string: a Tokenizer has no {', '.join(sorted(unknown))[:200]}")
    return _restore(state, analyzer, "json_string")


def _parsed(text: str) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"it must be str, got {type(text).__name__}")
    check_json(text.encode("utf-8", "surrogatepass"), "json_string must be what Tokenizer.to_json gives: it")
    return json.loads(text)


def tokenizer_from_pickle(source: str | os.PathLike[str] | bytes, analyzer: Analyzer | None = None) -> Tokenizer:
    """A Tokenizer from a pickle made by Keras 2, tensorflow.keras, keras_preprocessing or recurra.

    Nothing in the pickle is run: only plain values and the Tokenizer's own state are read.

    source : path of the file, or its content as bytes
    analyzer : the callable that the Tokenizer is to use, if any
    raises : PickleError (a pickle.UnpicklingError and a FileFormatError) for a pickle that is damaged, holds another
        object, or names anything that is neither a plain container nor a Tokenizer; OSError where the file cannot be
        read
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, name = bytes(source), "the pickle"
    else:
        data, name = read_file(source), os.fspath(source)
    loaded = restricted_load(data, _StandIns(), name)
    if not isinstance(loaded, _State) or not isinstance(loaded.attributes, dict):
        raise PickleError(f"{name} does not hold a Tokenizer but a {type(loaded).__name__}")
    state = loaded.attributes
    if state.get("analyzer") is not None:
        raise PickleError(f"{name}: its analyzer is not loaded from a file; pass it as analyzer=")
    try:
        return _restore(state, analyzer, name)
    except ValueError as error:
        raise PickleError(str(error)) from None


class _State:
    """Stands for a pickled Tokenizer: takes its attributes and does nothing."""

    __slots__ = ("attributes",)

    attributes: Any

    def __new__(cls) -> _State:  # a pickle may make one without calling __init__
        made = super().__new__(cls)
        made.attributes = None
        return made

    def __setstate__(self, state: Any) -> None:
        self.attributes = state


class _Object:
    """Stands for ``object`` in the oldest pickles."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a plain object has no state")


class _Reconstruct:
    """Stands for the function by which the oldest pickles make an instance."""

    __slots__ = ()

    def __call__(self, cls: Any, base: Any, state: Any) -> _State:
        if cls is not _State or base is not _Object:
            raise pickle.UnpicklingError("only a Tokenizer is made")
        return _State()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a function has no state")


class _Table:
    """Stands for OrderedDict or defaultdict, and makes one whose keys were looked at."""

    __slots__ = ("kind",)

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def __call__(self, *arguments: Any) -> Any:
        first = [int] if self.kind is defaultdict and arguments else []
        if first and arguments[0] not in (int, None):
            raise pickle.UnpicklingError("a table counts from 0")
        content = arguments[len(first) :]
        pairs = content[0] if content else ()
        if len(content) > 1 or not isinstance(pairs, (Mapping, list, tuple)):
            raise pickle.UnpicklingError("a table is made of pairs")
        if not isinstance(pairs, Mapping):
            pairs = [(key, value) for key, value in pairs]
            check_keys(key for key, _ in pairs)
        return self.kind(*first, pairs)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a class has no state")


class _StandIns(dict[tuple[str, str], Any]):
    """What a pickled Tokenizer may name."""

    def __init__(self) -> None:
        super().__init__(
            {
                ("collections", "OrderedDict"): _Table(OrderedDict),
                ("collections", "defaultdict"): _Table(defaultdict),
                ("builtins", "int"): int,
                ("__builtin__", "int"): int,
                ("__builtin__", "long"): int,
                ("builtins", "object"): _Object,
                ("__builtin__", "object"): _Object,
                ("copyreg", "_reconstructor"): _Reconstruct(),
                ("copy_reg", "_reconstructor"): _Reconstruct(),
            }
        )

    def __missing__(self, key: tuple[str, str]) -> Any:
        module, name = key
        if name == "Tokenizer" and module.split(".")[0] in _PACKAGES:
            return _State
        raise KeyError(key)


def _restore(state: dict[str, Any], analyzer: Analyzer | None, what: str) -> Tokenizer:
    """A Tokenizer of checked `state`: counters that count on, integer keys where they belong."""
    try:
        _check_settings(state)
        tokenizer = Tokenizer(**{name: state[name] for name in _SETTINGS if name in state}, analyzer=analyzer)
        tables = {name: _table(state.get(name), name) for name in _COUNTS}
        tokenizer.word_counts = OrderedDict((_word(w), _number(n)) for w, n in tables["word_counts"].items())
        tokenizer.word_docs = defaultdict(int, {_word(w): _number(n) for w, n in tables["word_docs"].items()})
        tokenizer.index_docs = defaultdict(int, {_index(i): _number(n) for i, n in tables["index_docs"].items()})
        tokenizer.word_index = {_word(w): _number(i) for w, i in tables["word_index"].items()}
        tokenizer.index_word = {_index(i): _word(w) for i, w in tables["index_word"].items()}
    except (TypeError, ValueError, OverflowError, pickle.UnpicklingError) as error:
        raise FileFormatError(f"{what}: not the state of a Tokenizer: {error}") from None
    if not tokenizer.index_word:  # Keras before 2.2 did not keep it
        tokenizer.index_word = {index: word for word, index in tokenizer.word_index.items()}
    return tokenizer


_KINDS: dict[str, tuple[type, ...]] = {
    "num_words": (int, type(None)),
    "filters": (str, list, tuple),
    "lower": (bool, int),
    "split": (str,),
    "char_level": (bool, int),
    "oov_token": (str, type(None)),
    "document_count": (int,),
}


def _check_settings(state: Mapping[str, Any]) -> None:
    for name, kinds in _KINDS.items():
        if name in state and not isinstance(state[name], kinds):
            raise TypeError(f"{name} is {shortened(state[name])}")
    filters = state.get("filters")
    if isinstance(filters, (list, tuple)) and not all(isinstance(item, str) for item in filters):
        raise TypeError(f"filters is {shortened(filters)}")


def _table(value: Any, name: str) -> Mapping[Any, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{name} is {shortened(value)}")
    return value or {}


def _index(value: Any) -> int:
    """A word's number, which JSON keeps as text."""
    number = int(value) if isinstance(value, (str, int)) else -1
    if not 0 <= number < 1 << 48:
        raise ValueError(f"expected the number of a word, got {shortened(value)}")
    return number


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a word, got {shortened(value)}")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a count, got {shortened(value)}")
    return value
