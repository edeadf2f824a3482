"""A text ends before the stop that is whole first, however it is cut into pieces."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from recurra.tasks.stop_texts import check_stop, place_of_stop, until_stop


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one two", ["x"], None),
        ("one two", ["two"], 4),
        ("one two", ["o t", "e"], 2),
        ("aabaab", ["aab", "ab"], 0),
        ("abcd", ["bcd", "c"], 2),
        ("", ["a"], None),
    ],
)
def test_the_first_whole_stop(text: str, stops: list[str], expected: int | None) -> None:
    assert place_of_stop(text, stops) == expected


def test_pieces_of_any_length() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        text = "".join(rng.choice(list("abc"), 30))
        stops = ["".join(rng.choice(list("abc"), rng.integers(1, 6))) for _ in range(rng.integers(1, 4))]
        cuts = [0, *sorted(rng.integers(0, 31, 9)), 30]
        pieces = [text[a:b] for a, b in itertools.pairwise(cuts)]
        assert "".join(until_stop(pieces, stops)) == text[: place_of_stop(text, stops)]
        assert all(until_stop(pieces, stops))


def test_what_cannot_begin_a_stop_does_not_wait() -> None:
    def pieces() -> Any:
        yield "abx"
        raise AssertionError("asked for more")

    assert next(until_stop(pieces(), ["xyz"])) == "ab"


def test_nothing_is_drawn_after_a_stop() -> None:
    drawn = iter(["a", "b.", "c"])
    assert list(until_stop(drawn, ["."])) == ["a", "b"]
    assert next(drawn) == "c"


def test_arguments() -> None:
    assert check_stop(None) == () and check_stop("a") == ("a",) and check_stop(["a", "bc"]) == ("a", "bc")
    for wrong in ("", [""], [1], 3, b"a", {"a": 1}):
        with pytest.raises(ValueError, match="stop must be a text or a list of texts"):
            check_stop(wrong)
