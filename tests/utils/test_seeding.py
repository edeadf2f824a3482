"""set_random_seed and clear_session."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from recurra.utils import clear_session, set_random_seed


def test_one_seed_for_everything() -> None:
    from recurra.random import derive_seed

    def draw() -> tuple[Any, ...]:
        return random.random(), np.random.rand(), derive_seed()

    set_random_seed(5)
    first = draw()
    assert draw() != first
    set_random_seed(5)
    assert draw() == first
    set_random_seed(6)
    assert all(a != b for a, b in zip(draw(), first, strict=True))
    for wrong, error in ((-1, ValueError), (2**32, ValueError), (1.5, TypeError), ("1", TypeError), (True, TypeError)):
        with pytest.raises(error, match="seed must be"):
            set_random_seed(wrong)  # type: ignore[arg-type]


def test_names_start_over() -> None:
    from recurra.naming import auto_name

    clear_session()
    assert [auto_name("lstm"), auto_name("lstm")] == ["lstm", "lstm_1"]
    clear_session()
    assert auto_name("lstm") == "lstm"
