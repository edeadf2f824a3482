"""How a language model is trained where nothing else is said: sizes of steps that suit a text's length.

Chosen on Tiny Shakespeare, whole and in pieces of 60,000 and 8,000 characters, by the loss of the held-out tenth: many
small steps with a high rate, and the weights averaged.
"""

from __future__ import annotations

from typing import NamedTuple

_ROWS, _FEWEST_ROWS = 32, 4
_STEPS = 100  # of an epoch, at least, where the text is long enough
_RATE = 0.012  # of characters, 32 rows and 256 units


class Recipe(NamedTuple):
    """The settings of ``LanguageModel.fit`` that depend on the text.

    batch_size, learning_rate, averaging : see there
    """

    batch_size: int
    learning_rate: float
    averaging: float


def recipe(
    tokens: int,
    *,
    characters: bool,
    units: int,
    window: int,
    batch_size: int | None,
    learning_rate: float | None,
    averaging: float | None,
) -> Recipe:
    """What is given, and for what is None the setting for `tokens` tokens of training text.

    batch_size : 32 rows, and down to 4 where an epoch would have fewer than 100 steps
    learning_rate : 0.012 for 32 rows of characters and up to 256 units, a third of it for words and subwords; it falls
        with the root of the rows, and with the units above 256
    averaging : looks back over a fifth of an epoch
    """
    if batch_size is None:
        batch_size = min(_ROWS, max(_FEWEST_ROWS, tokens // (window * _STEPS)))
    if learning_rate is None:
        share = 1.0 if characters else 1 / 3
        learning_rate = _RATE * share * (min(batch_size, _ROWS) / _ROWS) ** 0.5 * min(1.0, 256 / units)
    if averaging is None:
        steps = tokens // (window * batch_size)
        averaging = max(0.0, 1 - 5 / steps) if steps else 0.0
    return Recipe(batch_size, learning_rate, averaging)
