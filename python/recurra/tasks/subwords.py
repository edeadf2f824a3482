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
    """

    level = "subword"

    def __init__(self, text: str, size: int) -> None:
        if size < SMALLEST:
            raise ValueError(
                f"vocabulary size must be >= {SMALLEST} for subwords (every byte, start, unknown), got {size}"
            )
        if not text:
            raise ValueError("text must not be empty: there is nothing to learn a vocabulary from")
        parts = _package()
        tokenizer = parts.Tokenizer(parts.models.BPE())
        tokenizer.pre_tokenizer = parts.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = parts.decoders.ByteLevel()
        trainer = parts.trainers.BpeTrainer(
            vocab_size=size,
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
        vocabulary = cls.__new__(cls)
        vocabulary._tokenizer = _package().Tokenizer.from_str(text)
        return vocabulary


def _package() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError("Subwords need tokenizers: pip install 'recurra[tokenizers]'") from error
    return tokenizers
