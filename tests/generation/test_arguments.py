"""Integers and numbers, and errors that name the argument, what was expected and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.generation import Sampler, Stepper, beam_search, generate, stream
from recurra.generation.arguments import check_ids, check_integer, check_number
from tests.support.generation_networks import network


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


def test_ids() -> None:
    for values in ([3, 1, 3], (1, 3), {3, 1}, np.array([3, 1], np.uint8), iter([1, 3]), range(1, 4, 2)):
        found = check_ids(values, "banned")
        assert found.tolist() == [1, 3] and found.dtype == np.int64
    assert check_ids([], "banned").tolist() == []
    for values in (3, None, "12", b"12", [1.5], ["1"], [[1, 2]], [True], [None]):
        with pytest.raises(TypeError, match="banned must be a list of ids, got "):
            check_ids(values, "banned")


@pytest.mark.parametrize("compiled", [True, False])
def test_arguments_of_generation(compiled: bool) -> None:
    model = Stepper(network(), compiled=compiled)
    calls: tuple[Any, ...] = (generate, beam_search, lambda *a, **o: next(stream(*a, **o)))
    for call in calls:
        for far in ([1, 2**31], np.array([2**33 + 1]), np.array([-(2**40)])):
            with pytest.raises(ValueError, match=r"prompt must hold ids in \[0, V\), got -?\d+"):
                call(model, far, length=2)
        with pytest.raises(TypeError, match="model must be a StepModel or a model of layers, got None"):
            call(None, [1], length=2)
    for call in calls[::2]:
        with pytest.raises(TypeError, match="sampler must be a Sampler, another function of scores"):
            call(model, [1], length=2, sampler=3)
    with pytest.raises(TypeError, match="banned must be a list of ids, got 3"):
        beam_search(model, [1], length=2, banned=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"banned must be a list of ids, got \[0.5\]"):
        Sampler(banned=[0.5])  # type: ignore[list-item]
    for end in ([], (), np.zeros(0, np.int64)):
        np.testing.assert_array_equal(
            generate(model, [1], length=5, sampler=Sampler(seed=1), end_id=end),
            generate(model, [1], length=5, sampler=Sampler(seed=1)),
        )
        assert len(beam_search(model, [1], length=3, width=2, end_id=end)) == 2
