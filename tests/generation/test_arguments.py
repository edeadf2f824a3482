"""Integers and numbers, and errors that name the argument, what was expected and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.generation.arguments import check_integer, check_number


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_integers(value: Any) -> None:
    found = check_integer(value, "length", 0)
    assert found == 3 and type(found) is int


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1, ValueError),
        (2.5, ValueError),
        (float("nan"), ValueError),
        ("3", TypeError),
        (None, TypeError),
        ([3], TypeError),
    ],
)
def test_what_is_no_integer(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"length must be an int >= 0 \(0 is none\), got "):
        check_integer(value, "length", 0, " (0 is none)")


def test_numbers() -> None:
    assert check_number(np.float32(0.5), "top_p", "a number") == 0.5 and check_number(1, "top_p", "a number") == 1.0
    for value in ("0.5", None, [0.5], b"1"):
        with pytest.raises(TypeError, match="top_p must be a number, got "):
            check_number(value, "top_p", "a number")
