"""Text to numbers: words, vocabularies, hashes. Keras's ``preprocessing.text``."""

from recurra.preprocessing.tokenizer import Tokenizer
from recurra.preprocessing.tokenizer_files import tokenizer_from_json, tokenizer_from_pickle
from recurra.preprocessing.words import hashing_trick, one_hot, text_to_word_sequence

__all__ = [
    "Tokenizer",
    "hashing_trick",
    "one_hot",
    "text_to_word_sequence",
    "tokenizer_from_json",
    "tokenizer_from_pickle",
]
