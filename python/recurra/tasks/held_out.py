"""A text cut into what a language model learns from and what is held out; tokens put together into text again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recurra.tasks.vocabulary import Vocabulary, split_text
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.tasks.subwords import Subwords


def whole_characters(vocabulary: Vocabulary | Subwords, tokens: Iterator[Array]) -> Iterator[str]:
    """The text of `tokens`, of which one may hold only some of a character's bytes, which are at most four."""
    waiting: list[int] = []
    for token in tokens:
        waiting += token.tolist()
        text = vocabulary.decode(waiting)
        if text.endswith("\N{REPLACEMENT CHARACTER}") and len(waiting) < 4:
            continue
        waiting = []
        yield text
    if waiting:
        yield vocabulary.decode(waiting)


def split_held_out(text: str, level: str, validation: float) -> tuple[str, str]:
    """The text before and from the token at which the held-out share begins."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}: join several texts into one first")
    if not text.strip():
        raise ValueError(f"text must hold something to learn, got {'only white space' if text else 'an empty text'}")
    tokens = split_text(text, level) if level == "word" else text
    cut = round(len(tokens) * (1 - validation))
    if cut < 2 or (validation and cut == len(tokens)):
        raise ValueError(
            f"text is too short: {len(tokens)} {'words' if level == 'word' else 'characters'}"
            + (
                f", a share of {validation:g} of which is held out: give more text, or another validation"
                if validation
                else ": two are the least to learn from"
            )
        )
    return "".join(tokens[:cut]), "".join(tokens[cut:])
