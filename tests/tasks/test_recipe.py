"""The sizes of steps that a text's length chooses."""

from __future__ import annotations

import pytest

from recurra.tasks import LanguageModel
from recurra.tasks.recipe import recipe


@pytest.mark.parametrize(
    ("tokens", "characters", "units", "rows", "rate", "averaging"),
    [
        (1_003_854, True, 256, 32, 0.012, 1 - 5 / 490),
        (1_003_854, True, 512, 32, 0.006, 1 - 5 / 490),
        (1_003_854, False, 64, 32, 0.004, 1 - 5 / 490),
        (54_000, True, 128, 8, 0.006, 1 - 5 / 105),
        (7_000, True, 256, 4, 0.012 / 8**0.5, 1 - 5 / 27),
        (300, True, 256, 4, 0.012 / 8**0.5, 0.0),
        (90, True, 256, 4, 0.012 / 8**0.5, 0.0),
    ],
)
def test_of_a_text(tokens: int, characters: bool, units: int, rows: int, rate: float, averaging: float) -> None:
    found = recipe(
        tokens, characters=characters, units=units, window=64, batch_size=None, learning_rate=None, averaging=None
    )
    assert found.batch_size == rows
    assert found.learning_rate == pytest.approx(rate)
    assert found.averaging == pytest.approx(averaging)


def test_what_is_given_is_kept() -> None:
    found = recipe(500, characters=True, units=9, window=3, batch_size=70, learning_rate=0.5, averaging=0.0)
    assert found == (70, 0.5, 0.0)


def test_the_defaults_learn_a_short_text() -> None:
    text = "round and round the rugged rock the ragged rascal ran\n" * 60
    model = LanguageModel(units=32, seed=1)
    model.fit(text, verbose=0)
    assert model.trained["val_loss"] < 1.0
