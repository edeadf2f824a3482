"""Text to ids of subwords and back, without loss: byte-pair encoding by the ``tokenizers`` package."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from recurra.tasks.vocabulary import START, UNKNOWN
from recurra.typing import Array

_BYTES = 256
SMALLEST = _BYTES + 2
"""The least size: every byte, start and unknown."""


class Subwords:
    """The subwords that a language model knows, with their ids, learned by byte-pair encoding (Sennrich et al. 2016).

    Id 0 marks the start of a text; id 1, for unknown tokens, never occurs: every text is made of the 256 bytes that are
    always there, in UTF-8, and of what was merged from them. Needs the extra ``recurra[tokenizers]``.

    text : what to learn the merges from
    size : the most ids to use, at least 258
    least : how often two neighbours must occur to become one subword
    """

    level = "subword"

    def __init__(self, text: str, size: int, least: int = 0) -> None:
        if size < SMALLEST:
            raise ValueError(
                f"vocabulary size must be >= {SMALLEST} for subwords (every byte, start, unknown), got {size}"
            )
        if not text:
            raise ValueError("text must not be empty: there is nothing to learn a vocabulary from")
        parts = _package()
        tokenizer = _of_bytes(parts, parts.models.BPE())
        trainer = parts.trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=least,
            # spelt with a space, which stands in no token of bytes
            special_tokens=[" start", " unknown"],
            initial_alphabet=parts.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
        description = json.loads(tokenizer.to_str())
        description["added_tokens"] = []  # else the text " start" would become id 0
        self._tokenizer = parts.Tokenizer.from_str(json.dumps(description))

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> Array:
        """The ids of the text's subwords, (N,) int32."""
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids; start and unknown have none. Bytes that are no UTF-8 become U+FFFD."""
        chosen = [int(i) for i in ids]
        if chosen and (min(chosen) < 0 or max(chosen) >= len(self)):
            raise ValueError(f"ids must be in [0, {len(self)}), got {min(chosen)} to {max(chosen)}")
        text: str = self._tokenizer.decode([i for i in chosen if i not in (START, UNKNOWN)], skip_special_tokens=False)
        return text

    def unknown(self, text: str) -> list[str]:
        """No text has unknown subwords."""
        return []

    def to_json(self) -> str:
        return str(self._tokenizer.to_str())

    @classmethod
    def from_json(cls, text: str) -> Subwords:
        """The vocabulary that :meth:`to_json` wrote: its subwords and merges count, checked, and nothing else in it."""
        parts = _package()
        description = json.loads(text)
        model = description.get("model") if isinstance(description, dict) else None
        ids, merges = (model.get("vocab"), model.get("merges")) if isinstance(model, dict) else (None, None)
        if not isinstance(ids, dict) or not isinstance(merges, list):
            raise ValueError("a vocabulary of subwords must hold a model with a vocab and merges")
        if not all(type(i) is int for i in ids.values()) or sorted(ids.values()) != list(range(len(ids))):
            raise ValueError(f"the ids of {len(ids)} subwords must be 0 to {len(ids) - 1}")
        missing = sum(byte not in ids for byte in parts.pre_tokenizers.ByteLevel.alphabet())
        if missing or len(ids) < SMALLEST:
            raise ValueError(
                f"subwords must be at least {SMALLEST}, with every byte, got {len(ids)}; {missing} bytes are missing"
            )
        pairs = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in merges]
        if not all(len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in pairs):
            raise ValueError("every merge of subwords must be a pair of them")
        vocabulary = cls.__new__(cls)
        try:
            vocabulary._tokenizer = _of_bytes(parts, parts.models.BPE(ids, pairs))
        except Exception as error:  # the package raises no narrower class
            raise ValueError(f"the merges of subwords cannot be used: {error}") from error
        return vocabulary


def _of_bytes(parts: Any, model: Any) -> Any:
    tokenizer = parts.Tokenizer(model)
    tokenizer.pre_tokenizer = parts.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = parts.decoders.ByteLevel()
    return tokenizer


def check_subwords(vocabulary_size: int) -> None:
    """Refuse a size that is too small, and a machine without the package, before anything is read or written.

    raises : ValueError, ImportError that names the extra
    """
    if vocabulary_size < SMALLEST:
        raise ValueError(f"vocabulary_size must be >= {SMALLEST} for subwords, got {vocabulary_size}")
    _package()


def _package() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError("Subwords need tokenizers: pip install 'recurra[tokenizers]'") from error
    return tokenizers
