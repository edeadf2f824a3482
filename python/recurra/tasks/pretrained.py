"""What a classifier starts from: word vectors in a file, or a language model of the same texts."""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np

from recurra.layers import RNN, Embedding
from recurra.preprocessing.word_vectors import WordVectors, load_word_vectors
from recurra.tasks.arguments import check_finite_vectors
from recurra.tasks.language_model import LanguageModel
from recurra.tasks.vocabulary import Vocabulary


def check_choice(vectors: Any, language_model: Any) -> None:
    """Refuse what classifiers cannot start from."""
    if vectors is not None and language_model is not None:
        raise ValueError("vectors and language_model cannot be given together: both are first values of the words")
    if not isinstance(vectors, (str, os.PathLike, WordVectors, type(None))):
        raise TypeError(f"vectors must be a path, WordVectors or None, got {type(vectors).__name__}")
    if not isinstance(language_model, (str, os.PathLike, LanguageModel, type(None))):
        raise TypeError(f"language_model must be a path, a LanguageModel or None, got {type(language_model).__name__}")


def fingerprint(vectors: Any, language_model: Any) -> dict[str, Any]:
    """Names and values that tell one start from another."""

    def of(*arrays: Any) -> int:
        found = 0
        for array in arrays:
            found = zlib.crc32(np.ascontiguousarray(array).tobytes(), found)
        return found

    start: dict[str, Any] = {"vectors": None, "language_model": None}
    if vectors is not None:
        start["vectors"] = of(vectors.vectors) if isinstance(vectors, WordVectors) else os.fspath(vectors)
    if language_model is not None:
        known = isinstance(language_model, LanguageModel) and language_model.model is not None
        path = "" if isinstance(language_model, LanguageModel) else os.fspath(language_model)
        start["language_model"] = of(*language_model.model.get_weights()) if known else path
    return start


def open_language_model(
    source: str | os.PathLike[str] | LanguageModel, *, cell: str, units: int, embedding: int | None
) -> LanguageModel:
    """The trained language model, or an error that says why a classifier made like this cannot start from it."""
    lm = source if isinstance(source, LanguageModel) else LanguageModel.load(source)
    if lm.model is None:
        raise ValueError("language_model must be trained first: call its fit, or load a saved one")
    vocabulary_of(lm)
    for name, value in (("cell", cell), ("units", units), ("embedding", embedding)):
        wanted = getattr(lm, name)
        if value is not None and value != wanted:
            raise ValueError(f"{name} must be that of the language model, {wanted!r}, got {value!r}")
    return lm


def vocabulary_of(lm: LanguageModel) -> Vocabulary:
    """The words or characters that a language model knows."""
    if not isinstance(lm.vocabulary, Vocabulary):
        raise ValueError(f"language_model must be one of words or characters, got one of level {lm.level!r}")
    return lm.vocabulary


def put_language_model(lm: LanguageModel, network: Any) -> None:
    """Give a classifier's network the vectors and the first recurrent layer, as its forward one, of `lm`."""
    # with tied weights the model is not a chain, and an input stands first
    words, recurrent = (next(part for part in lm.model.layers if isinstance(part, kind)) for kind in (Embedding, RNN))
    table = network.get_layer("words")
    table.set_weights(words.get_weights())
    layer = network.get_layer("recurrent")
    getattr(layer, "forward_layer", layer).set_weights(recurrent.get_weights())


def open_vectors(
    source: str | os.PathLike[str] | WordVectors, words: dict[str, int], embedding: int | None
) -> WordVectors:
    """Vectors for some of `words`; from a file only these are read."""
    found = source if isinstance(source, WordVectors) else load_word_vectors(source, words=words)
    check_finite_vectors(found)
    if embedding is not None and embedding != found.dimension:
        raise ValueError(f"embedding must be the length of the vectors, {found.dimension}, or None, got {embedding}")
    if not any(word in found for word in words):
        raise ValueError(
            f"vectors must hold some of the {len(words):,} words of the texts, which are lower-cased, got none of them "
            f"among {len(found):,}"
        )
    return found


def put_vectors(vectors: WordVectors, words: dict[str, int], network: Any) -> None:
    """Give a classifier's network the vectors; words without one keep the first values that they have."""
    layer = network.get_layer("words")
    table = np.array(layer.get_weights()[0])
    for word, row in words.items():
        if word in vectors:
            table[row] = vectors[word]
    layer.set_weights([table])
