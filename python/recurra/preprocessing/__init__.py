"""What turns text and series into arrays, in Keras's names: ``text``, ``sequence``, word vectors, TextVectorization."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.layers.text_vectorization import TextVectorization
    from recurra.preprocessing import sequence, text, word_vectors
    from recurra.preprocessing.text_dataset import text_dataset_from_directory
    from recurra.preprocessing.timeseries_dataset import timeseries_dataset_from_array
    from recurra.preprocessing.word_vectors import WordVectors

__all__ = [
    "TextVectorization", "WordVectors", "sequence", "text", "text_dataset_from_directory",
    "timeseries_dataset_from_array", "word_vectors",
]  # fmt: skip


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name in ("sequence", "text", "word_vectors"):
            return import_module(f"recurra.preprocessing.{name}")
        if name == "TextVectorization":
            return import_module("recurra.layers.text_vectorization").TextVectorization
        if name == "WordVectors":
            return import_module("recurra.preprocessing.word_vectors").WordVectors
        if name == "text_dataset_from_directory":
            return import_module("recurra.preprocessing.text_dataset").text_dataset_from_directory
        if name == "timeseries_dataset_from_array":
            return import_module("recurra.preprocessing.timeseries_dataset").timeseries_dataset_from_array
        raise AttributeError(f"module 'recurra.preprocessing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
